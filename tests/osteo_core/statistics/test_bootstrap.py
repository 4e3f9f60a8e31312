"""The bootstrap over patients: sums give the statistics themselves, intervals their known error, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics import bootstrap
from osteo_core.statistics.agreement import lin_ccc, pearson, rmse
from osteo_core.statistics.bootstrap import Statistic, bias, by_patient
from osteo_core.statistics.reliability import icc

SLOW = {
    bias: lambda x, y: float((x - y).mean()),
    bootstrap.root_mean_square: rmse,
    bootstrap.mean_absolute: lambda x, y: float(np.abs(np.subtract(x, y)).mean()),
    bootstrap.correlation: lambda x, y: pearson(x, y).value,
    bootstrap.concordance: lambda x, y: lin_ccc(x, y).value,
    bootstrap.absolute_agreement: lambda x, y: icc(np.column_stack([x, y])).value,
}


def one(x: np.ndarray, y: np.ndarray, patients: object, statistic: Statistic = bias) -> Estimate:
    found = by_patient(x, y, patients, {"it": statistic})["it"]
    assert isinstance(found, Estimate)
    return found


@pytest.mark.parametrize("statistic", SLOW)
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_sums_give_the_statistic_and_the_interval_of_the_slow_way(statistic: Statistic, shift: float) -> None:
    """The second way draws rows, patient by patient, and asks the statistic itself."""
    rng = np.random.default_rng(4)
    patients = rng.integers(0, 60, 200)
    truth = rng.normal(110, 30, 60)[patients]
    x, y = truth + rng.normal(3, 8, 200) + shift, truth + rng.normal(0, 6, 200) + shift
    found = one(x, y, patients, statistic)
    assert found.value == pytest.approx(SLOW[statistic](x, y), rel=1e-8)
    rows = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    drawn = []
    for _ in range(600):
        at = np.concatenate([rows[k] for k in rng.integers(0, len(rows), len(rows))])
        drawn.append(SLOW[statistic](x[at], y[at]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.2 * (high - low))


def test_with_one_pair_each_it_is_near_the_means_own_interval() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 10, 400)
    found = one(x, np.zeros(400), np.arange(400))
    half = 1.96 * x.std(ddof=1) / 20
    assert found.value == pytest.approx(x.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_many_patients_in_groups_keep_the_width() -> None:
    rng = np.random.default_rng(6)
    patients = np.repeat(np.arange(20_000), 3)
    x = np.repeat(rng.normal(0, 10, 20_000), 3)
    found = one(x, np.zeros(60_000), patients)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 10 / np.sqrt(20_000), rel=0.12)
    assert found.n == 20_000


def test_four_levels_that_go_together_count_as_one_patient() -> None:
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(0, 10, 100), 4)
    found = one(x, np.zeros(400), np.arange(400) // 4)
    naive = one(x, np.zeros(400), np.arange(400))
    assert (found.high - found.low) == pytest.approx(2 * (naive.high - naive.low), rel=0.15)
    assert found.n == 100


def test_the_same_seed_gives_the_same_interval_in_any_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 60), rng.normal(0, 1, 60)
    patients = np.array([f"{n // 3:02d}" for n in range(60)])
    first = one(x, y, patients)
    order = rng.permutation(60)
    back = one(x[order], y[order], patients[order])
    assert (first.low, first.high) == pytest.approx((back.low, back.high))


def test_what_cannot_be_computed_is_said() -> None:
    with pytest.raises(StatisticsError, match="too few patients to draw from: 2"):
        by_patient([1, 2, 3, 4], [1, 2, 3, 5], ["a", "a", "b", "b"], {"it": bias})
    with pytest.raises(StatisticsError, match="each pair needs its patient, found 3 for 4 pairs"):
        by_patient([1, 2, 3, 4], [1, 2, 3, 5], ["a", "a", "b"], {"it": bias})
    flat = by_patient(np.full(9, 100.0), np.full(9, 100.0), np.arange(9), {"r": bootstrap.correlation, "bias": bias})
    assert "vary too little" in str(flat["r"])
    assert isinstance(flat["bias"], Estimate)
