"""The second step: reads one series as a Volume in HU, on the grid of its slices in LPS millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteo_core.dicom.arrange import Arranged, arrange
from osteo_core.dicom.header import NotReadable, has_preamble, read_slices
from osteo_core.dicom.padding import padding_caution, replace_padding, restore_signs
from osteo_core.dicom.pixels import PixelsUnreadableError, is_whole_valued, read_frames
from osteo_core.dicom.slices import Seen, SliceHeader
from osteo_core.dicom.stack import Stack
from osteo_core.imaging.files import is_volume_file
from osteo_core.imaging.hounsfield import as_int16_if_lossless, check_hu, describe_labels
from osteo_core.imaging.lost_planes import lost_planes
from osteo_core.imaging.nifti import read_nifti_volume
from osteo_core.imaging.tilt import untilt
from osteo_core.limits.acquisition import MINIMUM_COVERAGE, MINIMUM_SLICES
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Geometry, Series, Volume
from osteo_core.terms import Plane, Step

INT16 = np.iinfo(np.int16)
#: At most this many positions are named in a reason.
_MOST_NAMED = 3
#: The reason if what is left of a stack is too short, by the caution that says what was left out.
_TOO_SHORT = {
    CautionCode.DUPLICATE_SLICES: ExclusionCode.AMBIGUOUS_SLICES,
    CautionCode.IMAGES_LEFT_OUT: ExclusionCode.MISSING_SLICES,
}


def read_volume(series: Series) -> Volume | Exclusion:
    """The series as HU: array[i, j, k] with i along a row, j along a column, k along the slices' normal.

    int16 where lossless, else float32. Padding becomes air, and gantry tilt is corrected. A series that
    cannot be read or is not in HU gives an Exclusion.
    """
    if len(series.files) == 1 and is_volume_file(series.files[0]) and not has_preamble(series.files[0]):
        return read_nifti_volume(series.files[0])
    stack = series.stack if isinstance(series.stack, Stack) else read_stack(series)
    if isinstance(stack, Exclusion):
        return stack
    if any(not s.rescale_slope or s.rescale_intercept is None for s in stack.slices):
        return Exclusion(code=ExclusionCode.RESCALE_MISSING, step=Step.READ, found="missing, or zero")
    try:
        return _assemble(stack)
    except PixelsUnreadableError as error:
        return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found=str(error))


def read_stack(series: Series) -> Stack | Exclusion:
    """The stack of a series loaded from a store: its headers are read and arranged again in the same way."""
    slices: list[SliceHeader] = []
    seen: Seen = {}
    for path in series.files:
        own = read_slices(path, seen)
        if isinstance(own, NotReadable):
            return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found=f"a file: {own.kind}")
        slices += own
    if not slices:  # the files contained an image when indexed
        return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found="a file that holds no image any more")
    part = _own_stack(arrange(slices, step=Step.READ), series)
    return part if isinstance(part, Exclusion) else part.stack


def _own_stack(parts: Sequence[Arranged], series: Series) -> Arranged | Exclusion:
    """The stack that this Series stands for. If its files contain several, the stack label decides.

    A store keeps unused files with the first stack of a series, but no files of other stacks.
    """
    if len(parts) == 1:
        return parts[0]
    own = next((part for part in parts if part.label == series.stack_label), None)
    found = f"{len(parts)} stacks; it is unclear which one is meant"
    return own or Exclusion(code=ExclusionCode.AMBIGUOUS_SLICES, step=Step.READ, found=found)


def _assemble(stack: Stack) -> Volume | Exclusion:
    wanted = [*stack.slices, *(one for _, one in stack.repeated)]
    planes, padded, lowest = _read_planes(wanted)
    first, last, repairs = _sound_run(stack, planes)
    if last - first < len(stack.slices) and _is_too_short(stack, last - first):
        return Exclusion(code=_TOO_SHORT[repairs[-1].code], step=Step.READ, found=repairs[-1].found)
    voxels = planes[first:last]
    labels = describe_labels(voxels)
    if labels:
        return Exclusion(code=ExclusionCode.LABEL_MAP, step=Step.READ, found=labels)
    hu = check_hu(voxels)
    if isinstance(hu, Exclusion):
        return hu
    repairs = (*padding_caution(padded, lowest, planes.size), *repairs)
    affine = stack.affine_lps.copy()
    affine[:3, 3] += first * affine[:3, 2]
    # (slice, row, column) in memory, seen as (column, row, slice): no copy.
    array = as_int16_if_lossless(voxels).transpose(2, 1, 0)
    volume = Volume(
        voxels_hu=array,
        geometry=Geometry(shape=array.shape, affine_lps=affine),
        provenance=(*_provenance(stack, last - first), *(repair.sentence for repair in repairs)),
        cautions=(*repairs, *hu, *_multienergy(stack)),
    )
    return untilt(volume)


def _read_planes(wanted: Sequence[SliceHeader]) -> tuple[NDArray[Any], int, float]:
    """(slices, rows, columns) in HU with padding replaced by air, the count of padding voxels, their lowest value."""
    slopes = [s.rescale_slope or 1.0 for s in wanted]
    intercepts = [s.rescale_intercept or 0.0 for s in wanted]
    kind = np.int16 if is_whole_valued(slopes, intercepts) else np.float32
    planes: NDArray[Any] = np.empty((len(wanted), wanted[0].rows, wanted[0].columns), dtype=kind)
    padded, lowest = 0, 0.0
    by_path: dict[Path, list[tuple[int, SliceHeader]]] = {}
    for index, one in enumerate(wanted):
        by_path.setdefault(one.path, []).append((index, one))
    for number, (path, own) in enumerate(sorted(by_path.items()), start=1):
        frames = _frames_of(path, [one for _, one in own], f"file {number} of {len(by_path)} by name")
        if planes.dtype == np.int16 and (frames.min() < INT16.min or frames.max() > INT16.max):
            planes = planes.astype(np.int32)
        for index, one in own:
            if one.frame >= len(frames) or frames.shape[1:] != planes.shape[1:]:
                raise PixelsUnreadableError(f"pixels of size {frames.shape}, header says {planes.shape[1:]}")
            planes[index] = frames[one.frame]
            restore_signs(planes[index], one)
            count, low = replace_padding(planes[index], one)
            padded, lowest = padded + count, min(lowest, low)
    return planes, padded, lowest


def _frames_of(path: Path, own: Sequence[SliceHeader], which: str) -> NDArray[Any]:
    """(frames, rows, columns) in HU. Raises PixelsUnreadableError that says which file of the series failed."""
    # GDCM applies the rescale of the first frame to all frames, and reads '1,5' as 1.
    is_single = len(own) == 1 and own[0].frame == 0
    is_plain = is_single and not any(odd.name.startswith("Rescale") for odd in own[0].odd)
    form = own[0].pixels
    try:
        if is_plain:
            return read_frames(path, form.transfer_syntax, is_monochrome1=form.is_monochrome1)
        stored = read_frames(path, form.transfer_syntax, is_monochrome1=form.is_monochrome1, is_rescaled=False)
    except PixelsUnreadableError as error:
        raise PixelsUnreadableError(f"{which} (slice at {_place(own[0])}): {error}") from None
    except OSError as error:  # removed or made unreadable after indexing
        raise PixelsUnreadableError(f"{which} (slice at {_place(own[0])}): {error.strerror or error}") from None
    slopes, intercepts = [one.rescale_slope or 1.0 for one in own], [one.rescale_intercept or 0.0 for one in own]
    frames = stored.astype(np.int32 if is_whole_valued(slopes, intercepts) else np.float64)
    for one, slope, intercept in zip(own, slopes, intercepts, strict=True):
        if one.frame < len(frames):
            frames[one.frame] = frames[one.frame] * slope + intercept
    return frames


def _place(one: SliceHeader) -> str:
    return f"z {one.position_mm[2]:.1f} mm" if one.position_mm else "an unknown position"


def _sound_run(stack: Stack, planes: NDArray[Any]) -> tuple[int, int, tuple[Caution, ...]]:
    """The longest run of slices that are sure to show their own place, and its cautions.

    Slices at the same position must have the same pixels; otherwise it is unclear which one is meant. A slice without
    an image of its own is as good as missing.
    """
    count = len(stack.slices)
    unlike = {kept for n, (kept, _) in enumerate(stack.repeated) if not np.array_equal(planes[kept], planes[count + n])}
    # Between a patient's back and the table, a coronal plane may be nothing but air.
    lost = set(lost_planes(planes[:count])) - unlike if stack.plane is Plane.AXIAL else set()
    if not unlike | lost:
        return 0, count, _dropped(stack)
    ends = [-1, *sorted(unlike | lost), count]
    first, last = max(((a + 1, b) for a, b in pairwise(ends)), key=lambda run: run[1] - run[0])
    words = [
        f"{named.format(len(slices))}, first {_first_places(stack, slices)}"
        for named, slices in (
            ("{} blank or with the pixels of a neighbour", lost),
            ("different slices at {} place(s)", unlike),
        )
        if slices
    ]
    code = CautionCode.DUPLICATE_SLICES if unlike else CautionCode.IMAGES_LEFT_OUT
    found = f"{'; '.join(words)}; {last - first} of {count} slices are read"
    return first, last, (Caution(code=code, step=Step.READ, found=found),)


def _first_places(stack: Stack, slices: set[int]) -> str:
    return ", ".join(_place(stack.slices[kept]) for kept in sorted(slices)[:_MOST_NAMED])


def _is_too_short(stack: Stack, slices: int) -> bool:
    too_few = slices < MINIMUM_SLICES.value
    return too_few or slices * stack.step_mm < MINIMUM_COVERAGE.value


def _dropped(stack: Stack) -> tuple[Caution, ...]:
    if not stack.repeated:
        return ()
    found = f"{len(stack.repeated)} with the same position and the same pixels"
    return (Caution(code=CautionCode.DUPLICATE_SLICES, step=Step.READ, found=found),)


def _multienergy(stack: Stack) -> tuple[Caution, ...]:
    count = sum(one.image.is_multienergy for one in stack.slices)
    found = f"Multi-energy CT Acquisition is YES in {count} of {len(stack.slices)} slices"
    return (Caution(code=CautionCode.MULTIENERGY, step=Step.READ, found=found),) if count else ()


def _provenance(stack: Stack, slices: int) -> tuple[str, ...]:
    syntax = stack.slices[0].pixels.transfer_syntax or "no meta information"
    return (f"{slices} slices sorted along their normal, step {stack.step_mm:.4g} mm", f"decoded {syntax}")
