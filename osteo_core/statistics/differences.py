"""Differences between two figures with intervals: of independent groups, and of the same people (paired)."""

from __future__ import annotations

import math

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.intervals import wilson


def difference_of_independent(first: Estimate, second: Estimate) -> Estimate:
    """first - second for independent groups, from the interval of each (square-and-add, MOVER).

    d - sqrt((e1-l1)^2 + (u2-e2)^2) to d + sqrt((u1-e1)^2 + (e2-l2)^2). G. Y. Zou, A. Donner, Stat Med 2008;27:1693.
    With Wilson's intervals it is Newcombe's method 10 for shares (Stat Med 1998;17:873), with Fisher's that of Zou for
    correlations (Psychol Methods 2007;12:399). Raises StatisticsError for intervals of unequal confidence.

    >>> found = difference_of_independent(wilson(56, 70), wilson(48, 80))
    >>> round(found.value, 2), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    if first.confidence != second.confidence:
        raise StatisticsError(
            f"a difference needs intervals of the same confidence, found {first.confidence:g} and {second.confidence:g}"
        )
    d = first.value - second.value
    return Estimate(
        value=d,
        low=d - math.hypot(first.value - first.low, second.high - second.value),
        high=d + math.hypot(first.high - first.value, second.value - second.low),
        n=first.n + second.n,
        method="difference of different people, square-and-add",
        confidence=first.confidence,
    )


def difference_of_paired_shares(
    both: int, first_only: int, second_only: int, neither: int, *, confidence: float = 0.95
) -> Estimate:
    """p1 - p2 for paired shares (the same people judged twice), with Newcombe's square-and-add interval.

    d - sqrt(a^2 - 2 phi a b + b^2) with a = p1-l1, b = u2-p2, and d + sqrt(c^2 - 2 phi c e + e^2) with c = u1-p1,
    e = p2-l2; l and u are Wilson's ends, phi the correlation of the two judgements, continuity-corrected.
    R. G. Newcombe, Stat Med 1998;17:2635, method 10. Raises StatisticsError for nobody or negative counts.

    >>> found = difference_of_paired_shares(20, 12, 2, 16)
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (0.2, 0.056, 0.329)
    """
    n = both + first_only + second_only + neither
    if min(both, first_only, second_only, neither) < 0:
        raise StatisticsError("counts of people cannot be negative")
    one = wilson(both + first_only, n, confidence=confidence)
    other = wilson(both + second_only, n, confidence=confidence)
    phi = _phi(both, first_only, second_only, neither)
    d = one.value - other.value
    return Estimate(
        value=d,
        low=d - _apart(one.value - one.low, other.high - other.value, phi),
        high=d + _apart(one.high - one.value, other.value - other.low, phi),
        n=n,
        method="difference of shares of the same people, Newcombe paired",
        confidence=confidence,
    )


def _phi(a: int, b: int, c: int, d: int) -> float:
    below = math.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    above = float(a * d - b * c)
    if above > 0:
        above = max(above - (a + b + c + d) / 2, 0.0)
    return above / below if below else 0.0


def _apart(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))
