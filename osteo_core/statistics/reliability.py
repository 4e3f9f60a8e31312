"""Intraclass correlation (Shrout and Fleiss 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import ratings, share, varying

#: Mean squares below this fraction of the between-target one are rounding errors.
_ROUNDING = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class _Squares:
    """Mean squares of a two-way layout: n targets (rows), k raters (columns)."""

    n: int
    k: int
    between: float
    raters: float
    error: float


def icc(table: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """ICC(2,1) of (targets, raters), complete: one rating, absolute agreement.

    Raters are random and their bias counts: the form for two methods or two readers.
    (B-E)/(B+(k-1)E+k(J-E)/n), with mean squares between targets B, of raters J and of error E. Interval by F with
    Satterthwaite's degrees of freedom (McGraw and Wong, Psychol Methods 1996;1:30). If J and E are negligible
    relative to B, the result is 1 (1 to 1).
    P. E. Shrout, J. L. Fleiss, Psychol Bull 1979;86:420: checked on its 6 x 4 table.
    Raises StatisticsError for fewer than 3 targets, when targets do not vary, or if a rating is missing.

    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> round(icc(ratings).value, 2)
    0.29
    """
    array = ratings(table)
    if len(array) < 3:  # of two, the value may lie below -1
        raise StatisticsError(f"too few targets: {len(array)}, at least 3 are needed")
    varying(array.ravel(), name="ratings")
    share(confidence, name="confidence")
    squares = _mean_squares(array)
    if squares.between <= 0:
        raise StatisticsError("the means of all targets are equal; ICC needs targets that differ")
    value, low, high = _absolute_agreement(squares, confidence)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        n=squares.n,
        method="ICC(2,1), Satterthwaite F interval",
        confidence=confidence,
    )


def _mean_squares(x: np.ndarray) -> _Squares:
    n, k = x.shape
    rows, columns, grand = x.mean(axis=1), x.mean(axis=0), x.mean()
    raters = n * float(((columns - grand) ** 2).sum())
    residual = x - rows[:, None] - columns[None, :] + grand
    return _Squares(
        n=n,
        k=k,
        between=k * float(((rows - grand) ** 2).sum()) / (n - 1),
        raters=raters / (k - 1),
        error=float((residual**2).sum()) / ((n - 1) * (k - 1)),
    )


def _absolute_agreement(s: _Squares, confidence: float) -> tuple[float, float, float]:
    n, k = s.n, s.k
    apart = (n - 1) * s.error + s.raters
    if apart <= _ROUNDING * s.between:
        return 1.0, 1.0, 1.0
    value = (s.between - s.error) / (s.between - s.error + k * apart / n)
    # McGraw and Wong's k value / (n (1 - value)) and 1 + (n - 1) of it, without 1 - value, which loses precision.
    a = (s.between - s.error) / apart
    b = 1 + (n - 1) * a
    v = (a * s.raters + b * s.error) ** 2
    v /= (a * s.raters) ** 2 / (k - 1) + (b * s.error) ** 2 / ((n - 1) * (k - 1))
    tail = 0.5 + confidence / 2
    lower_f, upper_f = stats.f.ppf(tail, n - 1, v), stats.f.ppf(tail, v, n - 1)
    other = k * s.raters + (k * n - k - n) * s.error
    low = n * (s.between - lower_f * s.error) / (lower_f * other + n * s.between)
    high = n * (upper_f * s.between - s.error) / (other + n * upper_f * s.between)
    return value, float(low), float(high)
