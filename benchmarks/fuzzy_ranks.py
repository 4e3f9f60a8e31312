"""Several readings of one patient's category fused into one, by the fuzzy ranks of their class probabilities.

Not part of the product: the category of the calibrated value alone is at least as good (benchmarks.ensemble).
The order of classes is always osteoporosis, low bone mass, normal.
"""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osteo_core.records import Estimate
from osteo_core.statistics.intervals import Z_95
from osteo_core.terms import Category

Probabilities = NDArray[np.float64]
CLASSES = (Category.OSTEOPOROSIS, Category.LOW_BONE_MASS, Category.NORMAL)
#: Classes that each reading keeps; the others get the worst rank (Kundu 2021).
_KEPT = 2
#: Rank of a class with probability 0.
_WORST_RANK = 1.0 - np.exp(-1.0)
#: Median HU of the trabecular region below which osteoporosis, and above which normal bone, is likely (ISCD 2019).
HU_CUTS = (100.0, 150.0)
#: Scatter of individual HU about the mean rise by contrast, which plain cut-offs ignore (Pickhardt 2016).
HU_SCATTER_SD = 19.2


def class_probabilities(value: float, sd: float, *, cuts: tuple[float, float]) -> Probabilities:
    """(3,) probabilities of being below, between and above two ``cuts``, normal with that mean and SD (above 0)."""
    if not sd > 0:
        raise ValueError(f"a reading needs its scatter: the SD must be above 0, found {sd}")
    below = [0.5 * (1.0 + erf((cut - value) / (sd * sqrt(2.0)))) for cut in cuts]
    return np.array([below[0], below[1] - below[0], 1.0 - below[1]])


def sd_of(estimate: Estimate) -> float:
    """SD of a normal 95 % interval, from its upper end: the lower one stops at 0."""
    return (estimate.high - estimate.value) / Z_95


def fuzzy_rank_scores(probabilities: ArrayLike) -> Probabilities:
    """(C,) final scores from (L, C) class probabilities of L readings; the class with the smallest score wins.

    Kundu 2021, Sci Rep 11:14133: rank R = 1 - exp(-exp(-2 p)) (Gompertz, re-parameterised; 0.127 for p = 1, 0.632
    for p = 0). Each reading keeps its two likeliest classes; the others count as p = 0. Score = sum of ranks times
    (1 - mean of p). Raises ValueError for another shape, or probabilities that do not add up to 1.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] < _KEPT or not len(given):
        raise ValueError(f"probabilities must be (readings, at least {_KEPT} classes), found shape {given.shape}")
    if given.min() < -1e-9 or np.abs(given.sum(axis=1) - 1.0).max() > 1e-6:
        raise ValueError(f"each reading's probabilities must add up to 1, found {given.sum(axis=1)}")
    rank = 1.0 - np.exp(-np.exp(-2.0 * given))
    order = np.argsort(rank, axis=1, kind="stable")
    is_kept = np.zeros(given.shape, dtype=bool)
    np.put_along_axis(is_kept, order[:, :_KEPT], True, axis=1)
    ranks = np.where(is_kept, rank, _WORST_RANK).sum(axis=0)
    doubt = 1.0 - np.where(is_kept, given, 0.0).mean(axis=0)
    return np.asarray(ranks * doubt)


def fuzzy_rank_category(probabilities: ArrayLike) -> Category:
    """The category chosen by the fuzzy ranks of (L, 3) probabilities."""
    return CLASSES[int(np.argmin(fuzzy_rank_scores(probabilities)))]


def average_category(probabilities: ArrayLike) -> Category:
    """The most likely category by the mean of (L, 3) probabilities."""
    return CLASSES[int(np.argmax(np.mean(np.asarray(probabilities, dtype=np.float64), axis=0)))]
