"""Small DICOM CT series of known truth on disk, regular or with one fault each, for all tests.

    built = write_series(tmp_path / "ct", CtSpec(vendor="TOSHIBA", missing=(7,)))
    built.voxels_hu      (columns, rows, slices) int16, the truth in HU
    built.geometry       their positions, LPS

The image is a trunk: air, an ellipse of muscle in a ring of fat, a spine of bone, and a marker
towards the patient's left, front and head, so that a flip cannot go unnoticed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    RLELossless,
)

from osteo_core.records import Geometry

#: Direction cosines of rows and columns (LPS) for the three planes.
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)

SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "RLE": RLELossless,
    "JPEG lossless": JPEGLosslessSV1,
    "JPEG 2000": JPEG2000Lossless,
}
_ITK_COMPRESSORS = {"JPEG lossless": "JPEG", "JPEG 2000": "JPEG2000"}


@dataclass(frozen=True, kw_only=True)
class CtSpec:
    """What to write. ``missing`` and ``duplicated`` are slice numbers; ``change`` edits each data set last."""

    manufacturer: str = "SIEMENS"
    model: str = "SOMATOM Definition AS"
    kernel: str | list[str] = "B30f"
    kvp: float | None = 120.0
    thickness_mm: float = 2.5
    step_mm: float = 2.5
    pixel_spacing_mm: tuple[float, float] = (6.0, 5.0)
    columns: int = 64
    rows: int = 48
    slices: int = 16
    orientation: tuple[float, ...] = AXIAL
    origin_mm: tuple[float, float, float] = (-150.0, -140.0, -600.0)
    tilt_deg: float = 0.0
    syntax: str = "explicit"
    intercept: float = -1024.0
    slope: float = 1.0
    is_signed: bool = False
    padding_hu: float | None = None
    is_padding_declared: bool = True
    missing: tuple[int, ...] = ()
    duplicated: tuple[int, ...] = ()
    moved_mm: dict[int, float] = field(default_factory=dict)
    is_enhanced: bool = False
    is_shuffled: bool = False
    has_preamble: bool = True
    patient_id: str = "TEST-1"
    patient_age: str = "067Y"
    study_uid: str = "1.2.826.0.1.3680043.8.498.1"
    series_uid: str = "1.2.826.0.1.3680043.8.498.1.1"
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "AXIAL")
    contrast_agent: str = ""
    description: str = "ABDOMEN"
    hu_shift: float = 0.0
    change: Callable[[Dataset, int], None] | None = None


@dataclass(frozen=True, kw_only=True)
class BuiltSeries:
    """A series on disk and its truth. ``voxels_hu`` has padding as air, as in a Volume."""

    folder: Path
    files: tuple[Path, ...]
    voxels_hu: np.ndarray
    geometry: Geometry
    spec: CtSpec


def write_series(folder: Path, spec: CtSpec | None = None) -> BuiltSeries:
    """Write the series of ``spec`` into ``folder`` (made if missing)."""
    spec = spec or CtSpec()
    folder.mkdir(parents=True, exist_ok=True)
    geometry = truth_geometry(spec)
    voxels = trunk_hu(geometry) + int(spec.hu_shift)
    outside = _outside_circle(geometry) if spec.padding_hu is not None else None
    wanted = [k for k in range(spec.slices) if k not in spec.missing]
    wanted += [k for k in spec.duplicated]
    stored = [_stored(voxels[:, :, k].T, spec, outside) for k in range(spec.slices)]
    if spec.is_enhanced:
        files = [_write(_enhanced(stored, wanted, spec, geometry), folder / "enhanced.dcm", spec)]
    else:
        files = [
            _write(_single(stored[k], k, n, spec, geometry), folder / f"{name:05d}.dcm", spec)
            for n, (k, name) in enumerate(zip(wanted, _file_numbers(len(wanted), spec), strict=True))
        ]
    if outside is not None:
        voxels = np.where(outside.T[:, :, None], -1024, voxels)
    return BuiltSeries(
        folder=folder, files=tuple(files), voxels_hu=voxels.astype(np.int16), geometry=geometry, spec=spec
    )


def truth_geometry(spec: CtSpec) -> Geometry:
    """The geometry of ``spec``; sheared if the gantry is tilted (slices move along the patient's axis)."""
    row, column = np.array(spec.orientation[:3]), np.array(spec.orientation[3:])
    normal = np.cross(row, column)
    angle = np.radians(spec.tilt_deg)
    affine = np.eye(4)
    affine[:3, 0] = row * spec.pixel_spacing_mm[1]
    # The gantry is tilted about the row axis; the table moves along the old normal.
    affine[:3, 1] = (np.cos(angle) * column + np.sin(angle) * normal) * spec.pixel_spacing_mm[0]
    affine[:3, 2] = normal * spec.step_mm
    affine[:3, 3] = spec.origin_mm
    return Geometry(shape=(spec.columns, spec.rows, spec.slices), affine_lps=affine)


def trunk_hu(geometry: Geometry, centre_mm: np.ndarray | None = None) -> np.ndarray:
    """HU (I, J, K) int16 of a trunk around ``centre_mm`` (the grid's middle); depends on position, not on the grid."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), axis=-1)
    centre = centre_of_grid(geometry) if centre_mm is None else centre_mm
    x, y, z = np.moveaxis(geometry.to_world_mm(index) - centre, -1, 0)
    radius = np.hypot(x / 130.0, y / 95.0)
    hu = np.full(geometry.shape, -1000.0)
    hu[radius < 1.0] = -95.0
    hu[radius < 0.82] = 55.0
    hu[np.hypot(x, y - 50.0) < 24.0] = 170.0
    hu[(np.hypot(x - 60.0, y + 35.0) < 20.0) & (z > 0)] = 250.0
    # A slight gradient towards the head makes each slice unique.
    return np.round(hu + 0.05 * z * (hu > -200)).astype(np.int16)


def centre_of_grid(geometry: Geometry) -> np.ndarray:
    """LPS mm of the grid's middle."""
    return geometry.to_world_mm((np.array(geometry.shape) - 1) / 2)


def _outside_circle(geometry: Geometry) -> np.ndarray:
    """(rows, columns): outside the circle that a scanner reconstructs."""
    columns, rows = geometry.shape[:2]
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    return np.hypot(x, y) > 1.0


def _stored(plane_hu: np.ndarray, spec: CtSpec, outside: np.ndarray | None) -> np.ndarray:
    values = plane_hu.astype(float)
    if outside is not None and spec.padding_hu is not None:
        values = np.where(outside, spec.padding_hu, values)
    raw = np.round((values - spec.intercept) / spec.slope)
    return raw.astype(np.int16 if spec.is_signed else np.uint16)


def _file_numbers(count: int, spec: CtSpec) -> list[int]:
    numbers = np.arange(1, count + 1)
    return [int(n) for n in (np.random.default_rng(8).permutation(numbers) if spec.is_shuffled else numbers)]


def _common(spec: CtSpec) -> Dataset:
    dataset = Dataset()
    dataset.Modality = "CT"
    dataset.Manufacturer = spec.manufacturer
    dataset.ManufacturerModelName = spec.model
    dataset.DeviceSerialNumber = "4711"
    dataset.ImageType = list(spec.image_type)
    dataset.PatientName = "NEVER^SHOWN"
    dataset.PatientID = spec.patient_id
    dataset.PatientSex = "F"
    dataset.PatientAge = spec.patient_age
    dataset.StudyDate = "20260301"
    dataset.StudyInstanceUID = spec.study_uid
    dataset.SeriesInstanceUID = spec.series_uid
    dataset.FrameOfReferenceUID = f"{spec.study_uid}.9"
    dataset.SeriesDescription = spec.description
    dataset.ContrastBolusAgent = spec.contrast_agent
    dataset.PatientPosition = "HFS"
    dataset.Rows, dataset.Columns = spec.rows, spec.columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(spec.is_signed)
    if spec.padding_hu is not None and spec.is_padding_declared:
        value = round((spec.padding_hu - spec.intercept) / spec.slope)
        dataset.add_new("PixelPaddingValue", "SS" if spec.is_signed else "US", value)
    return dataset


def _attributes(spec: CtSpec) -> dict[str, object]:
    return {
        "KVP": spec.kvp,
        "ConvolutionKernel": spec.kernel,
        "SliceThickness": spec.thickness_mm,
        "PixelSpacing": list(spec.pixel_spacing_mm),
        "RescaleIntercept": spec.intercept,
        "RescaleSlope": spec.slope,
        "RescaleType": "HU",
        "GantryDetectorTilt": spec.tilt_deg,
    }


def _place(k: int, spec: CtSpec, geometry: Geometry) -> tuple[list[float], list[float]]:
    moved = geometry.affine_lps[:3, 2] / spec.step_mm * spec.moved_mm.get(k, 0.0)
    position = geometry.to_world_mm(np.array([0.0, 0.0, float(k)])) + moved
    cosines = [*geometry.directions[:, 0], *geometry.directions[:, 1]]
    return [round(float(v), 6) for v in position], [round(float(v), 8) for v in cosines]


def _single(stored: np.ndarray, k: int, n: int, spec: CtSpec, geometry: Geometry) -> Dataset:
    dataset = _common(spec)
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{spec.series_uid}.{n + 1}"
    dataset.InstanceNumber = n + 1
    dataset.AcquisitionNumber = 1
    for keyword, value in _attributes(spec).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = _place(k, spec, geometry)
    dataset.PixelData = stored.tobytes()
    if spec.change:
        spec.change(dataset, k)
    return dataset


def _enhanced(stored: list[np.ndarray], wanted: list[int], spec: CtSpec, geometry: Geometry) -> Dataset:
    """One multi-frame file; geometry and scanner in functional groups, as specified in PS3.3 A.38."""
    dataset = _common(spec)
    dataset.SOPClassUID = EnhancedCTImageStorage
    dataset.SOPInstanceUID = f"{spec.series_uid}.1"
    order = [int(i) for i in np.random.default_rng(8).permutation(len(wanted))] if spec.is_shuffled else None
    frames = [wanted[i] for i in order] if order else wanted
    dataset.NumberOfFrames = len(frames)
    shared = Dataset()
    shared.CTXRayDetailsSequence = _item(KVP=spec.kvp)
    shared.CTReconstructionSequence = _item(ConvolutionKernel=spec.kernel, ReconstructionAlgorithm="FILTER_BACK_PROJ")
    shared.PixelMeasuresSequence = _item(PixelSpacing=list(spec.pixel_spacing_mm), SliceThickness=spec.thickness_mm)
    shared.PixelValueTransformationSequence = _item(
        RescaleIntercept=spec.intercept, RescaleSlope=spec.slope, RescaleType="HU"
    )
    shared.CTImageFrameTypeSequence = _item(FrameType=list(spec.image_type))
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    groups = []
    for k in frames:
        position, cosines = _place(k, spec, geometry)
        group = Dataset()
        group.PlanePositionSequence = _item(ImagePositionPatient=position)
        group.PlaneOrientationSequence = _item(ImageOrientationPatient=cosines)
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    dataset.PixelData = b"".join(stored[k].tobytes() for k in frames)
    if spec.change:
        spec.change(dataset, 0)
    return dataset


def _item(**values: object) -> DicomSequence:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return DicomSequence([item])


def _write(dataset: Dataset, path: Path, spec: CtSpec) -> Path:
    syntax = SYNTAXES[spec.syntax]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax.is_compressed else syntax
    dataset.file_meta = meta
    if spec.syntax == "RLE":
        dataset.compress(RLELossless, generate_instance_uid=False)
    elif spec.syntax in _ITK_COMPRESSORS:
        dataset.PixelData = encapsulate(_compressed_frames(dataset, spec))
        dataset["PixelData"].VR = "OB"
        meta.TransferSyntaxUID = syntax
    elif spec.syntax == "big endian":
        dataset.PixelData = np.frombuffer(dataset.PixelData, dtype="<u2").astype(">u2").tobytes()
    if spec.has_preamble:
        dcmwrite(path, dataset, enforce_file_format=True)
    else:
        del dataset.file_meta
        dcmwrite(path, dataset, implicit_vr=True, little_endian=True)
    return path


def _compressed_frames(dataset: Dataset, spec: CtSpec) -> list[bytes]:
    """The frames as compressed by SimpleITK: written as separate files and read back."""
    kind = np.int16 if spec.is_signed else np.uint16
    frames = np.frombuffer(dataset.PixelData, dtype=kind).reshape(-1, spec.rows, spec.columns)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for frame in frames:
            path = Path(folder) / "frame.dcm"
            writer = sitk.ImageFileWriter()
            writer.SetImageIO("GDCMImageIO")
            writer.SetFileName(str(path))
            writer.UseCompressionOn()
            writer.SetCompressor(_ITK_COMPRESSORS[spec.syntax])
            writer.Execute(sitk.GetImageFromArray(frame[None]))
            written = dcmread(path)
            if written.file_meta.TransferSyntaxUID != SYNTAXES[spec.syntax]:
                raise RuntimeError(f"SimpleITK wrote {written.file_meta.TransferSyntaxUID.name}")
            found.append(next(generate_frames(written.PixelData, number_of_frames=1)))
    return found


def set_raw(dataset: Dataset, keyword: str, vr: str, text: str) -> None:
    """Set an element to ``text`` unchanged, under any VR: real files contain values that no library writes."""
    tag = BaseTag(tag_for_keyword(keyword) or 0)
    stored = (text + " " * (len(text) % 2)).encode()
    if tag in dataset:
        del dataset[tag]
    dataset._dict[tag] = RawDataElement(tag, vr, len(stored), stored, 0, False, True)
