"""Intervals for a share, a mean and a correlation."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import share


def normal_quantile(confidence: float) -> float:
    """Two-sided standard normal quantile, 1.959964 for 0.95.

    >>> round(normal_quantile(0.95), 3)
    1.96
    """
    return float(special.ndtri(0.5 + share(confidence, name="confidence") / 2))


#: Half width of a two-sided 95 % interval in SDs of a normal distribution.
Z_95 = normal_quantile(0.95)


def t_quantile(confidence: float, degrees: float) -> float:
    """Two-sided quantile of Student's t with ``degrees`` of freedom.

    >>> round(t_quantile(0.95, 10), 3)
    2.228
    """
    return float(special.stdtrit(degrees, 0.5 + share(confidence, name="confidence") / 2))


def wilson(count: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """Share ``count / n`` with Wilson's score interval, without continuity correction.

    centre = (p + z^2/2n) / (1 + z^2/n); half = z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n).
    For prevalence, sensitivity and specificity; keeps its coverage near 0 and 1, unlike the Wald
    interval. E. B. Wilson, JASA 1927;22:209; R. G. Newcombe, Stat Med 1998;17:857, method 3.
    Raises StatisticsError for n = 0 or a count outside 0..n.

    >>> share = wilson(9, 10)
    >>> round(share.value, 2), round(share.low, 3), round(share.high, 3)
    (0.9, 0.596, 0.982)
    """
    if n < 1:
        raise StatisticsError("a share cannot be computed: n is 0")
    if not 0 <= count <= n:
        raise StatisticsError(f"a count must lie in 0-{n}, found {count}")
    p = count / n
    low, high = wilson_ends(p, n, confidence=confidence)
    return Estimate(value=p, low=low, high=high, n=n, method="Wilson score interval", confidence=confidence)


def wilson_ends(p: float, n: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Both ends of Wilson's interval for a share ``p``, formula at ``wilson``; ``n`` may be an effective number.

    >>> low, high = wilson_ends(0.9, 10)
    >>> round(low, 3), round(high, 3)
    (0.596, 0.982)
    """
    z = normal_quantile(confidence)
    scale = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    # At 0 and 1 the limit equals the share exactly; rounding could put it slightly beyond.
    low = 0.0 if p == 0 else min(centre - half, p)
    high = 1.0 if p == 1 else max(centre + half, p)
    return low, high


def fisher_z(r: float, n: int, *, confidence: float = 0.95) -> Estimate:
    """Interval for a correlation: tanh(atanh r -+ z / sqrt(n-3)). R. A. Fisher, Metron 1921;1:3.

    For bivariate normal pairs. A correlation of exactly 1 or -1 has a zero-width interval.
    Raises StatisticsError for n < 4 or r outside -1..1.

    >>> r = fisher_z(0.9, 28)
    >>> round(r.low, 3), round(r.high, 3)
    (0.793, 0.953)
    """
    if n < 4:
        raise StatisticsError(f"the interval of a correlation needs at least 4 pairs, found {n}")
    if not -1.0 <= r <= 1.0:
        raise StatisticsError(f"a correlation must lie in -1..1, found {r:g}")
    method = "Pearson, Fisher z"
    if abs(r) == 1.0:
        return Estimate(value=r, low=r, high=r, n=n, method=method, confidence=confidence)
    centre, half = math.atanh(r), normal_quantile(confidence) / math.sqrt(n - 3)
    # tanh(atanh(r)) may differ from r by rounding; the value must lie in its interval.
    low, high = min(math.tanh(centre - half), r), max(math.tanh(centre + half), r)
    return Estimate(value=r, low=low, high=high, n=n, method=method, confidence=confidence)


def around(value: float, half: float, n: int, *, method: str, confidence: float = 0.95) -> Estimate:
    """An estimate with a symmetric interval.

    >>> value = around(10.0, 2.0, 5, method='by hand')
    >>> value.low, value.high
    (8.0, 12.0)
    """
    if not np.isfinite(value) or not np.isfinite(half):
        raise StatisticsError(f"{method}: the result is not a number; the data do not vary enough")
    return Estimate(value=value, low=value - half, high=value + half, n=n, method=method, confidence=confidence)
