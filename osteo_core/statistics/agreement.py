"""Agreement between two methods of measuring the same quantity: bias, limits, correlation, errors, repeatability.

``x`` is the method under test, ``y`` the reference; differences are x - y throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import paired, ratings, varying
from osteo_core.statistics.intervals import around, fisher_z, normal_quantile, t_quantile


@dataclass(frozen=True, kw_only=True)
class BlandAltman:
    """Bias and limits of agreement of x - y, each with its interval.

    ``proportional_bias`` is the slope of the difference on the mean of both; ``proportional_p`` its
    two-sided p value. If that is small, the limits depend on the mean.
    """

    n: int
    bias: Estimate
    sd: float
    lower_limit: Estimate
    upper_limit: Estimate
    proportional_bias: Estimate | None
    proportional_p: float | None


def bland_altman(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95, exact: bool = False) -> BlandAltman:
    """Bias and limits of agreement, d = x - y: bias = mean d, limits = bias -+ 1.96 s, s with n-1.

    SE(bias) = s/sqrt(n). SE(limit): by default sqrt(3 s^2/n), the approximation of Bland and Altman
    (Lancet 1986;1:307); with ``exact`` s sqrt(1/n + 1.96^2/(2(n-1))) (Stat Methods Med Res 1999;8:135).
    Both with t(n-1). Assumes independent pairs and nearly normal differences, uniform over the range: see
    ``proportional_bias``. Checked against the PEFR data of the 1986 paper.
    Raises StatisticsError for fewer than 3 pairs.

    >>> found = bland_altman([81.0, 102, 118, 64], [84.0, 100, 121, 66])
    >>> round(found.bias.value, 2), round(found.lower_limit.value, 2), round(found.upper_limit.value, 2)
    (-1.5, -6.17, 3.17)
    """
    a, b = paired(x, y, at_least=3)
    d, n = a - b, len(a)
    bias, s = float(d.mean()), float(d.std(ddof=1))
    t, z = t_quantile(confidence, n - 1), normal_quantile(confidence)
    se_limit = s * math.sqrt(1 / n + z * z / (2 * (n - 1))) if exact else math.sqrt(3 * s * s / n)
    form = "exact SE (B&A 1999)" if exact else "SE sqrt(3 s2/n) (B&A 1986)"
    slope, p = _proportional(d, (a + b) / 2, confidence)
    return BlandAltman(
        n=n,
        bias=around(bias, t * s / math.sqrt(n), n, method="mean difference, t interval", confidence=confidence),
        sd=s,
        lower_limit=around(bias - z * s, t * se_limit, n, method=f"limit of agreement, {form}", confidence=confidence),
        upper_limit=around(bias + z * s, t * se_limit, n, method=f"limit of agreement, {form}", confidence=confidence),
        proportional_bias=slope,
        proportional_p=p,
    )


def _proportional(d: np.ndarray, mean: np.ndarray, confidence: float) -> tuple[Estimate | None, float | None]:
    """Ordinary least squares of differences on means; None if all means are equal."""
    if np.ptp(mean) <= 8 * np.finfo(float).eps * float(np.abs(mean).max()):
        return None, None
    n, centred = len(d), mean - mean.mean()
    squares = float(centred @ centred)
    slope = float(centred @ d) / squares
    intercept = float(d.mean() - slope * mean.mean())
    residuals = d - (intercept + slope * mean)
    sd = math.sqrt(float(residuals @ residuals) / (n - 2))
    error = sd / math.sqrt(squares)
    if error > 0:
        p = float(2 * stats.t.sf(abs(slope) / error, n - 2))
    else:  # every difference lies exactly on the line
        p = 1.0 if slope == 0 else 0.0
    half = t_quantile(confidence, n - 2) * error
    estimate = around(slope, half, n, method="slope of difference on mean, OLS", confidence=confidence)
    return estimate, p


def pearson(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Product-moment correlation with Fisher's z interval. Not a measure of agreement: a scale error leaves r at 1.

    r = s_xy / (s_x s_y). Raises StatisticsError for fewer than 4 pairs or no variation.

    >>> round(pearson([1, 2, 3, 4], [1, 2, 3, 5]).value, 3)
    0.983
    """
    a, b = paired(x, y, at_least=4)
    varying(a, name="x")
    varying(b, name="y")
    u, v = a - a.mean(), b - b.mean()
    r = float((u / np.linalg.norm(u)) @ (v / np.linalg.norm(v)))
    return fisher_z(min(1.0, max(-1.0, r)), len(a), confidence=confidence)


def lin_ccc(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Concordance 2 s_xy / (s_x^2 + s_y^2 + (mx-my)^2) with moments over n, interval by Lin's Fisher z.

    var(Z) = [(1-r^2) c^2 / ((1-c^2) r^2) + 2 c^3 (1-c) u^2 / (r (1-c^2)^2) - c^4 u^4 / (2 r^2 (1-c^2)^2)] / (n-2),
    u = (mx-my)/sqrt(s_x s_y). L. I. Lin, Biometrics 1989;45:255, corrected 2000;56:324.
    Checked on PEFR. Raises StatisticsError for fewer than 4 pairs or no variation.

    >>> round(lin_ccc([1, 2, 3, 4], [2, 3, 4, 5]).value, 3)  # r is 1, the shift of 1 lowers concordance
    0.714
    """
    a, b = paired(x, y, at_least=4)
    varying(a, name="x")
    varying(b, name="y")
    n, sx, sy = len(a), float(a.std()), float(b.std())
    sxy, shift = float(((a - a.mean()) * (b - b.mean())).mean()), float(a.mean() - b.mean())
    c, r, u2 = 2 * sxy / (sx**2 + sy**2 + shift**2), sxy / (sx * sy), shift**2 / (sx * sy)
    method = "Lin concordance, moments over n, Fisher z"
    if 1 - c * c < 1e-12 or abs(r) < 1e-12:
        value = min(1.0, max(-1.0, c))
        low, high = (value, value) if abs(r) >= 1e-12 else (-1.0, 1.0)
        return Estimate(value=value, low=low, high=high, n=n, method=method, confidence=confidence)
    k = 1 - c * c
    location = 2 * c**3 * (1 - c) * u2 / (r * k * k) - c**4 * u2**2 / (2 * r * r * k * k)
    variance = ((1 - r * r) * c * c / (k * r * r) + location) / (n - 2)
    half = normal_quantile(confidence) * math.sqrt(max(variance, 0.0))
    low, high = min(math.tanh(math.atanh(c) - half), c), max(math.tanh(math.atanh(c) + half), c)
    return Estimate(value=c, low=low, high=high, n=n, method=method, confidence=confidence)


def rmse(x: ArrayLike, y: ArrayLike) -> float:
    """Root mean square difference, sqrt(mean (x-y)^2). Raises StatisticsError without pairs.

    >>> round(rmse([1, 2, 3], [1, 4, 7]), 3)
    2.582
    """
    a, b = paired(x, y, at_least=1)
    return float(np.sqrt(np.mean((a - b) ** 2)))


@dataclass(frozen=True, kw_only=True)
class Repeatability:
    """Within-subject SD s_w, and the difference below which 95 % of repeated pairs lie."""

    n: int
    within_sd: float
    coefficient: float


def repeatability(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> Repeatability:
    """Repeated pairs from one method: s_w = sqrt(sum d^2 / 2n); coefficient = 1.96 sqrt(2) s_w.

    Assumes no bias between the two. Checked on PEFR. Raises StatisticsError for fewer than 2 pairs.

    >>> found = repeatability([81.0, 102, 118], [84.0, 100, 121])
    >>> round(found.within_sd, 2), round(found.coefficient, 2)
    (1.91, 5.31)
    """
    a, b = paired(first, second, at_least=2)
    within = float(np.sqrt(np.mean((a - b) ** 2) / 2))
    return Repeatability(
        n=len(a),
        within_sd=within,
        coefficient=normal_quantile(confidence) * math.sqrt(2) * within,
    )


def rms_cv(table: ArrayLike) -> float:
    """Coefficient of variation over (targets, repeats): root mean square of each target's SD over its mean.

    C. C. Gluer et al., Osteoporos Int 1995;5:262. Raises StatisticsError for a target whose mean is not above 0.

    >>> round(rms_cv([[100.0, 102.0], [80.0, 78.0]]), 4)
    0.0161
    """
    array = ratings(table)
    means = array.mean(axis=1, keepdims=True)
    if means.min() <= 0:
        raise StatisticsError(f"a coefficient of variation needs means above 0, found {means.min():g}")
    return float(np.sqrt((array / means).var(axis=1, ddof=1).mean()))
