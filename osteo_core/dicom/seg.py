"""Reads DICOM segmentations (SEG): which series they belong to, and their segments as one label map.

BINARY, FRACTIONAL (from half of the maximum on) and LABELMAP, DICOM PS3.3 A.51 and C.8.20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config
from pydicom.pixels.utils import iter_pixels

from osteo_core.dicom.bounds import BeyondBoundsError, check_voxels, read_until_pixels, read_whole
from osteo_core.dicom.values import DAMAGE, number, numbers, text
from osteo_core.imaging.tilt import tilt_deg
from osteo_core.limits.acquisition import GANTRY_TILT_MAXIMUM
from osteo_core.records import FloatArray, Geometry, LabelArray

SEG_SOP_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
#: Frames of one stack lie on one line and at whole steps, within this share of a step.
_STEP_TOLERANCE = 0.1
_LINE_TOLERANCE_MM = 0.1
#: The table of no scanner moves farther: frames beyond are misplaced, and a grid over them would fill the memory.
_MOST_EXTENT_MM = 3000.0
#: Segment numbers have 16 bits.
_MOST_SEGMENTS = 2**16
#: Frames closer than this lie in one slice, as for CT slices.
_SAME_PLACE_MM = 0.01


class SegUnreadableError(ValueError):
    """A SEG that cannot be read; the message names no file and no patient."""


@dataclass(frozen=True, kw_only=True)
class SegHeader:
    """The series that a SEG refers to, and its frame of reference; blank where not stated."""

    series_instance_uids: tuple[str, ...]
    frame_of_reference_uid: str


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment of a SEG: its descriptions, most specific first, and its anatomical codes."""

    number: int
    words: tuple[str, ...]
    codes: tuple[str, ...]
    algorithm: str


@dataclass(frozen=True, kw_only=True, eq=False)
class SegMask:
    """Labels (I, J, K) with the numbers given by the caller, their geometry, and the segments."""

    labels: LabelArray
    geometry: Geometry
    header: SegHeader
    segments: tuple[Segment, ...]


def seg_header(path: Path) -> SegHeader | None:
    """The header of a SEG, or None for every other file."""
    try:
        with config.disable_value_validation():
            with path.open("rb") as file:
                dataset = read_until_pixels(file, specific_tags=_HEADER_TAGS)
            return _header(dataset) if text(dataset, "SOPClassUID") in SEG_SOP_CLASSES else None
    except DAMAGE:
        return None


def is_structure_set(path: Path) -> bool:
    """Whether a file is an RT structure set: outlines as contours, which are not read here."""
    try:
        with config.disable_value_validation(), path.open("rb") as file:
            return text(read_until_pixels(file, specific_tags=["SOPClassUID"]), "SOPClassUID") == _STRUCTURE_SET
    except DAMAGE:
        return False


_HEADER_TAGS: list[Any] = ["SOPClassUID", "ReferencedSeriesSequence", "FrameOfReferenceUID"]


def read_seg(path: Path, label_of: Callable[[Segment], int]) -> SegMask:
    """The segments that ``label_of`` maps to 1-255, as one label map; segments mapped to 0 are left out.

    Where segments overlap, the first counts. Raises SegUnreadableError when the file is damaged or its frames do not
    form a stack.
    """
    try:
        with config.disable_value_validation():
            dataset = read_whole(path)
            if text(dataset, "SOPClassUID") not in SEG_SOP_CLASSES:
                raise SegUnreadableError("expected a DICOM segmentation (SEG)")
            segments = tuple(_segment(item) for item in dataset.get("SegmentSequence") or ())
            wanted = {segment.number: label_of(segment) for segment in segments}
            labels, geometry = _painted(dataset, {n: label for n, label in wanted.items() if label})
            return SegMask(labels=labels, geometry=geometry, header=_header(dataset), segments=segments)
    except SegUnreadableError:
        raise
    except BeyondBoundsError as error:
        raise SegUnreadableError(f"a SEG that is too large: {error}") from None
    except DAMAGE as error:
        raise SegUnreadableError(f"a damaged SEG ({type(error).__name__})") from None


def _header(dataset: Dataset) -> SegHeader:
    referenced = dataset.get("ReferencedSeriesSequence") or ()
    uids = tuple(filter(None, (text(item, "SeriesInstanceUID") for item in referenced)))
    return SegHeader(series_instance_uids=uids, frame_of_reference_uid=text(dataset, "FrameOfReferenceUID"))


def _segment(item: Dataset) -> Segment:
    coded = [
        code
        for keyword in ("AnatomicRegionSequence", "SegmentedPropertyTypeCodeSequence")
        for code in item.get(keyword) or ()
    ]
    words = (text(item, "SegmentLabel"), text(item, "SegmentDescription"), *(text(c, "CodeMeaning") for c in coded))
    return Segment(
        number=int(item.SegmentNumber),
        words=tuple(filter(None, words)),
        codes=tuple(text(c, "CodeValue") for c in coded if text(c, "CodingSchemeDesignator") == "SCT"),
        algorithm=text(item, "SegmentAlgorithmName") or text(item, "SegmentAlgorithmType").lower(),
    )


@dataclass(frozen=True, kw_only=True)
class _Frame:
    segment: int
    position_mm: FloatArray


def _painted(dataset: Dataset, wanted: dict[int, int]) -> tuple[LabelArray, Geometry]:
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frames = [_frame(item, shared) for item in dataset.get("PerFrameFunctionalGroupsSequence") or ()]
    if not frames:
        raise SegUnreadableError("a SEG without frames")
    is_map = text(dataset, "SegmentationType") == "LABELMAP"
    if not is_map and not all(frame.segment for frame in frames):
        raise SegUnreadableError("a SEG whose frames do not reference a segment")
    geometry, planes = _stack(dataset, frames)
    used = [n for n, frame in enumerate(frames) if is_map or frame.segment in wanted]
    labels, label_of = np.zeros(geometry.shape, dtype=np.uint8), _table(wanted)
    for n, pixels in zip(used, _pixels(dataset, used), strict=True):
        plane = labels[:, :, planes[n]]  # (column, row)
        values = pixels.T
        if is_map:
            np.copyto(plane, np.take(label_of, values, mode="clip"), where=plane == 0)
        else:
            plane[(values >= _least(dataset)) & (plane == 0)] = wanted[frames[n].segment]
    if wanted and not labels.any():
        raise SegUnreadableError("a SEG whose requested segments are empty")
    return labels, geometry


def _table(wanted: dict[int, int]) -> LabelArray:
    """The label of each value of a LABELMAP; the last one stands for all larger ones."""
    table = np.zeros(_MOST_SEGMENTS + 1, dtype=np.uint8)
    for segment, label in wanted.items():
        if 0 < segment < _MOST_SEGMENTS:
            table[segment] = label
    return table


def _least(dataset: Dataset) -> float:
    if text(dataset, "SegmentationType") != "FRACTIONAL":
        return 1.0
    return (number(dataset, "MaximumFractionalValue") or 255.0) / 2


def _frame(item: Dataset, shared: Dataset) -> _Frame:
    identified, placed = (
        (item.get(keyword) or shared.get(keyword) or [Dataset()])[0]
        for keyword in ("SegmentIdentificationSequence", "PlanePositionSequence")
    )
    position = numbers(placed, "ImagePositionPatient", 3)
    if position is None:
        raise SegUnreadableError("a SEG whose frames have no position")
    return _Frame(segment=int(number(identified, "ReferencedSegmentNumber") or 0), position_mm=np.array(position))


def _stack(dataset: Dataset, frames: Sequence[_Frame]) -> tuple[Geometry, list[int]]:
    """The grid of all frames, and the slice of each."""
    turn = numbers(_group(dataset, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    measures = _group(dataset, "PixelMeasuresSequence")
    pixel_mm = numbers(measures, "PixelSpacing", 2)
    if turn is None or pixel_mm is None or min(pixel_mm) <= 0:
        raise SegUnreadableError("a SEG without orientation or pixel spacing")
    along, down = np.array(turn[:3]), np.array(turn[3:])
    normal = np.cross(along, down)
    positions = np.array([frame.position_mm for frame in frames])
    heights = positions @ normal
    extent_mm = float(np.ptp(heights))
    if extent_mm > _MOST_EXTENT_MM:
        raise SegUnreadableError(
            f"a SEG whose frames lie {extent_mm / 1000:.1f} m apart; no CT is longer than {_MOST_EXTENT_MM / 1000:g} m"
        )
    step = _step(heights) or number(measures, "SpacingBetweenSlices") or number(measures, "SliceThickness")
    if not step:
        raise SegUnreadableError("a SEG without a distance between its frames")
    planes = (heights - heights.min()) / step
    origin = positions[heights.argmin()]
    beside = positions - origin - np.outer(heights - heights.min(), normal)
    # With gantry tilt, each slice is shifted by the same amount from the one before.
    shift = planes @ beside / max(float(planes @ planes), 1.0)
    off_line = np.abs(beside - np.outer(planes, shift)).max()
    if np.abs(planes - np.rint(planes)).max() > _STEP_TOLERANCE or off_line > _LINE_TOLERANCE_MM:
        raise SegUnreadableError("a SEG whose frames are not evenly spaced")
    affine = np.eye(4)
    affine[:3, :3] = np.stack([along * pixel_mm[1], down * pixel_mm[0], normal * step + shift], axis=1)
    affine[:3, 3] = origin
    tilt, most = tilt_deg(affine), GANTRY_TILT_MAXIMUM.value
    if tilt > most:
        raise SegUnreadableError(f"a SEG whose frames are tilted by {tilt:.1f} degrees; at most {most:g} are read")
    shape = (int(dataset.Columns), int(dataset.Rows), int(np.rint(planes).max()) + 1)
    check_voxels(shape)
    return Geometry(shape=shape, affine_lps=affine), [int(p) for p in np.rint(planes)]


def _step(heights: FloatArray) -> float:
    """The step of which all gaps are multiples, so that rounding errors do not add up; 0 without gaps."""
    gaps = np.diff(np.sort(heights))
    gaps = gaps[gaps > _SAME_PLACE_MM]
    return float(gaps.sum() / np.rint(gaps / gaps.min()).sum()) if len(gaps) else 0.0


def _group(dataset: Dataset, keyword: str) -> Dataset:
    """A functional group: shared by all frames, else the first frame's."""
    for keyword_of_groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for item in (dataset.get(keyword_of_groups) or ())[:1]:
            for found in item.get(keyword) or ():
                return found if isinstance(found, Dataset) else Dataset()
    return Dataset()


def _pixels(dataset: Dataset, used: Sequence[int]) -> Iterator[NDArray[np.integer]]:
    """(rows, columns) of the frames ``used``, one at a time, because all frames unpacked may take gigabytes."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if int(dataset.BitsAllocated) > 1:
        yield from iter_pixels(dataset, indices=used) if used else ()
        return
    packed = np.frombuffer(dataset.PixelData, dtype=np.uint8)
    size = rows * columns
    for n in used:
        first, last = n * size, (n + 1) * size
        bits = np.unpackbits(packed[first // 8 : -(-last // 8)], bitorder="little")
        if len(bits) < size:
            raise SegUnreadableError("a SEG with fewer pixels than frames")
        yield bits[first % 8 : first % 8 + size].reshape(rows, columns)
