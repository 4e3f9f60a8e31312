"""Bootstrap intervals over patients: for levels of one patient, which are not independent.

Every figure here follows from sums over pairs, so each patient is summed once and a draw only weighs patients' sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import Values, paired, share

DRAWS = 1000
#: More patients than this are drawn in so many groups of patients put together at random.
GROUPS = 1000


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums over pairs, any shape but all alike: n, x, y, their squares and product, and |x - y| and its square.

    x and y are less one number common to both, so that squares keep their digits.
    """

    n: Values
    x: Values
    y: Values
    xx: Values
    yy: Values
    xy: Values
    apart: Values
    apart2: Values


Statistic = Callable[[Sums], Values]


def bias(s: Sums) -> Values:
    """Mean of x - y."""
    return (s.x - s.y) / s.n


def root_mean_square(s: Sums) -> Values:
    """Root of the mean square of x - y."""
    return np.sqrt(s.apart2 / s.n)


def mean_absolute(s: Sums) -> Values:
    """Mean of |x - y|."""
    return s.apart / s.n


def correlation(s: Sums) -> Values:
    """Pearson's r; NaN where a row does not vary."""
    sxx, syy, sxy = _about_mean(s)
    return np.where((sxx > 0) & (syy > 0), sxy / np.sqrt(np.maximum(sxx * syy, _TINY)), np.nan)


def concordance(s: Sums) -> Values:
    """Lin's coefficient, moments over n, as ``agreement.lin_ccc``; NaN where a row does not vary."""
    sxx, syy, sxy = _about_mean(s)
    below = sxx + syy + s.n * bias(s) ** 2
    return np.where((sxx > 0) & (syy > 0), 2 * sxy / np.maximum(below, _TINY), np.nan)


def absolute_agreement(s: Sums) -> Values:
    """ICC(2,1) of the two as raters, as ``reliability.icc``; NaN where the pairs' means do not vary."""
    sxx, syy, sxy = _about_mean(s)
    between = (sxx + syy + 2 * sxy) / 2 / (s.n - 1)
    error = (sxx + syy - 2 * sxy) / 2 / (s.n - 1)
    raters = s.n * bias(s) ** 2 / 2
    below = between + error + 2 * (raters - error) / s.n
    return np.where(between > 0, (between - error) / np.where(below == 0, np.nan, below), np.nan)


_TINY = 1e-300


def _about_mean(s: Sums) -> tuple[Values, Values, Values]:
    """Sums of squares and product about the means; what is rounding of equal values is 0."""
    noise = 1e-12 * (s.xx + s.yy)
    sxx, syy, sxy = s.xx - s.x * s.x / s.n, s.yy - s.y * s.y / s.n, s.xy - s.x * s.y / s.n
    return np.where(sxx > noise, sxx, 0.0), np.where(syy > noise, syy, 0.0), sxy


def by_patient(
    x: ArrayLike,
    y: ArrayLike,
    patients: ArrayLike,
    statistics: Mapping[str, Statistic],
    *,
    draws: int = DRAWS,
    seed: int = 1,
    confidence: float = 0.95,
) -> dict[str, Estimate | StatisticsError]:
    """Each statistic of (n,) pairs with its percentile interval over draws of whole patients with replacement.

    B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13. All statistics share the draws. Above
    GROUPS patients, groups of them are drawn, which leaves a sum's variance as it is. Draws on which a statistic
    cannot be computed are left out; one that is lost on over a tenth of them is a StatisticsError in the answer.
    Raises StatisticsError for fewer than 5 patients.
    """
    a, b = paired(x, y, at_least=2)
    names, place = np.unique(np.asarray(patients), return_inverse=True)
    if len(place) != len(a):
        raise StatisticsError(f"each pair needs its patient, found {len(place)} for {len(a)} pairs")
    if len(names) < 5:
        raise StatisticsError(f"too few patients to draw from: {len(names)}, at least 5 are needed")
    rng = np.random.default_rng(seed)
    groups = min(len(names), GROUPS)
    if groups < len(names):
        place = (rng.permutation(len(names)) % groups)[place]
    parts = _sums(a, b, place, groups)
    chosen = rng.integers(0, groups, (draws, groups)) + groups * np.arange(draws)[:, None]
    weights = np.bincount(chosen.ravel(), minlength=draws * groups).reshape(draws, groups).astype(float)
    drawn, whole = Sums(**_columns(weights @ parts)), Sums(**_columns(parts.sum(axis=0, keepdims=True)))
    tail = (1 - share(confidence, name="confidence")) / 2
    return {
        name: _estimate(float(f(whole)[0]), f(drawn), tail, n=len(names), confidence=confidence)
        for name, f in statistics.items()
    }


def _sums(x: Values, y: Values, place: np.ndarray, groups: int) -> Values:
    """(groups, 8) sums of the pairs of each group, in the order of the fields of Sums."""
    centre = (x.mean() + y.mean()) / 2
    u, v, apart = x - centre, y - centre, x - y
    columns = (np.ones_like(x), u, v, u * u, v * v, u * v, np.abs(apart), apart * apart)
    return np.column_stack([np.bincount(place, weights=values, minlength=groups) for values in columns])


def _columns(table: Values) -> dict[str, Values]:
    return dict(zip(Sums.__dataclass_fields__, table.T, strict=True))


def _estimate(value: float, drawn: Values, tail: float, *, n: int, confidence: float) -> Estimate | StatisticsError:
    found = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(found) < 0.9 * len(drawn):
        return StatisticsError("the data vary too little: the statistic cannot be computed on most draws")
    low, high = np.quantile(found, [tail, 1 - tail])
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=n,
        method=f"bootstrap over patients, {len(found)} draws, percentile",
        confidence=confidence,
    )
