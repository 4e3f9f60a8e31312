"""Intraclass correlation (Shrout and Fleiss 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import ratings, share, varying


@dataclass(frozen=True, kw_only=True)
class _Squares:
    """Mean squares of a two-way layout: n targets (rows), k raters (columns)."""

    n: int
    k: int
    between: float
    within: float
    raters: float
    error: float


@dataclass(frozen=True, kw_only=True)
class Icc:
    """All six forms, for one rating and for the mean of the k raters (``..._k``).

    icc_1: every target rated by other raters. icc_2: raters are a sample of all raters, and their bias
    counts (absolute agreement): the form for two engines or readers. icc_3: these raters only, bias
    does not count (consistency).
    """

    icc_1: Estimate
    icc_2: Estimate
    icc_3: Estimate
    icc_1_k: Estimate
    icc_2_k: Estimate
    icc_3_k: Estimate


def icc(table: ArrayLike, *, confidence: float = 0.95) -> Icc:
    """ICC of (targets, raters), complete.

    (1,1) = (B-W)/(B+(k-1)W); (2,1) = (B-E)/(B+(k-1)E+k(J-E)/n); (3,1) = (B-E)/(B+(k-1)E), with mean
    squares between targets B, within W, raters J, error E. Intervals by F, for (2,1) with
    Satterthwaite's degrees of freedom (McGraw and Wong, Psychol Methods 1996;1:30). Mean of k raters by
    Spearman-Brown. P. E. Shrout, J. L. Fleiss, Psychol Bull 1979;86:420: checked on its 6 x 4 table.
    Raises StatisticsError when targets do not vary or a rating is missing.
    """
    array = ratings(table)
    varying(array.ravel(), name="ratings")
    share(confidence, name="confidence")
    squares = _mean_squares(array)
    if squares.between <= 0:
        raise StatisticsError("the targets' means are all equal; ICC compares raters on targets that differ")
    single = {
        "1": _icc_1(squares, confidence),
        "2": _icc_2(squares, confidence),
        "3": _icc_3(squares, confidence),
    }
    forms = {f"icc_{name}": _estimate(name, 1, values, squares, confidence) for name, values in single.items()}
    forms |= {
        f"icc_{name}_k": _estimate(name, squares.k, tuple(_step_up(v, squares.k) for v in values), squares, confidence)
        for name, values in single.items()
    }
    return Icc(**forms)


def _mean_squares(x: np.ndarray) -> _Squares:
    n, k = x.shape
    rows, columns, grand = x.mean(axis=1), x.mean(axis=0), x.mean()
    within = float(((x - rows[:, None]) ** 2).sum())
    raters = n * float(((columns - grand) ** 2).sum())
    residual = x - rows[:, None] - columns[None, :] + grand
    return _Squares(
        n=n,
        k=k,
        between=k * float(((rows - grand) ** 2).sum()) / (n - 1),
        within=within / (n * (k - 1)),
        raters=raters / (k - 1),
        error=float((residual**2).sum()) / ((n - 1) * (k - 1)),
    )


def _from_f(f: float, k: int) -> float:
    """(F-1)/(F+k-1), 1 for no error at all."""
    return 1.0 if np.isinf(f) else (f - 1) / (f + k - 1)


def _by_f(top: float, bottom: float, k: int, degrees: tuple[int, int], confidence: float) -> tuple[float, float, float]:
    f = np.inf if bottom == 0 else top / bottom
    tail = 0.5 + confidence / 2
    low = f / stats.f.ppf(tail, degrees[0], degrees[1])
    high = f * stats.f.ppf(tail, degrees[1], degrees[0])
    return _from_f(f, k), _from_f(low, k), _from_f(high, k)


def _icc_1(s: _Squares, confidence: float) -> tuple[float, float, float]:
    return _by_f(s.between, s.within, s.k, (s.n - 1, s.n * (s.k - 1)), confidence)


def _icc_3(s: _Squares, confidence: float) -> tuple[float, float, float]:
    return _by_f(s.between, s.error, s.k, (s.n - 1, (s.n - 1) * (s.k - 1)), confidence)


def _icc_2(s: _Squares, confidence: float) -> tuple[float, float, float]:
    n, k = s.n, s.k
    value = (s.between - s.error) / (s.between + (k - 1) * s.error + k * (s.raters - s.error) / n)
    if s.error == 0 and s.raters == 0:
        return 1.0, 1.0, 1.0
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    v = (a * s.raters + b * s.error) ** 2
    v /= (a * s.raters) ** 2 / (k - 1) + (b * s.error) ** 2 / ((n - 1) * (k - 1))
    tail = 0.5 + confidence / 2
    lower_f, upper_f = stats.f.ppf(tail, n - 1, v), stats.f.ppf(tail, v, n - 1)
    other = k * s.raters + (k * n - k - n) * s.error
    low = n * (s.between - lower_f * s.error) / (lower_f * other + n * s.between)
    high = n * (upper_f * s.between - s.error) / (other + n * upper_f * s.between)
    return value, float(low), float(high)


def _step_up(value: float, k: int) -> float:
    """Spearman-Brown; monotone, so the ends of an interval step up alike. -inf at its pole -1/(k-1)."""
    below = 1 + (k - 1) * value
    return k * value / below if below > 0 else -np.inf


def _estimate(name: str, size: int, values: tuple[float, ...], s: _Squares, confidence: float) -> Estimate:
    value, low, high = values
    interval = "Satterthwaite F interval" if name == "2" else "F interval"
    method = f"ICC({name},{'k' if size > 1 else 1}), {interval}"
    return Estimate(
        value=value, low=min(low, value), high=max(high, value), n=s.n, method=method, confidence=confidence
    )
