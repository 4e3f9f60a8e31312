"""Number a chain of bodies: consecutive levels, the shift that the coarse network likes best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.spine_localiser.network import CLASSES
from osteo_core.terms import Level

_UPPER = CLASSES.index("upper")
_SACRUM = CLASSES.index("sacrum")
_T8 = CLASSES.index("T8")
#: A chain may start anywhere between these levels.
_FIRST_START, _LAST_START = int(Level.T1), int(Level.L5)
#: Share of the probability that no class may fall below, so that one odd body decides nothing alone.
_FLOOR = 0.02
#: A gap this much wider than usual hides a body.
_MISSING_BODY = 1.6
BEYOND = int(Level.SACRUM)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Level of each body from the top down (26 where it is the sacrum), and how sure the shift is."""

    levels: tuple[int, ...]
    probability: float


def class_of(level: int) -> int:
    """Class of the localiser for a VerSe number; numbers past L5 are the sacrum."""
    if level < Level.T8:
        return _UPPER
    return _T8 + level - Level.T8 if level <= Level.L5 else _SACRUM


def increments(centres_mm: NDArray[np.float64]) -> NDArray[np.int_]:
    """Steps in level between neighbours (N, 3), top down: 1, or more where a body is missing."""
    gaps = np.linalg.norm(np.diff(centres_mm, axis=0), axis=1)
    out = np.ones(len(gaps), dtype=int)
    for n, gap in enumerate(gaps):
        near = np.delete(gaps, n)[max(0, n - 2) : n + 2]
        usual = float(np.median(near)) if len(near) else gap
        if gap > _MISSING_BODY * usual:
            out[n] = max(1, round(gap / usual))
    return out


def number(probability: NDArray[np.floating], centres_mm: NDArray[np.float64]) -> Chain:
    """Levels for bodies from the top down: class probabilities (N, 16) and centres (N, 3) in LPS mm."""
    if not len(probability):
        return Chain(levels=(), probability=0.0)
    offsets = np.concatenate([[0], np.cumsum(increments(centres_mm))])
    vertebral = np.asarray(probability)[:, _UPPER : _SACRUM + 1]
    share = vertebral / np.maximum(vertebral.sum(1, keepdims=True), 1e-6)
    log = np.log(np.maximum(share, 0) * (1 - _FLOOR) + _FLOOR)
    starts = range(_FIRST_START, _LAST_START + 1)
    scores = np.array(
        [sum(log[n, class_of(start + int(step)) - _UPPER] for n, step in enumerate(offsets)) for start in starts]
    )
    scores[[s + int(offsets[-1]) > BEYOND for s in starts]] -= 4.0
    weight = np.exp(scores - scores.max())
    best = int(scores.argmax())
    levels = tuple(min(starts[best] + int(step), BEYOND) for step in offsets)
    levels = tuple(BEYOND if level > Level.L5 else level for level in levels)
    return Chain(levels=levels, probability=float(weight[best] / weight.sum()))
