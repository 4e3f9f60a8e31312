"""Arranges all images of one series into stacks.

Every image is judged by its own header. Images of a different kind, orientation or grid do not belong to a stack. Scans
of the same place are separated by acquisition, phase, kernel, voltage, time or number; gaps and changes of the step end
a run. Images left over are counted and named in a caution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from osteo_core.dicom.images import fault_of, name_of
from osteo_core.dicom.pixels import is_copy
from osteo_core.dicom.slices import SliceHeader
from osteo_core.dicom.split import Piece, pieces_of
from osteo_core.dicom.stack import (
    ORIENTATION_TOLERANCE,
    PIXEL_SPACING_TOLERANCE_MM,
    Stack,
    build_stack,
    gap_between,
)
from osteo_core.outcomes import Caution, CautionCode, Exclusion
from osteo_core.terms import Step

#: Separates a SeriesInstanceUID from the number of a stack.
STACK_MARK = "_stack"
Slices = Sequence[SliceHeader]


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """One stack of a series, or why these slices form none. ``label`` is '' when the series holds just one.

    ``left_out`` are files of the series that no stack uses (copies, scouts); they are listed with its first
    stack, so that the index contains every file it has seen.
    """

    label: str
    slices: tuple[SliceHeader, ...]
    stack: Stack | Exclusion
    cautions: tuple[Caution, ...] = ()
    left_out: tuple[Path, ...] = ()

    @property
    def voltages_kv(self) -> tuple[float, ...]:
        """The tube voltages that its slices state, each once."""
        return tuple(sorted({kv for s in self.slices for kv in (s.kvp, *s.other_kv) if kv}))


def arrange(slices: Slices, *, step: Step) -> tuple[Arranged, ...]:
    """The stacks of one series, whatever the order of its files.

    Slices are separated by acquisition, phase or time only when they form no regular stack together, because
    many scanners number each rotation within one regular stack.
    """
    unique, cautions = _without_copies(slices, step)
    groups = _groups(unique)
    plain = [group for group in groups if fault_of(group[0].image) is None]
    pieces = [pieces_of(group, step) for group in plain]
    sound = [piece for own in pieces for piece in own if piece.covered]
    if not sound:
        own = tuple(s for group in plain or groups[:1] for s in group)
        sound = [Piece(slices=own, stack=build_stack(own, step=step))]
    measured = {id(s) for piece in sound for s in piece.slices}
    others = [group for group in groups if not any(id(s) in measured for s in group)]
    left = [*(_named(group, sound[0]) for group in others), *_short(pieces, measured)]
    if left:
        cautions += (Caution(code=CautionCode.IMAGES_LEFT_OUT, step=step, found="; ".join(left)),)
    return _labelled(sound, cautions, slices, step)


def _labelled(
    sound: Sequence[Piece], cautions: tuple[Caution, ...], slices: Slices, step: Step
) -> tuple[Arranged, ...]:
    arranged = []
    for number, piece in enumerate(sound, start=1):
        own = [*cautions]
        if len(sound) > 1:
            found = f"{number} of {len(sound)}{f', told apart by {piece.why}' if piece.why else ''}"
            own.append(Caution(code=CautionCode.SERIES_SPLIT, step=step, found=found))
        label = f"{STACK_MARK}{number}" if len(sound) > 1 else ""
        own += _remarks(piece.stack, step)
        arranged.append(Arranged(label=label, slices=piece.slices, stack=piece.stack, cautions=tuple(own)))
    used = {s.path for piece in sound for s in piece.slices}
    left_out = tuple(sorted({s.path for s in slices} - used))
    return replace(arranged[0], left_out=left_out), *arranged[1:]


def _remarks(stack: Stack | Exclusion, step: Step) -> list[Caution]:
    if isinstance(stack, Exclusion):
        return []
    found = []
    if stack.repeated:
        said = f"{len(stack.repeated)} at the position of another slice, to be compared when read"
        found.append(Caution(code=CautionCode.DUPLICATE_SLICES, step=step, found=said))
    if stack.is_rounded:
        said = f"{stack.step_mm:.4g} mm"
        found.append(Caution(code=CautionCode.POSITIONS_ROUNDED, step=step, found=said))
    return found


def _without_copies(slices: Slices, step: Step) -> tuple[list[SliceHeader], tuple[Caution, ...]]:
    """One slice per SOPInstanceUID and position: the same file may be present in two folders.

    Faulty exports reuse one SOPInstanceUID at different positions; those slices are not copies. Nor are images that
    were processed and kept their identifiers: if the pixels of a sample differ, all slices stay.
    """
    first: dict[tuple[str, tuple[float, ...] | None], SliceHeader] = {}
    copies: list[tuple[SliceHeader, SliceHeader]] = []
    for one in sorted(slices, key=lambda s: (str(s.path), s.frame)):
        key = (one.sop_instance_uid, one.position_mm)
        if key in first:
            copies.append((first[key], one))
        else:
            first[key] = one
    if not copies:
        return list(first.values()), ()
    if not all(is_copy(*copies[n]) for n in {0, len(copies) // 2, len(copies) - 1}):
        return sorted(slices, key=lambda s: (str(s.path), s.frame)), ()
    found = f"{len(copies)} copies of the same file(s)"
    return list(first.values()), (Caution(code=CautionCode.DUPLICATE_SLICES, step=step, found=found),)


def _groups(slices: Slices) -> list[list[SliceHeader]]:
    """Slices of one kind, orientation and grid together, the largest group first."""
    by_kind: dict[tuple[Any, ...], list[SliceHeader]] = {}
    for one in slices:
        fault = fault_of(one.image)
        kind = (fault.code, fault.found) if fault else None
        is_placed = one.position_mm is not None
        by_kind.setdefault((kind, is_placed, one.rows, one.columns, one.orientation, one.pixel_spacing_mm), []).append(
            one
        )
    merged: list[tuple[tuple[Any, ...], list[SliceHeader]]] = []
    for key, members in sorted(by_kind.items(), key=lambda item: (-len(item[1]), str(item[0]))):
        alike = next((group for other, group in merged if _is_alike(key, other)), None)
        if alike is None:
            merged.append((key, list(members)))
        else:
            alike += members
    return sorted((group for _, group in merged), key=lambda group: -len(group))


def _is_alike(key: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Same kind and matrix, and orientation and spacing equal to within header rounding."""
    if key[0] is not None and key[0] == other[0]:
        return True  # excluded images are named together
    if key[:4] != other[:4] or None in (*key[4:], *other[4:]):
        return key == other
    turned = np.abs(np.subtract(key[4], other[4])).max()
    return bool(turned <= ORIENTATION_TOLERANCE) and bool(
        np.abs(np.subtract(key[5], other[5])).max() <= PIXEL_SPACING_TOLERANCE_MM
    )


def _named(group: Slices, main: Piece) -> str:
    """Excluded images: how many, and what they are."""
    fault = fault_of(group[0].image)
    if fault is not None:
        return f"{len(group)} {name_of(fault)}"
    first, own = group[0], main.slices[0]
    if first.position_mm is None or first.orientation is None:
        return f"{len(group)} image(s) without a position"
    if own.orientation and np.abs(np.subtract(first.orientation, own.orientation)).max() > ORIENTATION_TOLERANCE:
        return f"{len(group)} image(s) with a different orientation"
    if (first.columns, first.rows) != (own.columns, own.rows):
        return f"{len(group)} image(s) of {first.columns}x{first.rows} pixels"
    return f"{len(group)} image(s) with a different pixel spacing"


def _short(group_pieces: Sequence[Sequence[Piece]], measured: set[int]) -> Iterator[str]:
    """Runs too short to measure in a group that is measured, each with the gap to its neighbour."""
    for pieces in group_pieces:
        short = [n for n, piece in enumerate(pieces) if not any(id(s) in measured for s in piece.slices)]
        yield from (_beyond(pieces, n) for n in short if len(short) < len(pieces))


def _beyond(pieces: Sequence[Piece], n: int) -> str:
    piece = pieces[n]
    near = [other for other in pieces[max(n - 1, 0) : n + 2] if other is not piece and other.is_run]
    if not (piece.is_run and near):
        return f"{len(piece.slices)} slice(s) told apart by {piece.why}"
    neighbour = next((other for other in near if other.covered), near[0])
    return f"{len(piece.slices)} slice(s) beyond {_parting(neighbour, piece)}"


def _parting(near: Piece, piece: Piece) -> str:
    pairs = [
        (lower, upper)
        for lower, upper in ((near.slices[-1], piece.slices[0]), (piece.slices[-1], near.slices[0]))
        if lower.position_mm and upper.position_mm
    ]
    lower, upper = min(
        pairs, key=lambda pair: float(np.linalg.norm(np.subtract(pair[0].position_mm or 0, pair[1].position_mm or 0)))
    )
    return f"a gap of {gap_between(lower, upper)}"
