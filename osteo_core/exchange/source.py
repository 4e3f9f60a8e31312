"""The source series as its files are now: the header that provides patient and study, and the slice positions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, config

from osteo_core.archives import count_changed, is_there
from osteo_core.dicom.header import NotReadable, has_preamble, read_header
from osteo_core.dicom.people import name_of
from osteo_core.dicom.slices import SliceHeader
from osteo_core.dicom.stack import Stack
from osteo_core.dicom.values import DAMAGE, number, text
from osteo_core.dicom.volume import read_stack
from osteo_core.errors import SourceGoneError, UsageError
from osteo_core.imaging.files import is_volume_file
from osteo_core.imaging.resample import resample_labels
from osteo_core.outcomes import Exclusion
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Geometry, LabelArray, Series

#: UIDs that a PACS needs to file an object.
_NEEDED = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_UID = re.compile(r"[0-9][0-9.]{0,63}")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Source:
    """A source series. It holds identifiers and has no repr, so they cannot end up in a log."""

    header: Dataset
    stack: Stack
    frames: int

    @property
    def is_multiframe(self) -> bool:
        """Whether its slices are frames of one file."""
        return self.frames > 0

    @property
    def geometry(self) -> Geometry:
        """The grid of its slices (column, row, slice); sheared where the gantry was tilted."""
        first = self.stack.slices[0]
        return Geometry(shape=(first.columns, first.rows, len(self.stack.slices)), affine_lps=self.stack.affine_lps)

    def is_of(self, series: Series, pseudonyms: Pseudonyms) -> bool:
        """Whether patient and study are those of ``series`` when indexed; old indexes did not store them.

        File size and time do not suffice: they may not change when a file is replaced, as in some archives.
        """
        study = text(self.header, "StudyInstanceUID")
        patient = name_of(text(self.header, "PatientID"), study)
        return series.study_uid_key in (None, pseudonyms.study(study)) and series.patient_id_key in (
            None,
            pseudonyms.patient(patient),
        )

    def place_mm(self, k: int) -> tuple[float, ...]:
        """Position of slice ``k`` in its header; on the fitted line if positions are whole mm."""
        own = self.stack.slices[k].position_mm
        line = self.geometry.to_world_mm(np.array([0.0, 0.0, k]))
        return tuple(line) if own is None or self.stack.is_rounded else own

    def on_slices(self, labels: LabelArray, grid: Geometry) -> LabelArray:
        """Labels (I, J, K) on ``grid`` mapped to the slices; by nearest voxel if a tilt was corrected."""
        return labels if grid.is_close(self.geometry) else resample_labels(labels, grid, self.geometry)


def read_source(series: Series) -> Source:
    """The headers of all files. Raises UsageError, or SourceGoneError if files are missing; neither names a file."""
    _check_files(series)
    stack = read_stack(series)
    header = NotReadable(kind="") if isinstance(stack, Exclusion) else read_header(stack.slices[0].path)
    _check_files(series)  # once more: they may have been replaced while they were read
    if isinstance(stack, Exclusion) or isinstance(header, NotReadable):
        raise UsageError("the headers of its source can no longer be read as when it was indexed")
    missing = [name for name in _NEEDED if not _UID.fullmatch(text(header, name))]
    if not all(_UID.fullmatch(uid_of_file(one)) for one in stack.slices):
        missing.append("SOPInstanceUID")
    if missing:
        raise UsageError(f"its headers have no valid {', '.join(missing)}, without which a PACS cannot place it")
    try:
        with config.disable_value_validation():
            header.decode()
    except DAMAGE:
        raise UsageError("the text in its headers cannot be decoded in the stated character set") from None
    frames = _frames(header, stack.slices)
    if not frames and len({uid_of_file(one) for one in stack.slices}) < len(stack.slices):
        raise UsageError("several of its slices share a SOPInstanceUID, so a PACS cannot tell them apart")
    return Source(header=header, stack=stack, frames=frames)


def uid_of_file(one: SliceHeader) -> str:
    """The SOPInstanceUID of a slice's file, or its path: the slice's identifier without the frame number."""
    return one.sop_instance_uid.partition("#")[0]


def _check_files(series: Series) -> None:
    files: tuple[Path, ...] = series.files
    if not files:
        raise SourceGoneError("its source files are not known; index the folder again")
    gone = sum(not is_there(file) for file in files)
    if gone:
        raise SourceGoneError(f"{gone} of its {len(files)} source files are not where they were")
    if len(files) == 1 and is_volume_file(files[0]) and not has_preamble(files[0]):
        raise UsageError("its source is not DICOM and names no patient or study")
    changed = count_changed(files, series.file_stamps)
    if changed:
        raise SourceGoneError(f"{changed} of its {len(files)} source files have been replaced since they were indexed")


def _frames(header: Dataset, slices: tuple[SliceHeader, ...]) -> int:
    """Frames of the multi-frame file; 0 for one file per slice. Raises UsageError for several multi-frame files."""
    frames = int(number(header, "NumberOfFrames") or 0)
    if frames <= 1 and "PerFrameFunctionalGroupsSequence" not in header:  # some single-frame files state 1
        return 0
    if len({one.path for one in slices}) > 1:
        raise UsageError("its slices are frames of several files, which cannot be sent")
    return max(frames, 1)
