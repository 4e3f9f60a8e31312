"""Agreement against published worked examples, and properties that hold for all data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.statistics.agreement import (
    bland_altman,
    lin_ccc,
    pearson,
    repeatability,
    rms_cv,
    rmse,
)
from osteo_core.statistics.regression import deming, passing_bablok
from osteo_core.statistics.reliability import icc
from tests.osteo_core.statistics.pefr import MINI_1, MINI_2, WRIGHT_1, WRIGHT_2

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
PAIRED = (bland_altman, pearson, lin_ccc, deming, passing_bablok)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two methods that measure the same quantity with scatter, in whole numbers as from a scanner."""
    n = draw(st.integers(12, 25))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    truth = rng.uniform(20, 200, n)
    return np.round(truth + rng.normal(0, 8, n), 1), np.round(1.05 * truth - 3 + rng.normal(0, 8, n), 1)


def test_bland_altman_against_the_lancet_1986() -> None:
    found = bland_altman(WRIGHT_1, MINI_1)
    assert (found.n, found.bias.value, found.sd) == (
        17,
        pytest.approx(-2.1176, abs=5e-5),
        pytest.approx(38.7651, abs=5e-5),
    )
    assert (found.bias.low, found.bias.high) == (pytest.approx(-22.05, abs=5e-3), pytest.approx(17.81, abs=5e-3))
    assert found.lower_limit.value == pytest.approx(-78.10, abs=5e-3)
    assert found.upper_limit.value == pytest.approx(73.86, abs=5e-3)
    half = 2.1199 * 16.285  # t(16) and the SE of a limit, sqrt(3 s2/n)
    assert found.upper_limit.high - found.upper_limit.value == pytest.approx(half, abs=5e-3)
    assert found.lower_limit.value - found.lower_limit.low == pytest.approx(half, abs=5e-3)
    assert "sqrt(3 s2/n)" in found.lower_limit.method
    assert found.proportional_p == pytest.approx(0.7495, abs=5e-5)


def test_bland_altman_with_the_exact_standard_error_of_1999() -> None:
    found = bland_altman(WRIGHT_1, MINI_1, exact=True)
    assert (found.lower_limit.low, found.lower_limit.high) == (
        pytest.approx(-112.85, abs=1e-2),
        pytest.approx(-43.34, abs=1e-2),
    )
    assert (found.upper_limit.low, found.upper_limit.high) == (
        pytest.approx(39.11, abs=1e-2),
        pytest.approx(108.62, abs=1e-2),
    )
    assert "exact SE" in found.lower_limit.method


def test_repeatability_against_the_lancet_1986() -> None:
    wright, mini = repeatability(WRIGHT_1, WRIGHT_2), repeatability(MINI_1, MINI_2)
    assert (wright.within_sd, mini.within_sd) == (pytest.approx(15.307, abs=5e-4), pytest.approx(19.911, abs=5e-4))
    # The paper uses 2 SD of the differences; here it is 1.96.
    assert 2 * math.sqrt(2) * wright.within_sd == pytest.approx(43.3, abs=0.05)
    assert 2 * math.sqrt(2) * mini.within_sd == pytest.approx(56.3, abs=0.05)
    assert (wright.coefficient, mini.coefficient) == (pytest.approx(42.4, abs=0.05), pytest.approx(55.2, abs=0.05))


def test_correlations_on_pefr() -> None:
    assert pearson(WRIGHT_1, MINI_1).value == pytest.approx(0.9433, abs=5e-5)
    found = lin_ccc(WRIGHT_1, MINI_1)
    assert found.value == pytest.approx(0.94274, abs=5e-6)
    assert (found.low, found.high) == (pytest.approx(0.850, abs=5e-4), pytest.approx(0.979, abs=5e-4))


def test_icc_against_shrout_and_fleiss_1979() -> None:
    found = icc(SHROUT_FLEISS)
    assert (found.value, found.low, found.high) == pytest.approx((0.2898, 0.0188, 0.7611), abs=5e-5)


def test_icc_on_pefr() -> None:
    found = icc(np.column_stack([WRIGHT_1, MINI_1]))
    assert (found.value, found.low, found.high) == pytest.approx((0.94593, 0.8574, 0.9801), abs=5e-5)


def test_lines_on_pefr() -> None:
    line = deming(WRIGHT_1, MINI_1)
    assert (line.slope.value, line.intercept.value) == (
        pytest.approx(0.970881, abs=5e-7),
        pytest.approx(15.23156, abs=5e-6),
    )
    line = passing_bablok(WRIGHT_1, MINI_1)
    assert (line.slope.value, line.slope.low, line.slope.high) == pytest.approx((1.06481, 0.83708, 1.39683), abs=5e-6)
    assert line.intercept.value == pytest.approx(-24.306, abs=5e-4)
    assert (line.intercept.low, line.intercept.high) == (
        pytest.approx(-178.03, abs=5e-3),
        pytest.approx(82.94, abs=5e-3),
    )


def test_errors_by_hand() -> None:
    assert rmse([1, 2, 3], [1, 4, 7]) == pytest.approx(math.sqrt(20 / 3))


@settings(deadline=None, max_examples=30)
@given(pairs())
def test_swapping_readers_negates_the_bias(given_pairs) -> None:
    x, y = given_pairs
    one, other = bland_altman(x, y), bland_altman(y, x)
    assert other.bias.value == pytest.approx(-one.bias.value, abs=1e-9)
    assert other.upper_limit.high == pytest.approx(-one.lower_limit.low, abs=1e-9)
    assert lin_ccc(y, x).value == pytest.approx(lin_ccc(x, y).value)
    assert icc(np.c_[x, y]).value == pytest.approx(icc(np.c_[y, x]).value)
    assert deming(y, x).slope.value == pytest.approx(1 / deming(x, y).slope.value)


@settings(deadline=None, max_examples=30)
@given(pairs(), st.integers(0, 10**6))
def test_order_of_the_patients_does_not_matter(given_pairs, seed: int) -> None:
    x, y = given_pairs
    order = np.random.default_rng(seed).permutation(len(x))
    for method in (deming, passing_bablok):
        assert method(x[order], y[order]).slope.value == pytest.approx(method(x, y).slope.value)
    assert bland_altman(x[order], y[order]).bias.value == pytest.approx(bland_altman(x, y).bias.value, abs=1e-9)
    assert pearson(x[order], y[order]).low == pytest.approx(pearson(x, y).low)


@settings(deadline=None, max_examples=30)
@given(pairs(), st.floats(-100, 100), st.floats(0.1, 10))
def test_shift_and_scale(given_pairs, shift: float, scale: float) -> None:
    x, y = given_pairs
    base, shifted = bland_altman(x, y), bland_altman(x + shift, y)
    assert shifted.bias.value == pytest.approx(base.bias.value + shift, abs=1e-8)
    assert shifted.sd == pytest.approx(base.sd)
    scaled = bland_altman(scale * x, scale * y)
    assert scaled.upper_limit.value == pytest.approx(scale * base.upper_limit.value, abs=1e-8)
    assert scaled.proportional_p == pytest.approx(base.proportional_p, abs=1e-9)
    assert pearson(x, y).value >= lin_ccc(x, y).value - 1e-12
    assert lin_ccc(scale * x + shift, scale * y + shift).value == pytest.approx(lin_ccc(x, y).value)
    assert icc(np.c_[scale * x + shift, scale * y + shift]).value == pytest.approx(icc(np.c_[x, y]).value)
    assert rmse(scale * x, scale * y) == pytest.approx(scale * rmse(x, y))
    assert passing_bablok(x, y + shift).intercept.value == pytest.approx(
        passing_bablok(x, y).intercept.value + shift, abs=1e-8
    )


@settings(deadline=None, max_examples=20)
@given(pairs())
def test_pearson_and_deming_against_other_software(given_pairs) -> None:
    x, y = given_pairs
    assert pearson(x, y).value == pytest.approx(float(stats.pearsonr(x, y).statistic))
    vectors = np.linalg.svd(np.c_[x - x.mean(), y - y.mean()])[2]
    assert deming(x, y).slope.value == pytest.approx(vectors[0, 1] / vectors[0, 0])


def test_identical_methods_agree_fully() -> None:
    found = bland_altman(WRIGHT_1, WRIGHT_1)
    assert (found.bias.value, found.lower_limit.low, found.upper_limit.high) == (0.0, 0.0, 0.0)
    assert pearson(WRIGHT_1, WRIGHT_1).value == pytest.approx(1.0)
    assert lin_ccc(WRIGHT_1, WRIGHT_1).low == pytest.approx(1.0)
    assert icc(np.c_[WRIGHT_1, WRIGHT_1]).value == 1.0
    assert passing_bablok(WRIGHT_1, WRIGHT_1).slope.value == pytest.approx(1.0)


@pytest.mark.parametrize("apart", [0.0, 1e-14, 1e-9, 1e-8, 1e-7])
def test_raters_who_agree_but_for_rounding_agree_fully(apart: float) -> None:
    first = np.array([90.1, 101.3, 120.7])
    found = icc(np.c_[first, first + apart * np.array([1, -1, 1])])
    assert (found.value, found.low, found.high) == (pytest.approx(1.0), pytest.approx(1.0), pytest.approx(1.0))
    assert found.low <= found.value <= found.high <= 1.0


def test_a_bias_without_scatter_is_a_disagreement() -> None:
    """E is rounding, J is not. Worked by hand: B = 2 x var(1, 2, 6), J = 3/2 x 0.5^2, (B-E)/(B+E+2(J-E)/3)."""
    found = icc([(1, 1.5), (2, 2.5), (6, 6.5)])
    between, raters = 2 * 7.0, 3 * 0.125
    assert found.value == pytest.approx(between / (between + 2 * raters / 3))
    assert found.low < found.value <= found.high <= 1.0


def test_a_scale_error_is_a_proportional_bias() -> None:
    truth = np.linspace(40, 200, 40)
    noise = np.where(np.arange(40) % 2, 2.0, -2.0)
    found = bland_altman(1.2 * truth + noise, truth)
    assert found.proportional_p < 1e-6
    # The difference is 0.2 truth, the mean 1.1 truth.
    assert found.proportional_bias.value == pytest.approx(0.2 / 1.1, abs=0.005)


@pytest.mark.parametrize("method", PAIRED)
def test_what_cannot_be_computed_says_why(method) -> None:
    with pytest.raises(StatisticsError, match="too few pairs: 0, at least"):
        method([], [])
    with pytest.raises(StatisticsError, match="too few pairs: 1, at least"):
        method([1.0], [2.0])
    with pytest.raises(StatisticsError, match="values must come in pairs, found 4 and 5"):
        method([1, 2, 3, 4], [1, 2, 3, 4, 5])
    with pytest.raises(StatisticsError, match="x holds 1 values that are not numbers; drop those rows"):
        method([1, 2, 3, math.nan], [1, 2, 3, 4])


@pytest.mark.parametrize("method", [pearson, lin_ccc, deming, passing_bablok])
def test_a_method_that_always_says_the_same_is_refused(method) -> None:
    with pytest.raises(StatisticsError, match="all values of y are equal"):
        method([1, 2, 3, 4, 5], [0.1 + 0.2] * 5)


def test_bland_altman_of_constants_is_a_bias_without_scatter() -> None:
    found = bland_altman([5.0] * 4, [3.0] * 4)
    assert (found.bias.value, found.sd, found.proportional_bias) == (2.0, 0.0, None)


def test_other_refusals() -> None:
    with pytest.raises(StatisticsError, match="the ratio of error variances must be above 0, found -1"):
        deming(WRIGHT_1, MINI_1, error_ratio=-1)
    with pytest.raises(StatisticsError, match="do not vary together"):
        deming([1, 2, 1, 2], [1, 1, 2, 2])
    with pytest.raises(StatisticsError, match="too few for an interval"):
        passing_bablok([1, 2, 3, 4], [1, 2, 3, 4.5])
    with pytest.raises(StatisticsError, match=r"at least 2 targets and 2 raters, found \(3, 1\)"):
        icc([[1], [2], [3]])
    with pytest.raises(StatisticsError, match="too few targets: 2, at least 3 are needed"):
        icc([[62, 68], [95, 54]])  # -1.7 without the refusal
    with pytest.raises(StatisticsError, match="every rater must have rated every target"):
        icc([[1, 2], [2, math.nan]])
    with pytest.raises(StatisticsError, match="all values of ratings are equal"):
        icc(np.ones((4, 3)))
    with pytest.raises(StatisticsError, match="the means of all targets are equal"):
        icc([[1, 2], [1, 2], [1, 2]])
    with pytest.raises(StatisticsError, match="too few pairs: 0"):
        rmse([], [])


def test_a_tie_in_decimals_stays_a_tie_after_a_shift() -> None:
    x = np.array([162.3, 122.5, 147.8, 34.9, 140.7, 197.5])
    y = np.array([162.9, 139.3, 143.9, 32.5, 140.3, 202.6])
    y[4] = y[2] + x[2] - x[4]
    shifted = passing_bablok(x, y + 0.1)
    assert shifted.slope.value == pytest.approx(passing_bablok(x, y).slope.value)
    assert shifted.intercept.value == pytest.approx(passing_bablok(x, y).intercept.value + 0.1)


def test_rms_cv_is_the_root_mean_square_of_each_targets_sd_over_its_mean() -> None:
    """Gluer 1995: two repeats a and b have SD |a - b| / sqrt(2), so CVs here are 2 and 4 %, their RMS sqrt(10) %."""
    pairs = [[100 * (1 + cv / math.sqrt(2)), 100 * (1 - cv / math.sqrt(2))] for cv in (0.02, 0.04)]
    assert rms_cv(pairs) == pytest.approx(math.sqrt(0.001), rel=1e-12)
    assert rms_cv(np.array(pairs) * 3.7) == pytest.approx(rms_cv(pairs))


def test_rms_cv_needs_means_above_nothing() -> None:
    with pytest.raises(StatisticsError, match="means above 0"):
        rms_cv([[1.0, 2.0], [-1.0, 1.0]])
