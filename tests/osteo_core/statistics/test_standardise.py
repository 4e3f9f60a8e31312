"""Direct standardisation against a slow second way, Garwood and a simulation; Newcombe's printed difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.statistics.standardise import directly_standardised


def test_the_share_is_that_of_a_population_made_of_the_standard() -> None:
    found = directly_standardised([20, 30, 5], [100, 60, 50], [3, 2, 5])
    people = [20 / 100] * 3000 + [30 / 60] * 2000 + [5 / 50] * 5000
    assert found.value == pytest.approx(np.mean(people))
    variance = (0.3**2 * 0.2 * 0.8 / 100) + (0.2**2 * 0.5 * 0.5 / 60) + (0.5**2 * 0.1 * 0.9 / 50)
    assert found.high - found.value == pytest.approx(1.959964 * variance**0.5, rel=1e-6)


def test_one_stratum_with_few_cases_has_garwoods_interval() -> None:
    found = directly_standardised([7], [1000], [1])
    assert found.low == pytest.approx(stats.chi2.ppf(0.025, 14) / 2000)
    assert found.high == pytest.approx(stats.chi2.ppf(0.975, 16) / 2000)
    assert directly_standardised([0, 0], [50, 50], [1, 1]).low == 0.0


@pytest.mark.parametrize(("shares", "sizes"), [((0.02, 0.03, 0.05), (60, 80, 70)), ((0.1, 0.3, 0.5), (200, 150, 90))])
def test_intervals_hold_the_truth_as_often_as_they_say(shares: tuple, sizes: tuple) -> None:
    rng, weights = np.random.default_rng(1), (5, 3, 2)
    truth = np.average(shares, weights=weights)
    held = 0
    for _ in range(1500):
        found = directly_standardised(
            [int(rng.binomial(n, p)) for n, p in zip(sizes, shares, strict=True)], sizes, weights
        )
        held += found.low <= truth <= found.high
    assert 0.935 <= held / 1500 <= 0.995


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([1], [0], [1.0]), "a stratum is empty"),
        (([], [], []), "one count, one size and one weight"),
        (([5], [4], [1.0]), "lie within their strata"),
    ],
)
def test_what_cannot_be_standardised_is_said(given: tuple, words: str) -> None:
    with pytest.raises(StatisticsError, match=words):
        directly_standardised(*given)
