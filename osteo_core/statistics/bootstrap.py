"""Intervals by drawing patients anew: for levels of one patient, which are not independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics.checks import Values, paired, share

DRAWS = 1000
#: More pairs than this are drawn fewer times: the work stays the same.
_WORK = 2_000_000


def by_patient(
    x: ArrayLike,
    y: ArrayLike,
    patients: Sequence[str],
    statistic: Callable[[Values, Values], float],
    *,
    draws: int = DRAWS,
    seed: int = 1,
    confidence: float = 0.95,
) -> Estimate:
    """``statistic(x, y)`` with its percentile interval over draws of whole patients with replacement.

    B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13. Draws on which the statistic cannot be
    computed are left out. Raises StatisticsError for fewer than 5 patients, or when over a tenth of the draws are lost.
    """
    a, b = paired(x, y, at_least=2)
    names, place = np.unique(np.asarray(patients), return_inverse=True)
    if len(patients) != len(a):
        raise StatisticsError(f"each pair needs its patient, found {len(patients)} for {len(a)} pairs")
    if len(names) < 5:
        raise StatisticsError(f"too few patients to draw from: {len(names)}, at least 5 are needed")
    value = statistic(a, b)
    times = max(200, min(draws, _WORK // len(a)))
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(names) + 1))
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(times):
        chosen = rng.integers(0, len(names), len(names))
        rows = order[_ranges(starts[chosen], starts[chosen + 1])]
        try:
            found.append(statistic(a[rows], b[rows]))
        except StatisticsError:
            continue
    if len(found) < 0.9 * times:
        raise StatisticsError("the data vary too little: the statistic cannot be computed on most draws")
    tail = (1 - share(confidence, name="confidence")) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=len(names),
        method=f"bootstrap over patients, {len(found)} draws, percentile",
        confidence=confidence,
    )


def _ranges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """All numbers of the half-open ranges, one after the other."""
    lengths = ends - starts
    before = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.arange(int(lengths.sum())) - before + np.repeat(starts, lengths)
