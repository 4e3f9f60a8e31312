"""Splits slices that form no regular stack: by differing attributes, by acquisition order, or into regular runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from osteo_core.dicom.slices import SliceHeader
from osteo_core.dicom.stack import Stack, allowed_difference_mm, apart, build_stack, in_order, normal_of
from osteo_core.limits.acquisition import MINIMUM_COVERAGE, MINIMUM_SLICES
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import FloatArray
from osteo_core.terms import Step

#: Up to this many doubled positions (or this share) are treated as copies and compared when read; more are two scans.
_FEW_DOUBLED, _FEW_DOUBLED_SHARE = 3, 0.1

Slices = Sequence[SliceHeader]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Slices that may form a stack; ``why`` says what distinguishes them from the rest of their series.

    ``is_run``: one of several runs along one line, with ``slices`` in order.
    """

    slices: tuple[SliceHeader, ...]
    stack: Stack | Exclusion
    why: str = ""
    is_run: bool = False

    @property
    def covered(self) -> int:
        """How many slices can be measured: 0 if there is no stack or it is too short."""
        is_stack = isinstance(self.stack, Stack) and len(self.stack.slices) >= MINIMUM_SLICES.value
        return len(self.stack.slices) if is_stack and isinstance(self.stack, Stack) else 0


_SHORT = Exclusion(code=ExclusionCode.TOO_FEW_SLICES, step=Step.FIND)

#: Attributes that may distinguish scans of the same place: name, and value in a slice. On a tie the first counts.
_KEYS: tuple[tuple[str, Callable[[SliceHeader], Any]], ...] = (
    ("acquisition", lambda s: (len(s.acquisition), s.acquisition)),
    ("cardiac phase or trigger time", lambda s: (len(s.phase), s.phase)),
    ("kernel", lambda s: s.image.kernel),
    ("tube voltage", lambda s: s.kvp or 0.0),
    ("slice thickness", lambda s: s.image.thickness_mm or 0.0),
    ("contrast", lambda s: s.image.contrast_agent),
    ("kind of image", lambda s: s.image.image_type),
    ("description", lambda s: s.image.words),
    ("frame of reference", lambda s: s.frame_of_reference_uid),
    ("folder", lambda s: str(s.path.parent)),
)
#: Attributes that are constant within one scan, and the share of the range that each of two interleaved scans covers.
_OF_ONE_SCAN, _INTERLEAVED_SHARE = ("acquisition", "cardiac phase or trigger time", "contrast"), 0.9
#: Attributes that give the acquisition order of slices.
_ORDERS: tuple[tuple[str, Callable[[SliceHeader], float | None]], ...] = (
    ("number of the image", lambda s: s.instance_number),
    ("time of acquisition", lambda s: s.times_s[0]),
    ("time of the image", lambda s: s.times_s[1]),
)


def pieces_of(slices: Slices, step: Step) -> list[Piece]:
    """The group as one stack, or split in the way that allows most of it to be measured."""
    whole = build_stack(slices, step=step)
    if isinstance(whole, Exclusion) and any(s.position_mm is None or s.orientation is None for s in slices):
        return [Piece(slices=tuple(slices), stack=whole)]
    few = max(_FEW_DOUBLED, _FEW_DOUBLED_SHARE * len(slices))
    if isinstance(whole, Stack) and len(whole.repeated) <= few:
        return _interleaved(slices, whole, step) or [Piece(slices=tuple(slices), stack=whole)]
    ways = [_runs(slices, step) if isinstance(whole, Exclusion) else [Piece(slices=tuple(slices), stack=whole)]]
    ways += [[p for part in parts for p in _whole_or_runs(part, why, step)] for why, parts in _partitions(slices)]
    best = max(ways, key=lambda pieces: (max(p.covered for p in pieces), sum(p.covered for p in pieces)))
    if not any(piece.covered for piece in best):
        return [Piece(slices=tuple(slices), stack=whole)]
    return best


def _interleaved(slices: Slices, whole: Stack, step: Step) -> list[Piece]:
    """The scans whose slices are interleaved in what looks like one regular stack; empty if it is one scan.

    Rotations of one scan also have different numbers, but they follow one another.
    """
    reach = _INTERLEAVED_SHARE * whole.step_mm * len(whole.slices)
    for why, parts in _partitions(slices):
        if why not in _OF_ONE_SCAN:
            continue
        stacks = [build_stack(part, step=step) for part in parts]
        pieces = [
            Piece(slices=tuple(part), stack=stack, why=why)
            for part, stack in zip(parts, stacks, strict=True)
            if isinstance(stack, Stack) and stack.step_mm * len(stack.slices) >= reach
        ]
        if len(pieces) == len(parts) and all(piece.covered for piece in pieces):
            return pieces
    return []


def _whole_or_runs(slices: Slices, why: str, step: Step) -> list[Piece]:
    stack = build_stack(slices, step=step)
    if isinstance(stack, Stack):
        return [Piece(slices=tuple(slices), stack=stack, why=why)]
    return [replace(run, why=f"{why}, {run.why}") for run in _runs(slices, step)]


def _runs(slices: Slices, step: Step) -> list[Piece]:
    """The regular runs of unevenly spaced slices. Runs too short to contain a vertebra do not count as stacks."""
    if len(slices) < MINIMUM_SLICES.value:
        return [Piece(slices=tuple(slices), stack=build_stack(slices, step=step))]
    found = []
    for run in regular_runs(slices):
        stack = build_stack(run, step=step)
        if isinstance(stack, Stack) and len(stack.slices) * stack.step_mm >= MINIMUM_COVERAGE.value:
            found.append(Piece(slices=tuple(run), stack=stack, why=f"place ({_reach(stack)})", is_run=True))
        else:
            found.append(Piece(slices=tuple(run), stack=_SHORT, why="place", is_run=True))
    return found


def _reach(stack: Stack) -> str:
    first, last = stack.slices[0].position_mm, stack.slices[-1].position_mm
    axis = int(np.abs(np.cross(stack.affine_lps[:3, 0], stack.affine_lps[:3, 1])).argmax())
    low, high = sorted((first or (0.0,) * 3, last or (0.0,) * 3), key=lambda position: position[axis])
    return f"{'xyz'[axis]} {low[axis]:.1f} to {high[axis]:.1f} mm, every {stack.step_mm:.2f} mm"


def _partitions(slices: Slices) -> Iterator[tuple[str, list[list[SliceHeader]]]]:
    """The slices grouped by each attribute that may distinguish them, with its name."""
    most = len(slices) / 2
    for why, key in _KEYS:
        parts: dict[Any, list[SliceHeader]] = {}
        for one in slices:
            parts.setdefault(key(one), []).append(one)
        if 1 < len(parts) <= most:
            yield why, [parts[value] for value in sorted(parts)]
    for why, order in _ORDERS:
        runs = _passes(slices, order)
        if 1 < len(runs) <= most:
            yield why, runs


def _passes(slices: Slices, order: Callable[[SliceHeader], float | None]) -> list[list[SliceHeader]]:
    """The slices in acquisition order, cut where a position repeats."""
    numbered = [(order(one), one) for one in slices]
    if any(number is None for number, _ in numbered) or len({number for number, _ in numbered}) < len(slices) / 2:
        return []
    runs: list[list[SliceHeader]] = [[]]
    taken: set[tuple[float, ...] | None] = set()
    for _, one in sorted(numbered, key=lambda pair: (pair[0], pair[1].sop_instance_uid)):
        if one.position_mm in taken:
            runs.append([])
            taken = set()
        taken.add(one.position_mm)
        runs[-1].append(one)
    return runs


def regular_runs(slices: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """The slices in order along their normal, cut where the step changes; copies stay with their position.

    ``slices`` share orientation and grid. A slice between a coarse and a fine run goes to the fine one.
    """
    normal = normal_of(slices[0])
    kept, repeated = apart(in_order(slices, normal), normal)
    copies: dict[int, list[SliceHeader]] = {}
    for place, one in repeated:
        copies.setdefault(place, []).append(one)
    steps = np.diff(np.array([s.position_mm for s in kept]) @ normal)
    return [
        [one for place in range(first, last + 1) for one in (kept[place], *copies.get(place, ()))]
        for first, last in _run_ends(steps)
    ]


def _run_ends(steps: FloatArray) -> list[tuple[int, int]]:
    """First and last position of each run of even steps; ``steps[n]`` lies between the positions n and n + 1."""
    runs, first = [], 0
    for n, own in enumerate(steps):
        usual = float(np.median(steps[first:n])) if n > first else float(own)
        if abs(own - usual) <= allowed_difference_mm(usual):
            continue
        is_finer = own < usual
        runs.append((first, n - 1 if is_finer else n))
        first = n if is_finer else n + 1
    return [*runs, (first, len(steps))]
