"""Regression with errors in both variables: Deming and Passing-Bablok. ``y`` is fitted on ``x``."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import Values, paired, varying
from osteo_core.statistics.intervals import around, normal_quantile, t_quantile


@dataclass(frozen=True, kw_only=True)
class Line:
    """y = slope x + intercept, both with intervals."""

    slope: Estimate
    intercept: Estimate


#: Differences below this fraction of the largest value are rounding errors.
_ROUNDING = 1e-12


def deming(x: ArrayLike, y: ArrayLike, *, error_ratio: float = 1.0, confidence: float = 0.95) -> Line:
    """Deming regression, error_ratio l = var(error of y) / var(error of x); 1 is orthogonal regression.

    slope = [s_yy - l s_xx + sqrt((s_yy - l s_xx)^2 + 4 l s_xy^2)] / (2 s_xy); intercept = my - slope mx.
    Intervals by the jackknife with t(n-2) (Linnet, Clin Chem 1993;39:424). Assumes errors of constant SD.
    Raises StatisticsError for fewer than 4 pairs, no variation, or no covariance.

    >>> round(deming([1, 2, 3, 4], [2, 4, 6, 8.1]).slope.value, 2)
    2.03
    """
    a, b = paired(x, y, at_least=4)
    varying(a, name="x")
    varying(b, name="y")
    if error_ratio <= 0:
        raise StatisticsError(f"the ratio of error variances must be above 0, found {error_ratio:g}")
    n = len(a)
    slope, intercept = _deming(a, b, error_ratio)
    left_out = _left_out(a, b, error_ratio)
    pseudo = n * np.array([slope, intercept]) - (n - 1) * left_out
    half = t_quantile(confidence, n - 2) * pseudo.std(axis=0, ddof=1) / math.sqrt(n)
    method = f"Deming, error ratio {error_ratio:g}, jackknife"
    return Line(
        slope=around(slope, float(half[0]), n, method=method, confidence=confidence),
        intercept=around(intercept, float(half[1]), n, method=method, confidence=confidence),
    )


def _deming(x: Values, y: Values, ratio: float) -> tuple[float, float]:
    u, v = x - x.mean(), y - y.mean()
    sxx, syy, sxy = float(u @ u), float(v @ v), float(u @ v)
    if abs(sxy) <= 1e-12 * math.sqrt(sxx * syy):
        raise StatisticsError("the two methods do not vary together; a line between them cannot be fitted")
    inner = syy - ratio * sxx
    slope = (inner + math.sqrt(inner * inner + 4 * ratio * sxy * sxy)) / (2 * sxy)
    return slope, float(y.mean() - slope * x.mean())


def deming_left_out(x: ArrayLike, y: ArrayLike, *, error_ratio: float) -> Values:
    """(n, 2) slope and intercept of `deming` without each pair in turn. Raises StatisticsError as `deming` does.

    >>> deming_left_out([1, 2, 3, 4], [2, 4, 6, 8.1], error_ratio=1.0)[3].round(2).tolist()
    [2.0, 0.0]
    """
    return _left_out(*paired(x, y, at_least=4), error_ratio)


def _left_out(x: Values, y: Values, ratio: float) -> Values:
    """(n, 2) slope and intercept without each pair in turn, from the sums of all: sxx(-i) = sxx - n/(n-1) u_i^2."""
    n, u, v = len(x), x - x.mean(), y - y.mean()
    share = n / (n - 1)
    sxx, syy, sxy = (float(p @ q) - share * p * q for p, q in ((u, u), (v, v), (u, v)))
    if (np.abs(sxy) <= 1e-12 * np.sqrt(np.maximum(sxx * syy, 0))).any():
        raise StatisticsError("the two methods do not vary together; a line between them cannot be fitted")
    inner = syy - ratio * sxx
    slope = (inner + np.sqrt(inner**2 + 4 * ratio * sxy**2)) / (2 * sxy)
    return np.column_stack([slope, y.mean() - v / (n - 1) - slope * (x.mean() - u / (n - 1))])


def passing_bablok(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> Line:
    """Passing-Bablok: shifted median of all pairwise slopes; makes no assumption about the error distribution.

    Slopes 0/0 and exactly -1 are dropped, K counts those below -1, the median is shifted by K; interval
    from the order statistics at (N -+ C)/2, C = z sqrt(n(n-1)(2n+5)/18); intercept = median(y - slope x).
    Methods must be positively related on a linear scale. H. Passing, W. Bablok, J Clin Chem Clin
    Biochem 1983;21:709. Raises StatisticsError for fewer than 4 pairs, no variation, or too few slopes.

    >>> round(passing_bablok([1, 2, 3, 4, 5, 6, 7], [2, 4, 6, 8, 10, 12, 14.5]).slope.value, 2)
    2.0
    """
    a, b = paired(x, y, at_least=4)
    varying(a, name="x")
    varying(b, name="y")
    slopes, n = _pairwise_slopes(a, b), len(a)
    size, shift = len(slopes), int((slopes < -1).sum())
    c = normal_quantile(confidence) * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = round((size - c) / 2) + shift
    high = size - round((size - c) / 2) + 1 + shift
    if low < 1 or high > size:
        raise StatisticsError(f"{size} slopes between {n} pairs are too few for an interval at {confidence:g}")
    middle = _shifted_middle(size, shift)
    slopes = np.partition(slopes, sorted({low - 1, high - 1, *middle}))
    slope = float((slopes[middle[0]] + slopes[middle[1]]) / 2) if middle[0] != middle[1] else float(slopes[middle[0]])
    ends = sorted((float(slopes[low - 1]), float(slopes[high - 1])))
    intercept = float(np.median(b - slope * a))
    bounds = sorted((float(np.median(b - ends[1] * a)), float(np.median(b - ends[0] * a)), intercept))
    method = "Passing-Bablok"
    return Line(
        slope=Estimate(value=slope, low=ends[0], high=ends[1], n=n, method=method, confidence=confidence),
        intercept=Estimate(value=intercept, low=bounds[0], high=bounds[2], n=n, method=method, confidence=confidence),
    )


def _pairwise_slopes(x: Values, y: Values) -> Values:
    """Slopes between all pairs of points, in any order."""
    dx, dy = (np.concatenate([v[k + 1 :] - v[k] for k in range(len(v) - 1)]) for v in (x, y))
    # Ties and slopes of -1 are judged in decimals: 0.1 + 0.2 and 0.3 are a tie, despite rounding.
    noise = _ROUNDING * max(float(np.abs(x).max()), float(np.abs(y).max()))
    dx, dy = np.where(np.abs(dx) <= noise, 0.0, dx), np.where(np.abs(dy) <= noise, 0.0, dy)
    kept = np.abs(dx + dy) > noise
    kept |= (dx == 0) != (dy == 0)
    dx, dy = dx[kept], dy[kept]
    with np.errstate(divide="ignore"):
        found: Values = np.where(dx == 0, np.copysign(np.inf, dy), dy / np.where(dx == 0, 1.0, dx))
        return found


def _shifted_middle(size: int, shift: int) -> tuple[int, int]:
    """Indices of the shifted median among the sorted slopes: one index twice, or the two to average."""
    if size % 2:
        return (size - 1) // 2 + shift, (size - 1) // 2 + shift
    middle = size // 2 + shift
    if middle >= size:
        raise StatisticsError("the two methods are negatively related; Passing-Bablok needs a positive relation")
    return middle - 1, middle
