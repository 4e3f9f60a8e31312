"""Jackknife intervals over patients, because levels of one patient are not independent.

Every figure here is a function of sums over pairs, so each patient is summed once, and leaving one out is a
subtraction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import Values, paired
from osteo_core.statistics.intervals import t_quantile

#: Avoids division by 0 where the quotient is not used.
_TINY = 1e-300
#: Figures that differ by no more than this fraction are equal.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums over pairs, all of the same shape: n, x, y, their squares and product, |x - y| and its square.

    A common constant is subtracted from x and y to preserve precision.
    """

    n: Values
    x: Values
    y: Values
    xx: Values
    yy: Values
    xy: Values
    apart: Values
    apart2: Values


def _same(values: Values) -> Values:
    return values


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """A figure computed from sums, the scale on which its errors are roughly symmetric, and the inverse transform."""

    of: Callable[[Sums], Values]
    scale: Callable[[Values], Values] = _same
    back: Callable[[Values], Values] = _same


def _bias(s: Sums) -> Values:
    """Mean of x - y."""
    return (s.x - s.y) / s.n


def _root_mean_square(s: Sums) -> Values:
    """Root of the mean square of x - y."""
    return np.sqrt(s.apart2 / s.n)


def _mean_absolute(s: Sums) -> Values:
    """Mean of |x - y|."""
    return s.apart / s.n


def _correlation(s: Sums) -> Values:
    """Pearson's r; NaN if x or y does not vary."""
    sxx, syy, sxy = _about_mean(s)
    return np.where((sxx > 0) & (syy > 0), sxy / np.sqrt(np.maximum(sxx * syy, _TINY)), np.nan)


def _concordance(s: Sums) -> Values:
    """Lin's coefficient, moments over n, as in ``agreement.lin_ccc``; NaN if x or y does not vary."""
    sxx, syy, sxy = _about_mean(s)
    below = sxx + syy + s.n * _bias(s) ** 2
    return np.where((sxx > 0) & (syy > 0), 2 * sxy / np.maximum(below, _TINY), np.nan)


def _absolute_agreement(s: Sums) -> Values:
    """ICC(2,1) of x and y as raters, as in ``reliability.icc``; NaN if the pairs' means do not vary."""
    sxx, syy, sxy = _about_mean(s)
    between = (sxx + syy + 2 * sxy) / 2 / (s.n - 1)
    error = (sxx + syy - 2 * sxy) / 2 / (s.n - 1)
    raters = s.n * _bias(s) ** 2 / 2
    below = between + error + 2 * (raters - error) / s.n
    return np.where(between > 0, (between - error) / np.where(below == 0, np.nan, below), np.nan)


def _about_mean(s: Sums) -> tuple[Values, Values, Values]:
    """Sums of squares and products about the means; rounding errors of equal values are set to 0."""
    noise = _ROUNDING * (s.xx + s.yy)
    sxx, syy, sxy = s.xx - s.x * s.x / s.n, s.yy - s.y * s.y / s.n, s.xy - s.x * s.y / s.n
    return np.where(sxx > noise, sxx, 0.0), np.where(syy > noise, syy, 0.0), sxy


BIAS = Statistic(of=_bias)
ROOT_MEAN_SQUARE = Statistic(of=_root_mean_square, scale=np.log, back=np.exp)
MEAN_ABSOLUTE = Statistic(of=_mean_absolute, scale=np.log, back=np.exp)
CORRELATION = Statistic(of=_correlation, scale=np.arctanh, back=np.tanh)
CONCORDANCE = Statistic(of=_concordance, scale=np.arctanh, back=np.tanh)
ABSOLUTE_AGREEMENT = Statistic(of=_absolute_agreement, scale=np.arctanh, back=np.tanh)


def by_patient(
    x: ArrayLike,
    y: ArrayLike,
    patients: ArrayLike,
    statistics: Mapping[str, Statistic],
    *,
    confidence: float = 0.95,
) -> dict[str, Estimate | StatisticsError]:
    """Each statistic of (n,) pairs with its jackknife interval over patients.

    On the statistic's scale, with v from all, w from all but one and n patients: n v - (n-1) mean w corrects the
    bias; SE^2 = (n-1)/n sum (w - mean w)^2; the interval reaches t(n-1) SE beyond v and the corrected v. B. Efron,
    R. J. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11; logarithm of deviations and z of correlations
    after F. Mosteller, J. W. Tukey, Data Analysis and Regression, 1977, ch. 8.
    Simulated normal values, 5 to 40 patients with 1 or 4 pairs each: covers 0.94 to 0.96 for bias, 0.91 to 0.96 for the
    root mean square (0.93 from 12 patients), 0.93 to 0.97 for |x - y|, 0.94 to 0.99 for r, 0.93 to 0.96 for ICC and
    concordance. Percentiles of a bootstrap cover 0.71 to 0.85 with 5 patients.
    A statistic that is undefined when some patient is left out gives a StatisticsError in the result.
    Raises StatisticsError for fewer than 5 patients.
    """
    a, b = paired(x, y, at_least=2)
    names, place = np.unique(np.asarray(patients), return_inverse=True)
    if len(place) != len(a):
        raise StatisticsError(f"each pair needs a patient, found {len(place)} for {len(a)} pairs")
    if len(names) < 5:
        raise StatisticsError(f"too few patients for an interval: {len(names)}, at least 5 are needed")
    parts = _sums(a, b, place, len(names))
    total = parts.sum(axis=0, keepdims=True)
    whole, without = Sums(**_columns(total)), Sums(**_columns(total - parts))
    return {name: _estimate(it, whole, without, confidence) for name, it in statistics.items()}


def _sums(x: Values, y: Values, place: np.ndarray, patients: int) -> Values:
    """(patients, 8) sums of the pairs of each patient, in the order of the fields of Sums."""
    centre = (x.mean() + y.mean()) / 2
    u, v, apart = x - centre, y - centre, x - y
    columns = (np.ones_like(x), u, v, u * u, v * v, u * v, np.abs(apart), apart * apart)
    return np.column_stack([np.bincount(place, weights=values, minlength=patients) for values in columns])


def _columns(table: Values) -> dict[str, Values]:
    return dict(zip(Sums.__dataclass_fields__, table.T, strict=True))


def _estimate(it: Statistic, whole: Sums, without: Sums, confidence: float) -> Estimate | StatisticsError:
    of_all = it.of(whole)
    value = float(of_all[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        left = it.of(without)
        n, at, without_one = len(left), float(it.scale(of_all)[0]), it.scale(left)
    low = high = value
    if not np.ptp(np.append(left, value)) <= _ROUNDING * (1 + abs(value)):
        corrected = n * at - (n - 1) * without_one.mean()
        half = t_quantile(confidence, n - 1) * np.sqrt((n - 1) * without_one.var())
        if not np.isfinite([at, corrected, half]).all():
            return StatisticsError("the data vary too little: the figure is undefined when one patient is left out")
        low, high = it.back(np.array([min(at, corrected) - half, max(at, corrected) + half]))
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=n,
        method="jackknife over patients, Student's t",
        confidence=confidence,
    )
