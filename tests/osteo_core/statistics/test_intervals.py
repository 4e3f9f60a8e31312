"""Intervals against printed values, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.statistics.intervals import fisher_z, wilson


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_newcombe_1998_table_1(count: int, n: int, low: float, high: float) -> None:
    found = wilson(count, n)
    assert (found.value, found.n) == (count / n, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(n=st.integers(1, 10**7), share=st.floats(0, 1))
def test_wilson_holds_its_value_and_mirrors(n: int, share: float) -> None:
    count = round(share * n)
    found, mirrored = wilson(count, n), wilson(n - count, n)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert (found.low, found.high) == (
        pytest.approx(1 - mirrored.high, abs=1e-9),
        pytest.approx(1 - mirrored.low, abs=1e-9),
    )


def test_wilson_says_why_not() -> None:
    with pytest.raises(StatisticsError, match="a share cannot be computed: n is 0"):
        wilson(0, 0)
    with pytest.raises(StatisticsError, match="a count must lie in 0-5, found 6"):
        wilson(6, 5)
    with pytest.raises(StatisticsError, match="confidence must lie between 0 and 1, found 95"):
        wilson(1, 5, confidence=95)


def test_fisher_z_against_scipy_and_at_its_ends() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    expected = stats.pearsonr(x, y)
    found = fisher_z(float(expected.statistic), 40)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (fisher_z(1.0, 4).low, fisher_z(-1.0, 4).high) == (1.0, -1.0)
    with pytest.raises(StatisticsError, match="at least 4 pairs, found 3"):
        fisher_z(0.5, 3)
    with pytest.raises(StatisticsError, match=r"must lie in -1\.\.1, found 1\.2"):
        fisher_z(1.2, 9)
