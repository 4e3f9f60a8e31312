"""Whole vertebrae of known bodies, and DICOM SEG written from label maps, for tests of masks from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import pack_bits
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from osteo_core.records import Geometry, Volume
from osteo_core.terms import Level
from tests.builders.spines import SpineSpec, build_spine

SEG, LABEL_MAP_SEG = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
_BONE_HU = 300.0


def whole_spine(geometry: Geometry, spec: SpineSpec | None = None) -> tuple[Volume, np.ndarray, np.ndarray]:
    """The analytic spine with pedicles, an arch and a spinous process: CT, whole vertebrae, bodies (VerSe numbers)."""
    volume, found = build_spine(spec or SpineSpec(), geometry)
    index = np.stack(np.meshgrid(*[np.arange(float(n)) for n in geometry.shape], indexing="ij"), axis=-1)
    world = geometry.to_world_mm(index)
    whole, hu = np.array(found.labels), np.array(volume.voxels_hu)
    for level in found.levels:
        x, y, z = (world[..., axis] - level.centroid_mm[axis] for axis in range(3))
        pedicles = (np.abs(np.abs(x) - 13) < 4) & (y > 8) & (y < 30) & (np.abs(z) < 4)
        arch = (np.abs(x) < 17) & (y > 26) & (y < 31) & (np.abs(z) < 6)
        process = (np.abs(x) < 4) & (y > 28) & (y < 50) & (np.abs(z) < 6)
        rest = (pedicles | arch | process) & (whole == 0)
        whole[rest], hu[rest] = level.level, _BONE_HU
    return Volume(voxels_hu=hu, geometry=geometry), whole, np.array(found.labels)


def write_seg(
    path: Path,
    labels: np.ndarray,
    geometry: Geometry,
    *,
    names: Mapping[int, str],
    kind: str = "BINARY",
    is_coded: bool = False,
    series_uid: str = "",
    frame_uid: str = "",
) -> Path:
    """A SEG of ``labels`` (I, J, K), one segment per number in ``names``; slices without a segment are left out."""
    dataset = Dataset()
    dataset.SOPClassUID = LABEL_MAP_SEG if kind == "LABELMAP" else SEG
    dataset.SOPInstanceUID = generate_uid()
    dataset.Modality = "SEG"
    dataset.SegmentationType = kind
    dataset.FrameOfReferenceUID = frame_uid or generate_uid()
    if series_uid:
        dataset.ReferencedSeriesSequence = Sequence([_item(SeriesInstanceUID=series_uid)])
    numbers = list(names)
    dataset.SegmentSequence = Sequence([_segment(n, names[v], is_coded) for n, v in enumerate(numbers, start=1)])
    _set_frames(dataset, labels, geometry, numbers=numbers, kind=kind)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _code(code) -> Sequence:
    return Sequence(
        [_item(CodeValue=code.value, CodingSchemeDesignator=code.scheme_designator, CodeMeaning=code.meaning)]
    )


def _segment(number: int, name: str, is_coded: bool) -> Dataset:
    item = _item(
        SegmentNumber=number, SegmentLabel=name, SegmentAlgorithmType="AUTOMATIC", SegmentAlgorithmName="Tool 7"
    )
    item.SegmentedPropertyCategoryCodeSequence = _code(codes.SCT.AnatomicalStructure)
    item.SegmentedPropertyTypeCodeSequence = _code(codes.SCT.Vertebra)
    if is_coded:
        item.SegmentLabel = f"segment {number}"
        item.SegmentedPropertyTypeCodeSequence = _code(getattr(codes.SCT, f"{name}Vertebra"))
    return item


def _set_frames(dataset: Dataset, labels: np.ndarray, geometry: Geometry, *, numbers: list[int], kind: str) -> None:
    along, down, normal = (geometry.directions[:, axis] for axis in range(3))
    spacing = geometry.spacing_mm
    turn = _item(ImageOrientationPatient=[float(f"{x:.12g}") for x in (*along, *down)])
    measures = _item(PixelSpacing=[spacing[1], spacing[0]], SliceThickness=spacing[2])
    shared = _item(PlaneOrientationSequence=Sequence([turn]), PixelMeasuresSequence=Sequence([measures]))
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    planes, groups = [], []
    for segment, value in [(0, -1)] if kind == "LABELMAP" else list(enumerate(numbers, start=1)):
        for k in range(labels.shape[2]):
            plane = labels[:, :, k].T if value < 0 else (labels[:, :, k].T == value)
            if plane.any():
                planes.append(_values(plane, numbers, kind))
                groups.append(_frame(segment, geometry.to_world_mm(np.array([0.0, 0.0, k]))))
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    dataset.NumberOfFrames, dataset.SamplesPerPixel = len(planes), 1
    dataset.Columns, dataset.Rows = labels.shape[0], labels.shape[1]
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    if kind == "FRACTIONAL":
        dataset.MaximumFractionalValue, dataset.SegmentationFractionalType = 200, "PROBABILITY"
    stack = np.array(planes, dtype=np.uint8)
    dataset.PixelData = pack_bits(stack, pad=True) if bits == 1 else stack.tobytes() + b"\0" * (stack.size % 2)
    assert abs(np.dot(np.cross(along, down), normal)) > 0.9


def _values(plane: np.ndarray, numbers: list[int], kind: str) -> np.ndarray:
    if kind == "FRACTIONAL":
        return plane * np.uint8(150) + ~plane * np.uint8(60)
    if kind == "BINARY":
        return plane.astype(np.uint8)
    table = np.zeros(256, dtype=np.uint8)
    table[numbers] = np.arange(1, len(numbers) + 1)
    return table[plane]


def _frame(segment: int, position_mm: np.ndarray) -> Dataset:
    item = _item(
        PlanePositionSequence=Sequence([_item(ImagePositionPatient=[float(f"{x:.10g}") for x in position_mm])])
    )
    if segment:
        item.SegmentIdentificationSequence = Sequence([_item(ReferencedSegmentNumber=segment)])
    return item


def names_of(labels: np.ndarray) -> dict[int, str]:
    """The level's own name for each number of a VerSe label map."""
    return {int(n): Level(int(n)).name for n in np.unique(labels) if n}
