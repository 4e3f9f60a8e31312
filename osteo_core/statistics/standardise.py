"""Direct standardisation: shares of strata weighted by a standard population; and the difference of two shares."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import share
from osteo_core.statistics.intervals import normal_quantile, wilson

#: Below so many cases in all, the normal interval is replaced by the gamma one.
_FEW = 30


def directly_standardised(
    counts: Sequence[int], sizes: Sequence[int], weights: Sequence[float], *, confidence: float = 0.95
) -> Estimate:
    """sum w x/n / sum w over strata. From 30 cases on a normal interval with var = sum w^2 p(1-p)/n / (sum w)^2;
    below that the gamma interval of M. P. Fay, E. J. Feuer, Stat Med 1997;16:791, which is Garwood's for one stratum.

    Raises StatisticsError for lengths that differ, a stratum without anybody (nothing is standardised over it
    silently), counts outside 0..n, or weights that are not positive.

    >>> round(directly_standardised([10, 30], [100, 100], [3.0, 1.0]).value, 3)
    0.15
    """
    if not len(counts) == len(sizes) == len(weights) or not counts:
        raise StatisticsError("strata need one count, one size and one weight each")
    if min(sizes) < 1:
        raise StatisticsError("a stratum is empty; the share cannot be standardised over it")
    if min(weights) <= 0 or any(not 0 <= x <= n for x, n in zip(counts, sizes, strict=True)):
        raise StatisticsError("weights must be above 0 and counts lie within their strata")
    share(confidence, name="confidence")
    total = float(sum(weights))
    parts = [(x / n, n, w / total) for x, n, w in zip(counts, sizes, weights, strict=True)]
    value = sum(p * w for p, _, w in parts)
    if sum(counts) >= _FEW:
        half = normal_quantile(confidence) * math.sqrt(sum(w * w * p * (1 - p) / n for p, n, w in parts))
        low, high, method = value - half, value + half, "directly standardised, normal"
    else:
        low, high = _gamma(value, parts, confidence)
        method = "directly standardised, gamma (Fay and Feuer)"
    return Estimate(
        value=value,
        low=max(0.0, low),
        high=min(1.0, max(high, value)),
        n=sum(sizes),
        method=method,
        confidence=confidence,
    )


def _gamma(value: float, parts: Sequence[tuple[float, int, float]], confidence: float) -> tuple[float, float]:
    variance = sum(w * w * p / n for p, n, w in parts)
    largest = max(w / n for _, n, w in parts)
    tail = (1 - confidence) / 2
    low = variance / (2 * value) * float(stats.chi2.ppf(tail, 2 * value**2 / variance)) if variance else 0.0
    top, spread = value + largest, variance + largest**2
    return low, spread / (2 * top) * float(stats.chi2.ppf(1 - tail, 2 * top**2 / spread))


def difference_of_shares(first: tuple[int, int], second: tuple[int, int], *, confidence: float = 0.95) -> Estimate:
    """p1 - p2 of two groups of different people, (count, n) each, with Newcombe's hybrid score interval.

    d - sqrt((p1-l1)^2 + (u2-p2)^2) to d + sqrt((u1-p1)^2 + (p2-l2)^2) with Wilson's ends.
    R. G. Newcombe, Stat Med 1998;17:873, method 10: checked on its 56/70 against 48/80.
    Raises StatisticsError for an empty group.

    >>> found = difference_of_shares((56, 70), (48, 80))
    >>> round(found.value, 2), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    a, b = wilson(*first, confidence=confidence), wilson(*second, confidence=confidence)
    d = a.value - b.value
    return Estimate(
        value=d,
        low=d - math.hypot(a.value - a.low, b.high - b.value),
        high=d + math.hypot(a.high - a.value, b.value - b.low),
        n=a.n + b.n,
        method="difference of shares, Newcombe hybrid score",
        confidence=confidence,
    )
