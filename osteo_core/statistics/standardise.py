"""Direct standardisation: shares of strata weighted by a standard population."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import share
from osteo_core.statistics.intervals import normal_quantile

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
