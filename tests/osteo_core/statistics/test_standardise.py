"""Direct standardisation against a slow second way, Garwood and a simulation; Newcombe's printed difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.programme.standard import EUROPE_2013
from osteo_core.statistics.standardise import directly_standardised


def test_the_share_is_that_of_a_population_made_of_the_standard() -> None:
    found = directly_standardised([20, 30, 5], [100, 60, 50], [3, 2, 5])
    people = [20 / 100] * 3000 + [30 / 60] * 2000 + [5 / 50] * 5000
    assert found.value == pytest.approx(np.mean(people))


def test_with_many_people_the_interval_is_the_normal_one() -> None:
    found = directly_standardised([200_000, 300_000, 50_000], [1_000_000, 600_000, 500_000], [3, 2, 5])
    variance = (0.3**2 * 0.2 * 0.8 / 1e6) + (0.2**2 * 0.5 * 0.5 / 6e5) + (0.5**2 * 0.1 * 0.9 / 5e5)
    half = 1.959964 * variance**0.5
    assert (found.high - found.value, found.value - found.low) == pytest.approx((half, half), rel=0.01)


def test_one_stratum_with_few_cases_has_garwoods_interval() -> None:
    found = directly_standardised([7], [1_000_000], [1])
    assert found.low == pytest.approx(stats.chi2.ppf(0.025, 14) / 2e6, rel=1e-4)
    assert found.high == pytest.approx(stats.chi2.ppf(0.975, 16) / 2e6, rel=1e-4)
    assert directly_standardised([0, 0], [50, 50], [1, 1]).low == 0.0


def test_cases_and_their_complement_have_one_interval() -> None:
    sizes, weights = (30, 40, 50), (5, 3, 2)
    one = directly_standardised([3, 0, 9], sizes, weights)
    other = directly_standardised([27, 40, 41], sizes, weights)
    assert (other.value, other.low, other.high) == pytest.approx((1 - one.value, 1 - one.high, 1 - one.low))
    full = directly_standardised(sizes, sizes, weights)
    assert (full.value, full.high) == (pytest.approx(1.0), pytest.approx(1.0))
    assert full.low < 0.95


EUROPE = tuple(EUROPE_2013.weights.values())
RISING = (0.03, 0.03, 0.1, 0.1, 0.15, 0.2, 0.3, 0.35)


@pytest.mark.parametrize(
    ("shares", "sizes", "weights"),
    [
        ((0.02, 0.03, 0.05), (60, 80, 70), (5, 3, 2)),
        ((0.1, 0.3, 0.5), (200, 150, 90), (5, 3, 2)),
        (RISING, (10, 10, 300, 300, 300, 300, 300, 300), EUROPE),
        (RISING, (300,) * 8, EUROPE),
        (RISING, (10,) * 8, EUROPE),
        ((0.5,) * 8, (12, 20, 40, 80, 80, 60, 30, 12), EUROPE),
        ((0.01,) * 8, (15,) * 8, EUROPE),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(shares: tuple, sizes: tuple, weights: tuple) -> None:
    rng = np.random.default_rng(1)
    truth = np.average(shares, weights=weights)
    held = 0
    for _ in range(1000):
        found = directly_standardised(
            [int(rng.binomial(n, p)) for n, p in zip(sizes, shares, strict=True)], sizes, weights
        )
        held += found.low <= truth <= found.high
    assert held / 1000 >= 0.935


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([1], [0], [1.0]), "a stratum is empty"),
        (([], [], []), "one count, one size and one weight"),
        (([5], [4], [1.0]), "must not exceed the size of their strata"),
    ],
)
def test_what_cannot_be_standardised_is_said(given: tuple, words: str) -> None:
    with pytest.raises(StatisticsError, match=words):
        directly_standardised(*given)
