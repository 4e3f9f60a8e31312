"""The bootstrap over patients: the mean's known error with one pair each, wider with levels, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.errors import StatisticsError
from osteo_core.statistics.bootstrap import by_patient


def bias(x: np.ndarray, y: np.ndarray) -> float:
    return float((x - y).mean())


def test_with_one_pair_each_it_is_near_the_means_own_interval() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 10, 400)
    found = by_patient(x, np.zeros(400), [str(n) for n in range(400)], bias)
    half = 1.96 * x.std(ddof=1) / 20
    assert found.value == pytest.approx(x.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_four_levels_that_go_together_count_as_one_patient() -> None:
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(0, 10, 100), 4)
    patients = [str(n // 4) for n in range(400)]
    found = by_patient(x, np.zeros(400), patients, bias)
    naive = by_patient(x, np.zeros(400), [str(n) for n in range(400)], bias)
    assert (found.high - found.low) == pytest.approx(2 * (naive.high - naive.low), rel=0.15)
    assert found.n == 100


def test_the_same_seed_gives_the_same_interval_in_any_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 60), rng.normal(0, 1, 60)
    patients = np.array([f"{n // 3:02d}" for n in range(60)])
    first = by_patient(x, y, list(patients), bias)
    order = np.argsort(patients[::-1], kind="stable")
    back = by_patient(x[::-1][order], y[::-1][order], list(patients[::-1][order]), bias)
    assert (first.low, first.high) == pytest.approx((back.low, back.high))


def test_too_few_patients_are_said() -> None:
    with pytest.raises(StatisticsError, match="too few patients to draw from: 2"):
        by_patient([1, 2, 3, 4], [1, 2, 3, 5], ["a", "a", "b", "b"], bias)
