"""The jackknife over patients: sums give the statistics themselves, intervals have the right coverage; refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.agreement import lin_ccc, pearson, rmse
from osteo_core.statistics.jackknife import (
    ABSOLUTE_AGREEMENT,
    BIAS,
    CONCORDANCE,
    CORRELATION,
    MEAN_ABSOLUTE,
    ROOT_MEAN_SQUARE,
    Statistic,
    by_patient,
)
from osteo_core.statistics.reliability import icc

SLOW = {
    BIAS: lambda x, y: float((x - y).mean()),
    ROOT_MEAN_SQUARE: rmse,
    MEAN_ABSOLUTE: lambda x, y: float(np.abs(np.subtract(x, y)).mean()),
    CORRELATION: lambda x, y: pearson(x, y).value,
    CONCORDANCE: lambda x, y: lin_ccc(x, y).value,
    ABSOLUTE_AGREEMENT: lambda x, y: icc(np.column_stack([x, y])).value,
}


def one(x: np.ndarray, y: np.ndarray, patients: object, statistic: Statistic = BIAS) -> Estimate:
    found = by_patient(x, y, patients, {"it": statistic})["it"]
    assert isinstance(found, Estimate)
    return found


@pytest.mark.parametrize("statistic", SLOW)
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_sums_give_the_statistic_and_the_interval_of_the_slow_way(statistic: Statistic, shift: float) -> None:
    """The slow way leaves out rows, computes the statistic itself, and takes the mean of Tukey's pseudovalues."""
    rng = np.random.default_rng(4)
    patients = rng.integers(0, 60, 200)
    truth = rng.normal(110, 30, 60)[patients]
    x, y = truth + rng.normal(3, 8, 200) + shift, truth + rng.normal(0, 6, 200) + shift
    found = one(x, y, patients, statistic)
    value, names = SLOW[statistic](x, y), np.unique(patients)
    assert found.value == pytest.approx(value, rel=1e-8)
    n, at = len(names), statistic.scale(value)
    without = [statistic.scale(SLOW[statistic](x[patients != p], y[patients != p])) for p in names]
    pseudo = [n * at - (n - 1) * w for w in without]
    half = stats.t.ppf(0.975, n - 1) * np.std(pseudo, ddof=1) / np.sqrt(n)
    low, high = min(at, np.mean(pseudo)) - half, max(at, np.mean(pseudo)) + half
    assert (found.low, found.high) == pytest.approx((statistic.back(low), statistic.back(high)), rel=1e-6)


@pytest.mark.parametrize("count", [5, 12, 40])
def test_with_one_pair_each_the_bias_has_students_interval(count: int) -> None:
    x = np.random.default_rng(1).normal(3, 10, count)
    found = one(x, np.zeros(count), np.arange(count))
    half = stats.t.ppf(0.975, count - 1) * x.std(ddof=1) / np.sqrt(count)
    assert (found.value, found.low, found.high) == pytest.approx((x.mean(), x.mean() - half, x.mean() + half))


@pytest.mark.parametrize("count", [5, 8, 20])
@pytest.mark.parametrize("each", [1, 4])
def test_intervals_hold_the_truth_from_five_patients_on(count: int, each: int) -> None:
    """Bias 3, patients' SD 8, levels' SD 6, patients' values 110 (25): the true figures follow from these."""
    rng, held = np.random.default_rng(12), np.zeros(3)
    spread = 8.0**2 + 6.0**2
    truth = {"bias": 3.0, "rmse": np.sqrt(9 + spread), "r": 25 / np.sqrt(25**2 + spread)}
    statistics = {"bias": BIAS, "rmse": ROOT_MEAN_SQUARE, "r": CORRELATION}
    patients = np.repeat(np.arange(count), each)
    for _ in range(600):
        y = rng.normal(110, 25, count)[patients]
        x = y + 3 + rng.normal(0, 8, count)[patients] + rng.normal(0, 6, count * each)
        found = by_patient(x, y, patients, statistics)
        held += [found[name].low <= true <= found[name].high for name, true in truth.items()]
    assert (held / 600 >= [0.92, 0.90, 0.92]).all()


def test_many_patients_keep_the_width() -> None:
    rng = np.random.default_rng(6)
    patients = np.repeat(np.arange(20_000), 3)
    x = np.repeat(rng.normal(0, 10, 20_000), 3)
    found = one(x, np.zeros(60_000), patients)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 10 / np.sqrt(20_000), rel=0.03)
    assert found.n == 20_000


def test_four_levels_that_go_together_count_as_one_patient() -> None:
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(0, 10, 100), 4)
    found = one(x, np.zeros(400), np.arange(400) // 4)
    naive = one(x, np.zeros(400), np.arange(400))
    assert (found.high - found.low) == pytest.approx(2 * (naive.high - naive.low), rel=0.02)
    assert found.n == 100


def test_the_interval_is_the_same_in_any_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 60), rng.normal(0, 1, 60)
    patients = np.array([f"{n // 3:02d}" for n in range(60)])
    first = one(x, y, patients)
    order = rng.permutation(60)
    back = one(x[order], y[order], patients[order])
    assert (first.low, first.high) == pytest.approx((back.low, back.high))


def test_what_cannot_be_computed_is_said() -> None:
    with pytest.raises(StatisticsError, match="too few patients for an interval: 2"):
        by_patient([1, 2, 3, 4], [1, 2, 3, 5], ["a", "a", "b", "b"], {"it": BIAS})
    with pytest.raises(StatisticsError, match="each pair needs a patient, found 3 for 4 pairs"):
        by_patient([1, 2, 3, 4], [1, 2, 3, 5], ["a", "a", "b"], {"it": BIAS})
    with pytest.raises(StatisticsError, match="confidence must lie between 0 and 1"):
        by_patient(np.arange(9.0), np.zeros(9), np.arange(9), {"it": BIAS}, confidence=95)


def test_data_that_hardly_vary() -> None:
    statistics = {"r": CORRELATION, "bias": BIAS, "rmse": ROOT_MEAN_SQUARE}
    flat = by_patient(np.full(9, 100.0), np.full(9, 100.0), np.arange(9), statistics)
    assert "vary too little" in str(flat["r"])
    assert all(isinstance(flat[name], Estimate) and flat[name].high == 0 for name in ("bias", "rmse"))
    values = np.random.default_rng(2).normal(110, 25, 9)
    same = by_patient(values, values, np.arange(9), statistics)
    assert same["r"].low == pytest.approx(1.0)
    one_off = by_patient(values + 5 * (np.arange(9) == 4), values, np.arange(9), statistics)
    assert "when one patient is left out" in str(one_off["rmse"])
    assert one_off["bias"].value == pytest.approx(5 / 9)
