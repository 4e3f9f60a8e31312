"""All slices of one series into its stacks: other files and copies are dropped, acquisitions are separated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from osteo_core.dicom.header import SliceHeader
from osteo_core.dicom.stack import Stack, build_stack
from osteo_core.limits.acquisition import MINIMUM_SLICES
from osteo_core.outcomes import Caution, CautionCode, Exclusion
from osteo_core.terms import Step

#: Between a SeriesInstanceUID and the number of one of its stacks.
STACK_MARK = "_stack"


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """One stack of a series, or why these slices form none. ``label`` is '' when the series holds just one.

    ``left_out`` are files of the series that no stack uses (copies, scouts); they stay with its first
    stack, so that an index knows every file that it has seen.
    """

    label: str
    slices: tuple[SliceHeader, ...]
    stack: Stack | Exclusion
    cautions: tuple[Caution, ...] = ()
    left_out: tuple[Path, ...] = ()

    @property
    def voltages_kv(self) -> tuple[float, ...]:
        """The tube voltages that its slices state, each once."""
        return tuple(sorted({s.kvp for s in self.slices if s.kvp}))


def arrange(slices: Sequence[SliceHeader], *, step: Step) -> tuple[Arranged, ...]:
    """The stacks of one series, whatever the order of its files.

    Slices are separated by acquisition number (or temporal position) only when they form no regular
    stack together, for many scanners number each rotation of one sound stack.
    """
    volume, cautions = _without_localisers(slices, step)
    unique, dropped = _without_copies(volume, step)
    first, *others = _stacks(unique, cautions + dropped, step)
    used = {s.path for s in unique}
    left_out = tuple(sorted({s.path for s in slices} - used))
    return replace(first, left_out=left_out), *others


def _stacks(unique: list[SliceHeader], cautions: tuple[Caution, ...], step: Step) -> tuple[Arranged, ...]:
    whole = build_stack(unique, step=step)
    alone = Arranged(label="", slices=tuple(unique), stack=whole, cautions=cautions + _repeated(whole, step))
    if isinstance(whole, Stack) and not whole.repeated:
        return (alone,)
    return _by_acquisition(unique, cautions, step) or (alone,)


def _without_localisers(slices: Sequence[SliceHeader], step: Step) -> tuple[list[SliceHeader], tuple[Caution, ...]]:
    """A scout filed with its volume goes; a series of scouts stays, to be excluded by name."""
    volume = [s for s in slices if "LOCALIZER" not in s.image_type]
    if not volume or len(volume) == len(slices):
        return list(slices), ()
    found = f"{len(slices) - len(volume)} localiser(s)"
    return volume, (Caution(code=CautionCode.IMAGES_LEFT_OUT, step=step, found=found),)


def _without_copies(slices: Sequence[SliceHeader], step: Step) -> tuple[list[SliceHeader], tuple[Caution, ...]]:
    """One slice a SOPInstanceUID and place: the same file may lie in two folders.

    Broken exports give one SOPInstanceUID to slices at different places; those are no copies.
    """
    first: dict[tuple[str, tuple[float, ...] | None], SliceHeader] = {}
    for one in sorted(slices, key=lambda s: (str(s.path), s.frame)):
        first.setdefault((one.sop_instance_uid, one.position_mm), one)
    copies = len(slices) - len(first)
    if not copies:
        return list(first.values()), ()
    found = f"{copies} copies of the same file(s)"
    return list(first.values()), (Caution(code=CautionCode.DUPLICATE_SLICES, step=step, found=found),)


def _by_acquisition(
    slices: Sequence[SliceHeader], cautions: tuple[Caution, ...], step: Step
) -> tuple[Arranged, ...] | None:
    """Stacks by acquisition, or None when that gives no sound one."""
    labels = sorted({s.acquisition for s in slices}, key=lambda label: (len(label), label))
    if len(labels) < 2:
        return None
    parts = []
    for number, label in enumerate(labels, start=1):
        own = tuple(s for s in slices if s.acquisition == label)
        stack = build_stack(own, step=step)
        split = Caution(code=CautionCode.SERIES_SPLIT, step=step, found=f"{number} of {len(labels)}")
        parts.append(
            Arranged(
                label=f"{STACK_MARK}{number}",
                slices=own,
                stack=stack,
                cautions=(*cautions, split, *_repeated(stack, step)),
            )
        )
    sound = [p for p in parts if isinstance(p.stack, Stack) and len(p.stack.slices) >= MINIMUM_SLICES.value]
    return tuple(parts) if sound else None


def _repeated(stack: Stack | Exclusion, step: Step) -> tuple[Caution, ...]:
    if isinstance(stack, Exclusion) or not stack.repeated:
        return ()
    found = f"{len(stack.repeated)} at places already taken, to be compared when read"
    return (Caution(code=CautionCode.DUPLICATE_SLICES, step=step, found=found),)
