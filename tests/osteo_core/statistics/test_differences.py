"""Differences with their intervals against printed examples, against scipy, and by their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.statistics.agreement import bland_altman, pearson
from osteo_core.statistics.differences import difference_of_independent, difference_of_paired_shares
from osteo_core.statistics.intervals import wilson


def test_newcombes_printed_difference_of_independent_shares() -> None:
    # Newcombe 1998 (Stat Med 17:873), table II: 56/70 minus 48/80, method 10: 0.0524 to 0.3339.
    found = difference_of_independent(wilson(56, 70), wilson(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    other = difference_of_independent(wilson(48, 80), wilson(56, 70))
    assert (other.value, other.low, other.high) == pytest.approx((-0.2, -0.3339, -0.0524), abs=5e-5)


def test_the_difference_of_paired_shares_that_another_program_expects() -> None:
    # Tests of the R package contingencytables (of Fagerland, Lydersen, Laake, Statistical Analysis of Contingency Tables,
    # 2017, chapter 8), on Cavo 2012, complete response before and after therapy: estimate -0.0621 (-0.1186 to -0.0046).
    found = difference_of_paired_shares(59, 6, 16, 80)
    assert (found.value, found.low, found.high) == pytest.approx((-0.0621, -0.1186, -0.0046), abs=5e-5)


def paired_by_roots(table: tuple[int, int, int, int], z: float = 1.959963984540054) -> tuple[float, float]:
    """Newcombe's limits without a closed formula: each end of Wilson's interval is the root of its score equation, by
    bisection; phi is the correlation of the individual judgements, its covariance reduced by 1/(2n), down to 0."""

    def end(k: float, n: float, inside: float, outside: float) -> float:
        for _ in range(200):
            middle = (inside + outside) / 2
            is_in = abs(k / n - middle) <= z * math.sqrt(middle * (1 - middle) / n)
            inside, outside = (middle, outside) if is_in else (inside, middle)
        return inside

    people = np.repeat([(1, 1), (1, 0), (0, 1), (0, 0)], table, axis=0)
    n = len(people)
    p, q = people.mean(axis=0)
    (l1, u1), (l2, u2) = ((end(m * n, n, m, 0.0), end(m * n, n, m, 1.0)) for m in (p, q))
    covariance = float(np.mean(people[:, 0] * people[:, 1]) - p * q)
    covariance = max(covariance - 0.5 / n, 0.0) if covariance > 0 else covariance
    spread = float(people[:, 0].std() * people[:, 1].std())
    phi = covariance / spread if spread else 0.0
    apart = [math.sqrt(a * a - 2 * phi * a * b + b * b) for a, b in ((p - l1, u2 - q), (u1 - p, q - l2))]
    return float(p - q) - apart[0], float(p - q) + apart[1]


def test_differences_of_paired_shares_against_a_slow_second_way() -> None:
    # The second way is computed only in this test. Random tables, and tables with a share, phi or both at a limit.
    rng = np.random.default_rng(5)
    drawn = [tuple(int(n) for n in rng.multinomial(rng.integers(1, 120), rng.dirichlet([1.0] * 4))) for _ in range(60)]
    for table in [
        *drawn,
        (20, 12, 2, 16),
        (1, 1, 7, 12),
        (9, 0, 0, 0),
        (0, 9, 0, 0),
        (0, 4, 5, 0),
        (8, 0, 0, 3),
        (0, 0, 0, 6),
    ]:
        found = difference_of_paired_shares(*table)
        assert (found.low, found.high) == pytest.approx(paired_by_roots(table), abs=1e-9)
        a, b, c, d = table
        turned = difference_of_paired_shares(a, c, b, d)
        assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_a_difference_of_mean_biases_is_welchs() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(2, 9, 60), rng.normal(-1, 14, 90)
    biases = [bland_altman(d + 100, np.full(len(d), 100.0) + 0 * d).bias for d in (a, b)]
    found = difference_of_independent(*biases)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high), abs=0.06)


def test_intervals_hold_the_true_difference_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    held = np.zeros(4)
    tries = 1500
    for _ in range(tries):
        x, y = rng.normal(0, 20, 50), rng.normal(0, 20, 80)
        u, v = x + rng.normal(3, 8, 50), y + rng.normal(-1, 12, 80)
        first, second = bland_altman(u, x, exact=True), bland_altman(v, y, exact=True)
        true_r = 20 / math.hypot(20, 8) - 20 / math.hypot(20, 12)
        found = (
            (difference_of_independent(first.bias, second.bias), 4.0),
            (difference_of_independent(first.upper_limit, second.upper_limit), 4.0 + 1.959964 * (8 - 12)),
            (difference_of_independent(pearson(u, x), pearson(v, y)), true_r),
            (_paired(rng), 0.1),
        )
        held += [one.low <= truth <= one.high for one, truth in found]
    assert np.all(held / tries > 0.93)
    assert np.all(held / tries < 0.975)


def _paired(rng: np.random.Generator):
    counts = rng.multinomial(70, [0.3, 0.2, 0.1, 0.4])
    return difference_of_paired_shares(*(int(n) for n in counts))


def test_what_cannot_be_subtracted_is_refused() -> None:
    with pytest.raises(StatisticsError, match=r"intervals of the same confidence, found 0\.95 and 0\.9"):
        difference_of_independent(wilson(1, 9), wilson(1, 9, confidence=0.9))
    with pytest.raises(StatisticsError, match="n is 0"):
        difference_of_paired_shares(0, 0, 0, 0)
    with pytest.raises(StatisticsError, match="cannot be negative"):
        difference_of_paired_shares(1, -1, 2, 3)
    assert difference_of_paired_shares(5, 0, 0, 0).value == 0.0
