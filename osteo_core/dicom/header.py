"""One file's header, without its pixels: what kind of file it is, and where its slices lie."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydicom import Dataset, config, dcmread
from pydicom.datadict import tag_for_keyword

from osteo_core.dicom.values import DAMAGE, number, numbers, positive, sequence, text, texts

DICOMDIR_SOP_CLASS = "1.2.840.10008.1.3.10"

#: All that find and read look at; other elements are skipped while reading, so no name is ever held.
KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"),
    *("SeriesNumber", "FrameOfReferenceUID"),
    *("Modality", "ImageType", "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions"),
    "InstitutionName",
    "StationName",
    *("KVP", "ConvolutionKernel", "SliceThickness", "PixelSpacing", "Rows", "Columns", "NumberOfFrames"),
    *("ImagePositionPatient", "ImageOrientationPatient", "GantryDetectorTilt", "AcquisitionNumber"),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "PatientPosition", "PatientSex"),
    *("PatientAge", "PatientBirthDate", "StudyDate", "ContrastBolusAgent", "ContrastBolusAgentSequence"),
    *("BodyPartExamined", "SeriesDescription", "ProtocolName", "Exposure", "ExposureInmAs", "TableHeight"),
    *("ReconstructionDiameter", "RescaleSlope", "RescaleIntercept", "RescaleType", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"),
    *("LossyImageCompression", "ImageComments", "SharedFunctionalGroupsSequence"),
    "PerFrameFunctionalGroupsSequence",
    *("DerivationDescription", "DerivationCodeSequence", "FrameComments", "FilterMaterial", "FilterType"),
    *("MultienergyCTAcquisitionSequence", "MultienergyCTCharacteristicsSequence", "MonoenergeticEnergyEquivalent"),
    *("DecompositionMaterialSequence", "DecompositionMethod"),
)
_TAGS: list[Any] = [tag for tag in map(tag_for_keyword, KEYWORDS) if tag is not None]

#: What tells apart several stacks under one SeriesInstanceUID; the last three stand in multi-frame files.
ACQUISITION_KEYWORDS = (
    *("AcquisitionNumber", "TemporalPositionIdentifier"),
    *("FrameAcquisitionNumber", "TemporalPositionIndex", "StackID"),
)

# pydicom's warnings quote values and file names, and those may hold a patient's name.
warnings.filterwarnings("ignore", module=r"pydicom\.")


@dataclass(frozen=True, kw_only=True)
class NotReadable:
    """Why a file is no image to us. ``kind`` is fit for a reader's eyes: it names no file and no patient."""

    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceHeader:
    """One slice: a file, or one frame of a multi-frame file. Geometry is None where the header is blank."""

    path: Path
    frame: int
    sop_instance_uid: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, float] | None
    rescale_slope: float | None
    rescale_intercept: float | None
    rescale_type: str
    acquisition: str
    kvp: float | None = None


def read_header(path: Path) -> Dataset | NotReadable:
    """The elements of KEYWORDS, up to the pixels. A file without the 128-byte preamble is read if it is DICOM."""
    try:
        with config.disable_value_validation(), path.open("rb") as file:
            dataset = _read(file)
            return _checked(dataset) if isinstance(dataset, Dataset) else dataset
    except FileNotFoundError:
        return NotReadable(kind="no longer there")
    except PermissionError:
        return NotReadable(kind="no permission to read")
    except DAMAGE:
        # The error's own text may quote the file, so only its kind is reported.
        return NotReadable(kind="damaged DICOM header")


def _read(file: BinaryIO) -> Dataset | NotReadable:
    start = file.read(132)
    if not start:
        return NotReadable(kind="empty file")
    has_preamble = start[128:132] == b"DICM"
    if not has_preamble and not _looks_like_dicom(start):
        return NotReadable(kind="not DICOM")
    file.seek(0)
    dataset = dcmread(file, stop_before_pixels=True, specific_tags=_TAGS, force=not has_preamble)
    # A frame takes at least a byte: a count beyond that is damage, and must not be believed.
    is_possible = 0 <= (number(dataset, "NumberOfFrames") or 1) <= os.fstat(file.fileno()).st_size
    return dataset if is_possible else NotReadable(kind="damaged DICOM header")


def _looks_like_dicom(start: bytes) -> bool:
    """A data set without preamble begins with a small element of group 0002 or 0008."""
    if len(start) < 8:
        return False
    group, element = struct.unpack("<HH", start[:4])
    return group in (0x0002, 0x0008) and element <= 0x0100


def _checked(dataset: Dataset) -> Dataset | NotReadable:
    """The data set with blank object identifiers taken from its meta information, where they stand again."""
    meta = getattr(dataset, "file_meta", Dataset())
    for keyword, media in (
        ("SOPClassUID", "MediaStorageSOPClassUID"),
        ("SOPInstanceUID", "MediaStorageSOPInstanceUID"),
    ):
        if not text(dataset, keyword) and text(meta, media):
            setattr(dataset, keyword, text(meta, media))
    if text(dataset, "SOPClassUID") == DICOMDIR_SOP_CLASS:
        return NotReadable(kind="DICOMDIR")
    if not (text(dataset, "Modality") or text(dataset, "SOPClassUID")):
        return NotReadable(kind="DICOM that does not say what it is")
    return dataset


def slices_of(dataset: Dataset, path: Path) -> Iterator[SliceHeader]:
    """The slices of one file: itself, or the frames of a multi-frame one, in stored order."""
    frames = int(number(dataset, "NumberOfFrames") or 1)
    per_frame = sequence(dataset, "PerFrameFunctionalGroupsSequence")
    for frame in range(frames):
        own = per_frame[frame] if frame < len(per_frame) else None
        yield _slice(Functional(dataset, own), path, frame)


def _slice(source: Functional, path: Path, frame: int) -> SliceHeader:
    position = numbers(source, "ImagePositionPatient", 3)
    spacing = numbers(source, "PixelSpacing", 2)
    return SliceHeader(
        path=path,
        frame=frame,
        sop_instance_uid=f"{text(source, 'SOPInstanceUID') or path}#{frame}",
        image_type=tuple(word.upper() for word in texts(source, "FrameType") or texts(source, "ImageType")),
        rows=int(number(source, "Rows") or 0),
        columns=int(number(source, "Columns") or 0),
        position_mm=(position[0], position[1], position[2]) if position else None,
        orientation=numbers(source, "ImageOrientationPatient", 6),
        pixel_spacing_mm=(spacing[0], spacing[1]) if spacing else None,
        rescale_slope=number(source, "RescaleSlope"),
        rescale_intercept=number(source, "RescaleIntercept"),
        rescale_type=text(source, "RescaleType").upper(),
        acquisition="/".join(filter(None, (text(source, keyword) for keyword in ACQUISITION_KEYWORDS))),
        kvp=positive(source, "KVP"),
    )


class Functional:
    """A multi-frame data set as if it were one frame: own groups first, then shared ones, then the top."""

    def __init__(self, dataset: Dataset, frame: Dataset | None = None) -> None:
        shared = sequence(dataset, "SharedFunctionalGroupsSequence")
        self._groups = [group for group in (frame, *shared) if group is not None]
        self._dataset = dataset

    def get(self, keyword: str) -> Any:
        """The element's value, or None."""
        for group in self._groups:
            for element in group:
                item = element.value[0] if element.VR == "SQ" and element.value else None
                if item is not None and keyword in item:
                    return item.get(keyword)
        return self._dataset.get(keyword)
