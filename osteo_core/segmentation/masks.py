"""Reads masks from elsewhere as whole vertebrae with VerSe numbers, by the mask's own names or a known tool's table."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from osteo_core.dicom.header import NotReadable, read_header
from osteo_core.dicom.seg import Segment, SegUnreadableError, read_seg
from osteo_core.dicom.values import text
from osteo_core.imaging.files import is_volume_file, volume_stem
from osteo_core.imaging.nifti import read_nifti_header, read_nifti_labels
from osteo_core.outcomes import Exclusion
from osteo_core.records import Geometry, LabelArray, Series
from osteo_core.segmentation.bodies import Box, boxes_of
from osteo_core.segmentation.find_masks import MaskFiles, refused
from osteo_core.segmentation.naming import (
    TABLES,
    MaskTool,
    disagreement,
    level_of_code,
    level_of_name,
    levels_of_names,
    names_in,
)
from osteo_core.terms import Level

#: Parts and neighbours of a vertebra: a segment described as one of them is not a whole vertebra, whatever its label.
_NO_VERTEBRA = re.compile(r"\b(dis[ck]|rib|nerve|process|arch|pedicle|lamina|canal|cord|endplate|facet)", re.IGNORECASE)
#: TotalSegmentator version 2: the sacrum, and kidney cysts, which never lie below it. In version 1 these numbers are
#: T10, T12 and T11: read as version 2, its T8-T4 would be taken for L5-L1.
_SACRUM_2, _CYSTS_2 = 25, (23, 24)
#: Free text of a SEG is cut to this length for display.
_LONGEST_WORD = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeVertebrae:
    """Whole vertebrae (I, J, K; VerSe numbers) on the grid of the mask; ``source``: origin of the mask, in words.

    ``is_placed``: False if a NIfTI file does not state the position of its voxels; ``is_field_of_view``: False if the
    grid ends at the marked voxels (SEG omit empty slices).
    """

    labels: LabelArray
    geometry: Geometry
    source: str
    frame_of_reference_uid: str = ""
    is_placed: bool = True
    is_field_of_view: bool = True

    @functools.cached_property
    def boxes(self) -> dict[Level, Box]:
        """The box of each level in the array."""
        return boxes_of(self.labels)


def read_mask(mask: MaskFiles) -> WholeVertebrae | Exclusion:
    """The vertebrae of a mask; an Exclusion if it is damaged or the meaning of its numbers is not known."""
    try:
        if not is_volume_file(mask.files[0]):
            return _of_seg(mask.files[0])
        if mask.is_one_file_a_structure:
            return _of_structures(mask.files)
        return _of_label_map(mask)
    except (SegUnreadableError, ValueError) as error:  # the messages name no file
        return refused(str(error))


def frame_of_reference(series: Series) -> str:
    """The frame of reference of a series from its first file; '' if it is not stated."""
    if is_volume_file(series.files[0]):
        return ""
    header = read_header(series.files[0])
    return "" if isinstance(header, NotReadable) else text(header, "FrameOfReferenceUID")


def _of_seg(path: Path) -> WholeVertebrae | Exclusion:
    conflicts: list[str] = []
    read = read_seg(path, lambda segment: _level_of_segment(segment, conflicts))
    if conflicts:
        return refused(f"a segment is {conflicts[0]}")
    numbered = [segment for segment in read.segments if _level_of_segment(segment, [])]
    if not numbered:
        return refused("no segment of this SEG is named or coded as a vertebra of a level")
    maker = numbered[0].algorithm[:_LONGEST_WORD].strip()
    return WholeVertebrae(
        labels=read.labels,
        geometry=read.geometry,
        source=f"DICOM SEG, {maker}" if maker else "DICOM SEG",
        frame_of_reference_uid=read.header.frame_of_reference_uid,
        is_field_of_view=False,
    )


def _level_of_segment(segment: Segment, conflicts: list[str]) -> int:
    """VerSe number of a segment by its codes and words, 0 for other structures; contradictions join ``conflicts``."""
    if any(_NO_VERTEBRA.search(word) for word in segment.words):
        return 0
    levels = [level_of_code(code) for code in segment.codes] + [level_of_name(word) for word in segment.words]
    found = sorted({level for level in levels if level is not None})
    if len(found) > 1:
        conflicts.append(f"named {found[0].name} and {found[1].name} at once")
    return int(found[0]) if found else 0


def _of_structures(files: tuple[Path, ...]) -> WholeVertebrae | Exclusion:
    if fault := _named_twice(level for path in files if (level := level_of_name(volume_stem(path)))):
        return refused(fault)
    _, geometry = read_nifti_labels(files[0])
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    for path in files:
        own, where = read_nifti_labels(path)
        if not where.is_close(geometry):
            return refused("its files do not lie on one grid")
        labels[(own > 0) & (labels == 0)] = level_of_name(volume_stem(path)) or 0
    return WholeVertebrae(
        labels=labels,
        geometry=geometry,
        source="one file a vertebra",
        is_placed=_is_placed(files[0]),
    )


def _named_twice(levels: Iterable[Level]) -> str:
    """Which vertebra is named more than once, in words; '' if none. The sacrum may be, as it has several parts."""
    counted = Counter(level for level in levels if level is not Level.SACRUM)
    return next((f"it names {level.name} twice" for level, count in sorted(counted.items()) if count > 1), "")


def _of_label_map(mask: MaskFiles) -> WholeVertebrae | Exclusion:
    path = mask.files[0]
    labels, geometry = read_nifti_labels(path)
    present = [int(n) for n in np.unique(labels) if n]
    own = levels_of_names(names_in(path))
    table: Mapping[int, Level] = TABLES.get(mask.tool, own)
    if own and (fault := disagreement(own, table, present)):
        return refused(fault)
    if not table:
        return refused(
            "its numbers have no names, in its header or in a dataset.json beside it, and no tool was named; "
            f"name the tool whose numbers they are ({', '.join(TABLES)})"
        )
    if fault := _named_twice(table[number] for number in present if number in table):
        return refused(fault)
    if mask.tool is MaskTool.TOTALSEGMENTATOR and not own and _is_first_version(labels, geometry):
        return refused("its numbers are those of TotalSegmentator version 1; only version 2 is known")
    lookup = np.zeros(256, dtype=np.uint8)
    for number, level in table.items():
        if 0 < number < len(lookup):  # a label map has no other numbers
            lookup[number] = level
    numbered: LabelArray = lookup[labels]
    if present and not numbered.any():
        return refused(f"none of its numbers ({_few(present)}) is a vertebra in the numbering of {mask.tool}")
    source = mask.tool if mask.tool is not MaskTool.NAMES else "label map with names of its own"
    return WholeVertebrae(labels=numbered, geometry=geometry, source=source, is_placed=_is_placed(path))


def _is_first_version(labels: LabelArray, geometry: Geometry) -> bool:
    boxes = dict(enumerate(ndimage.find_objects(labels, max_label=_SACRUM_2), start=1))
    heights = {
        number: float(geometry.to_world_mm(np.array([(s.start + s.stop - 1) / 2 for s in box]))[2])
        for number, box in boxes.items()
        if box is not None and number in (_SACRUM_2, *_CYSTS_2)
    }
    return any(heights.get(cyst, np.inf) < heights.get(_SACRUM_2, -np.inf) for cyst in _CYSTS_2)


def _few(numbers: list[int]) -> str:
    return ", ".join(str(n) for n in numbers[:5]) + (" ..." if len(numbers) > 5 else "")


def _is_placed(path: Path) -> bool:
    header = read_nifti_header(path)
    return isinstance(header, Exclusion) or header.is_oriented
