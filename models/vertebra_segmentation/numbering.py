"""Number a chain of bodies: consecutive levels at the shift that fits the evidence best."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
#: Lower limit of a class's share of the probability, so that one unusual body cannot decide alone.
_FLOOR = 0.02
#: A gap that is this share of a level wider than usual hides a body with even odds: missed bodies are often crushed.
_HALF_HIDDEN, _HIDDEN_WIDTH = 0.45, 0.06
#: Limits on the thickness of a disc, in case few or badly outlined bodies suggest another value.
_DISC_MM = (2.0, 14.0)
_LEAST_READING, _MOST_READINGS = 0.02, 8
#: Log penalty for three or more bodies past the last lumbar one: they cannot all be there.
_TOO_LOW = 4.0
#: The last lumbar level and its frequency: fewer or more than five lumbar bodies are found in 2-8 % each, depending on
#: where the ribs and the sacrum are taken to begin (Paik 2013, Tins and Balain 2016).
_LAST_LUMBAR = ((Level.L5, 0.93), (Level.L6, 0.04), (Level.L4, 0.03))
#: Errors within one image are correlated: each vote has this weight, and together they count as at most _MOST_VOTES.
_VOTE, _MOST_VOTES = 0.6, 2.4
#: The lowest rib leaves the spine below the middle of T12: mean and SD of the difference in mm, chosen on six real
#: series (2026-11-25: -5 to -18; verse007 is one of them) and the simulator, whose ribs run flatter (-9 to 4).
_RIB_OFFSET_MM, _RIB_SD_MM = -9.0, 8.0
#: Level of the lowest rib found: T12, T11 if the last rib is short or thin, L1 if it has a rib.
_RIB_OF = ((Level.T12, 0.88), (Level.T11, 0.08), (Level.L1, 0.04))
_RIB_FLOOR = 0.02
#: Probability that the lowest body is L5, without and with a sacrum below it.
_UNDECIDED, _CONVINCING = 0.5, 0.95
#: From this share of sacrum a body is more likely S1: the fine network calls hardly any of L5 sacrum, but much of
#: S1 body.
_SACRAL_SHARE = 0.05
#: The fine network's sacrum below the lowest body counts in full from this volume.
_SACRUM_BELOW_ML = 8.0
#: From this volume the sacrum is directly below (0-4 ml below an L4 above an L5, 50-62 ml below the last body).
_SACRUM_NEXT_ML = 28.0
#: Probability of not being sacrum: above it a body is lumbar (L5 and a sixth one: 0.97-1.00), otherwise a piece of
#: sacrum.
_FREE = 0.9
#: Log weight by which votes may favour another count of bodies (five bodies: at most 2.2; four or six: up to 5.0), and
#: how many bodies on either side must support it. All were chosen on simulated patients: three of them spliced
#: (599503, 599505, 599507 of benchmarks.spliced_levels) and 16 unchanged (599520-599535).
_MOST_BREAK, _LEAST_SIDE = 3.0, 2
BEYOND = int(Level.SACRUM)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Level of each body from the top down (26 for the sacrum), and the probability of the shift."""

    levels: tuple[int, ...]
    probability: float


@dataclass(frozen=True, kw_only=True)
class SacralEvidence:
    """The evidence of the fine network, which sees the disc between L5 and the sacrum.

    ``free``: for each body from the top down, the probability that it is not sacrum; ``below_ml``: volume of
    sacrum close below the lowest body.
    """

    free: tuple[float, ...]
    below_ml: float


def class_of(level: int) -> int:
    """The localiser's class of a VerSe number; numbers past L5 are the sacrum."""
    if level < Level.T8:
        return _UPPER
    return _T8 + level - Level.T8 if level <= Level.L5 else _SACRUM


def places(centres_mm: NDArray[np.float64], lengths_mm: NDArray[np.float64]) -> list[tuple[NDArray[np.int_], float]]:
    """How many levels below the first each body (N, 3; top down) may be, and the probability of each reading.

    Neighbours are one level apart, or more if the gap between them (their distance minus half of each length)
    could hold a body that was not outlined.
    """
    gaps = np.linalg.norm(np.diff(centres_mm, axis=0), axis=1)
    room = gaps - (lengths_mm[:-1] + lengths_mm[1:]) / 2
    disc = float(np.clip(np.median(room), *_DISC_MM)) if len(room) else 0.0
    pitch = float(np.median(lengths_mm)) + disc
    readings: list[tuple[list[int], float]] = [([0], 1.0)]
    for free in room - disc:
        fewer = max(0, int(free / pitch))
        more = 1 / (1 + np.exp(-(free / pitch - fewer - _HALF_HIDDEN) / _HIDDEN_WIDTH))
        options = [(fewer + 1, 1 - more), (fewer + 2, more)]
        readings = [
            ([*at, at[-1] + step], own * share)
            for at, own in readings
            for step, share in options
            if share > _LEAST_READING
        ]
        readings = sorted(readings, key=lambda reading: -reading[1])[:_MOST_READINGS]
    return [(np.array(at), share) for at, share in readings]


def _vertebral(probability: NDArray[np.floating]) -> NDArray[np.floating]:
    """Share (N, 13) of each vertebral class, sacrum included, in class probabilities (N, 16)."""
    vertebral = np.asarray(probability)[:, _UPPER : _SACRUM + 1]
    return np.asarray(vertebral / np.maximum(vertebral.sum(1, keepdims=True), 1e-6))


def _sacral_evidence(levels: list[int], last: Level, evidence: SacralEvidence) -> float:
    """Log weight of one numbering, with ``last`` above the sacrum, from the fine network's evidence on the sacrum."""
    score = sum(
        float(np.log(max(1 - free, _FLOOR) / _SACRAL_SHARE))
        for level, free in zip(levels, evidence.free, strict=True)
        if level > last
    )
    bodies = [level for level in levels if level <= last]
    meets = bool(bodies) and bodies[-1] == last
    begins = min(1.0, evidence.below_ml / _SACRUM_BELOW_ML)
    share = _UNDECIDED + (_CONVINCING - _UNDECIDED) * begins
    return score + float(np.log(share if meets else 1 - share)) - float(np.log(_UNDECIDED))


def _votes(levels: list[int], last: Level, share: NDArray[np.floating]) -> float:
    """Log weight of one numbering from the coarse network's share (N, 13) of each vertebral class in each body.

    The network was trained on five lumbar levels only: for another count, half of the weight comes from its classes
    counted from above, half from those counted from below.
    """
    more = last - Level.L5
    likely = [
        0.5 * (row[class_of(level) - _UPPER] + row[class_of(level - more * (level > Level.T12)) - _UPPER])
        for level, row in zip(levels, share, strict=True)
    ]
    log = np.log(np.maximum(likely, 0) * (1 - _FLOOR) + _FLOOR)
    return float(min(_VOTE, _MOST_VOTES / len(log)) * log.sum())


def _rib_from_mm(level: int, levels: Sequence[int], centres_mm: NDArray[np.float64], rib_mm: float) -> float:
    """How far above the expected place of a level's rib (mm) the lowest rib leaves the spine (LPS z)."""
    z = centres_mm[:, 2]
    step = float(np.median(-np.diff(z))) if len(z) > 1 else 28.0
    steps = level - levels[0]  # negative for a level above the chain
    at = z[levels.index(level)] if level in levels else z[0] - step * steps
    return float(rib_mm - at - _RIB_OFFSET_MM)


def _rib_evidence(levels: list[int], centres_mm: NDArray[np.float64], rib_mm: float) -> float:
    """Log weight of one numbering from the height at which the lowest rib leaves the spine (LPS z)."""
    total = _RIB_FLOOR
    for level, share in _RIB_OF:
        distance = _rib_from_mm(level, levels, centres_mm, rib_mm) / _RIB_SD_MM
        total += share * float(np.exp(-0.5 * distance**2))
    return float(np.log(total))


def is_usual(
    levels: Sequence[int],
    centres_mm: NDArray[np.float64],
    probability: NDArray[np.floating],
    evidence: SacralEvidence | None = None,
    rib_mm: float | None = None,
) -> bool:
    """Whether all evidence agrees that a numbering that reaches the sacrum has five lumbar levels.

    The arguments are those of `number`. The lowest rib is T12's, L5 alone lies on the sacrum, and the votes neither
    skip nor repeat a level.
    """
    if Level.L6 in levels or (BEYOND in levels and Level.L5 not in levels):
        return False
    if evidence is not None and not _meets_sacrum(levels, evidence):
        return False
    if votes_break(levels, probability) > _MOST_BREAK:
        return False
    if rib_mm is None:
        return True
    of = {level: abs(_rib_from_mm(level, levels, centres_mm, rib_mm)) for level in (Level.T11, Level.T12, Level.L1)}
    return min(of, key=lambda level: of[level]) is Level.T12


def _meets_sacrum(levels: Sequence[int], evidence: SacralEvidence) -> bool:
    """Whether L5 is the last body that the fine network does not call sacrum."""
    if levels[-1] < Level.L5 and evidence.below_ml > _SACRUM_NEXT_ML:
        return False
    named = zip(levels, evidence.free, strict=True)
    return all((free > _FREE) == (level == Level.L5) for level, free in named if level >= Level.L5)


def votes_break(levels: Sequence[int], probability: NDArray[np.floating]) -> float:
    """Log weight by which the votes (N, 16) prefer one body fewer or one more somewhere in the chain.

    With an extra body, the votes above it are one level lower than a count from below gives; with a missing one, they
    are one level higher. Negative if the votes fit consecutive levels best.
    """
    share = _vertebral(probability)
    at = [level if level < BEYOND else Level.L5 + 1 + levels[:n].count(BEYOND) for n, level in enumerate(levels)]
    votes = [
        [row[class_of(level + shift) - _UPPER] for row, level in zip(share, at, strict=True)] for shift in (-1, 0, 1)
    ]
    log = np.log(np.array(votes) * (1 - _FLOOR) + _FLOOR)
    above = np.cumsum(log, axis=1)
    below = above[:, -1:] - above
    broken = np.maximum(above[:-1] + below[1:], above[1:] + below[:-1])[:, _LEAST_SIDE - 1 : -_LEAST_SIDE]
    return float(broken.max(initial=-np.inf) - above[:, -1].max())


def number(
    probability: NDArray[np.floating],
    centres_mm: NDArray[np.float64],
    lengths_mm: NDArray[np.float64],
    evidence: SacralEvidence | None = None,
    rib_mm: float | None = None,
) -> Chain:
    """Levels for bodies from the top down: class probabilities (N, 16), centres (N, 3) in LPS mm, lengths (N,) in mm.

    ``rib_mm``: height (LPS z) at which the lowest rib leaves the spine, if one is seen (ribs.py).
    """
    if not len(probability):
        return Chain(levels=(), probability=0.0)
    share = _vertebral(probability)
    scores: dict[tuple[int, ...], float] = {}
    readings = places(centres_mm, lengths_mm)
    for (last, prior), (offsets, likely) in itertools.product(_LAST_LUMBAR, readings):
        for start in range(_FIRST_START, last + 1):
            levels = [start + int(step) for step in offsets]
            score = float(np.log(prior * likely)) + _votes(levels, last, share) - _TOO_LOW * (levels[-1] > last + 2)
            score += _sacral_evidence(levels, last, evidence) if evidence else 0.0
            score += _rib_evidence(levels, centres_mm, rib_mm) if rib_mm is not None else 0.0
            named = tuple(BEYOND if level > last else level for level in levels)
            scores[named] = float(np.logaddexp(scores.get(named, -np.inf), score))
    weight = np.exp(np.array(list(scores.values())) - max(scores.values()))
    return Chain(levels=max(scores, key=lambda named: scores[named]), probability=float(weight.max() / weight.sum()))
