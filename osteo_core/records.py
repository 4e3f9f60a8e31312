"""The records passed along the pipeline: frozen, validated on creation, arrays read-only.

Axis order everywhere: ``array[i, j, k]``; ``Geometry.affine_lps @ (i, j, k, 1)`` is the centre of
that voxel in patient millimetres, LPS (x to the patient's left, y to the back, z to the head).
Physical quantities end in their unit. vBMD is in mg/cm3 of the calibration's mineral.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from osteo_core.measuring import MEASURING_VERSION
from osteo_core.outcomes import Caution, Exclusion, by_weight
from osteo_core.terms import (
    Anchor,
    Category,
    ContrastPhase,
    KernelGroup,
    Level,
    Mineral,
    Plane,
    Sex,
    Status,
    SuggestedCause,
    Vendor,
)

FloatArray = NDArray[np.floating]
#: (I, J, K) int16 or float32 Hounsfield units.
HuArray = NDArray[np.generic]
#: (I, J, K) uint8 VerSe numbers, 0 outside.
LabelArray = NDArray[np.uint8]

_ORTHONORMAL_TOLERANCE = 1e-3


def _read_only(array: NDArray[np.generic]) -> NDArray[np.generic]:
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """Geometry of a voxel grid: shape (I, J, K) and a 4x4 affine from index to LPS mm."""

    shape: tuple[int, int, int]
    affine_lps: FloatArray

    def __post_init__(self) -> None:
        affine = np.asarray(self.affine_lps, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise ValueError(f"affine_lps must be a finite 4x4 matrix, got shape {affine.shape}")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise ValueError("affine_lps is singular: two axes of the grid are parallel")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape must be three positive numbers, got {self.shape}")
        object.__setattr__(self, "affine_lps", _read_only(affine))
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Length of one step along each array axis."""
        return tuple(float(x) for x in np.linalg.norm(self.affine_lps[:3, :3], axis=0))  # type: ignore[return-value]

    @property
    def directions(self) -> FloatArray:
        """(3, 3) unit vectors of the array axes as columns, LPS."""
        found: FloatArray = self.affine_lps[:3, :3] / np.linalg.norm(self.affine_lps[:3, :3], axis=0)
        return found

    @property
    def axis_codes(self) -> str:
        """Direction in which each array axis increases, as three letters of LRPASI; the closest ones if oblique."""
        letters = (("L", "R"), ("P", "A"), ("S", "I"))
        directions = self.directions.copy()
        codes = [""] * 3
        for _ in range(3):
            row, column = np.unravel_index(np.argmax(np.abs(directions)), (3, 3))
            codes[column] = letters[row][0 if directions[row, column] > 0 else 1]
            directions[row, :] = directions[:, column] = 0
        return "".join(codes)

    @property
    def is_orthogonal(self) -> bool:
        """False for a sheared grid, such as an uncorrected gantry tilt."""
        gram = self.directions.T @ self.directions
        return bool(np.abs(gram - np.eye(3)).max() < _ORTHONORMAL_TOLERANCE)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine_lps[:3, :3]))) / 1000.0

    def to_world_mm(self, index: FloatArray) -> FloatArray:
        """Indices (..., 3) to LPS mm (..., 3)."""
        return np.asarray(index) @ self.affine_lps[:3, :3].T + self.affine_lps[:3, 3]

    def to_index(self, world_mm: FloatArray) -> FloatArray:
        """LPS mm (..., 3) to fractional indices (..., 3)."""
        return (np.asarray(world_mm) - self.affine_lps[:3, 3]) @ np.linalg.inv(self.affine_lps[:3, :3]).T

    def is_close(self, other: Geometry, *, tolerance_mm: float = 1e-2) -> bool:
        """Same shape, and no corner further apart than the tolerance."""
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        return self.shape == other.shape and bool(
            np.abs(self.to_world_mm(corners) - other.to_world_mm(corners)).max() <= tolerance_mm
        )


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval, number of observations and method."""

    value: float
    low: float
    high: float
    n: int
    method: str
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not (self.low <= self.value <= self.high or np.isnan(self.value)):
            raise ValueError(f"an estimate must lie in its interval: {self.low} <= {self.value} <= {self.high}")


@dataclass(frozen=True, kw_only=True)
class Series:
    """One CT series from its headers; identifiers are keyed hashes, except ``series_instance_uid``.

    ``series_instance_uid`` is the original UID (the file stem for NIfTI); it names the output of
    ``process`` and is never stored, logged or shown. Fields that mirror a DICOM attribute have its
    keyword in snake case, None where the header is blank. ``files_stamp`` identifies the state of the files
    for ``process`` and is never stored; ``file_stamps``: size and modification time of each file when it was
    indexed (`archives.status_of`). ``stack_label`` names one of several stacks under one SeriesInstanceUID.
    ``patient_id_key`` and ``study_uid_key`` are hashes of PatientID and StudyInstanceUID alone, ``patient_key``
    and ``study_key`` those after separating people who share them. ``is_superseded``: its files, read again,
    belong to other series. ``stack`` is the `dicom.stack.Stack` from finding, so that reading need not arrange
    slices again; it contains no identifiers, is never stored, and is None if unknown.
    """

    series_key: str
    study_key: str
    patient_key: str
    series_instance_uid: str
    files: tuple[Path, ...]
    modality: str = "CT"
    manufacturer: str | None = None
    vendor: Vendor = Vendor.OTHER
    manufacturer_model_name: str | None = None
    device_key: str | None = None
    site_key: str | None = None
    accession_key: str | None = None
    software_versions: str | None = None
    kvp: float | None = None
    convolution_kernel: str | None = None
    kernel_group: KernelGroup = KernelGroup.UNKNOWN
    slice_thickness_mm: float | None = None
    slice_step_mm: float | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    rows: int | None = None
    columns: int | None = None
    n_slices: int = 0
    coverage_mm: float | None = None
    plane: Plane = Plane.AXIAL
    gantry_detector_tilt_deg: float | None = None
    image_type: tuple[str, ...] = ()
    patient_position: str | None = None
    patient_sex: Sex = Sex.UNKNOWN
    patient_age_years: float | None = None
    study_date: date | None = None
    contrast_bolus_agent: str | None = None
    body_part_examined: str | None = None
    exposure_mas: float | None = None
    table_height_mm: float | None = None
    reconstruction_diameter_mm: float | None = None
    transfer_syntax_uid: str | None = None
    is_simulated: bool = False
    is_preferred: bool = True
    preference_reason: str = ""
    preference_rank: int | None = None
    stack_label: str = ""
    files_stamp: str = ""
    file_stamps: tuple[tuple[int, int], ...] = ()
    patient_id_key: str | None = None
    study_uid_key: str | None = None
    is_superseded: bool = False
    stack: object | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """A CT in Hounsfield units on its source grid; padding is already air (-1024).

    ``source_geometry`` is the original grid if a tilt was corrected, else None.
    """

    voxels_hu: HuArray
    geometry: Geometry
    provenance: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()
    source_geometry: Geometry | None = None

    def __post_init__(self) -> None:
        if self.voxels_hu.shape != self.geometry.shape:
            raise ValueError(f"voxels {self.voxels_hu.shape} do not fit the geometry {self.geometry.shape}")
        object.__setattr__(self, "voxels_hu", _read_only(self.voxels_hu))


@dataclass(frozen=True, kw_only=True)
class SegmentedLevel:
    """One outlined vertebral body. ``cut``: sides on which the field of view cuts it ('' if whole).

    ``confidence`` is None if the engine gives none, as for external masks.
    """

    level: Level
    confidence: float | None
    voxels: int
    centroid_mm: tuple[float, float, float]
    cut: str = ""

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence must lie in 0-1, got {self.confidence}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Segmentation:
    """Vertebral bodies on the source grid: voxel values are VerSe numbers (19 T12, 20-24 L1-L5).

    ``engine``: the origin of the outlines; ``cautions``: its remarks.
    """

    labels: LabelArray
    geometry: Geometry
    levels: tuple[SegmentedLevel, ...]
    anchor: Anchor
    engine: str
    model_hash: str
    seconds: float = 0.0
    cautions: tuple[Caution, ...] = ()

    def __post_init__(self) -> None:
        if self.labels.shape != self.geometry.shape or self.labels.dtype != np.uint8:
            raise ValueError(f"labels must be uint8 {self.geometry.shape}, got {self.labels.dtype} {self.labels.shape}")
        object.__setattr__(self, "labels", _read_only(self.labels))

    def level(self, level: Level) -> SegmentedLevel | None:
        """The outlined body of that level, or None when it is not in the mask."""
        return next((found for found in self.levels if found.level == level), None)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One level: geometry of the body, HU of its trabecular ROI, vBMD where it could be calibrated.

    ``regressed_mg_cm3`` (K2HPO4) is a network's estimate for the same level, for information only.
    ``height_loss`` is the largest loss of height as a share; it determines the grade.
    ``endplate_depression`` is the share by which the middle height is below that expected from the rims and normal
    shape; it indicates the cause (``suggested_cause``) and does not affect the grade. ``exclusions`` are all reasons
    why the level does not count, most important first.
    """

    level: Level
    voxels: int
    volume_ml: float
    roi_voxels: int = 0
    roi_volume_ml: float = 0.0
    mean_hu: float | None = None
    median_hu: float | None = None
    sd_hu: float | None = None
    vbmd_mg_cm3: Estimate | None = None
    regressed_mg_cm3: Estimate | None = None
    anterior_height_mm: float | None = None
    middle_height_mm: float | None = None
    posterior_height_mm: float | None = None
    fracture_grade: int | None = None
    height_loss: float | None = None
    endplate_depression: float | None = None
    suggested_cause: SuggestedCause = SuggestedCause.NOT_ASSESSED
    confidence: float | None = None
    exclusions: tuple[Exclusion, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclusions", by_weight(self.exclusions))

    @property
    def exclusion(self) -> Exclusion | None:
        """The most important reason why the level does not count, or None if it does."""
        return self.exclusions[0] if self.exclusions else None


@dataclass(frozen=True, kw_only=True)
class TissueSample:
    """HU of one calibration tissue found in the scan."""

    name: str
    mean_hu: float
    sd_hu: float
    area_mm2: float


@dataclass(frozen=True, kw_only=True)
class CalibrationTissues:
    """Tissues of the scan itself by name (fat, muscle, blood, air, cortical); absent if not found.

    ``water_path_cm``: water-equivalent path of X-rays through the spine, mean over directions; None if the body is cut.
    """

    samples: tuple[TissueSample, ...] = ()
    contrast_phase: ContrastPhase = ContrastPhase.UNKNOWN
    water_path_cm: float | None = None

    def sample(self, name: str) -> TissueSample | None:
        """The sample of that tissue, or None when it was not found."""
        return next((sample for sample in self.samples if sample.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """One named source of error common to all levels of a scan: SD of an offset (mg/cm3) and relative SD."""

    name: str
    offset_sd_mg_cm3: float = 0.0
    relative_sd: float = 0.0
    source: str = ""

    def sd_mg_cm3(self, vbmd_mg_cm3: float) -> float:
        """SD at that vBMD."""
        return float(np.hypot(self.offset_sd_mg_cm3, self.relative_sd * vbmd_mg_cm3))


@dataclass(frozen=True, kw_only=True)
class LevelLine:
    """vBMD = intercept + slope * HU for one vertebra, from phantom rods in its own slices."""

    level: Level
    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """vBMD = intercept + slope * HU + curvature * HU^2, with its origin; only effective energy has a curvature.

    ``residual_sd_mg_cm3`` is the scatter of one level about it at 100 mg/cm3 (calibration, scanner and patient
    together), and ``uncertainties`` are its named components if known separately; ``kvp`` is the tube voltage
    it applies to. ``kind`` is the calibration method. ``undone_offset_hu`` and ``undone_gain`` are HU errors estimated
    from the scan's own tissues; slope and intercept apply to the uncorrected HU of the scan.
    ``level_lines`` replace slope and intercept for vertebrae with their own line. ``lowest_mg_cm3`` and
    ``highest_mg_cm3`` are the range of the QCT pairs behind a site's own line, None if its table does not state it.
    """

    name: str
    kind: str
    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float
    residual_sd_mg_cm3: float
    kvp: float
    mineral: Mineral
    source: str
    vendor: Vendor | None = None
    manufacturer_model_name: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    curvature_mg_cm3_per_hu2: float = 0.0
    undone_offset_hu: float = 0.0
    undone_gain: float = 0.0
    uncertainties: tuple[Uncertainty, ...] = ()
    level_lines: tuple[LevelLine, ...] = ()
    lowest_mg_cm3: float | None = None
    highest_mg_cm3: float | None = None

    def of_level(self, level: Level) -> Calibration:
        """The calibration of one vertebra, with its own line if it has one."""
        for line in self.level_lines:
            if line.level == level:
                return replace(
                    self,
                    slope_mg_cm3_per_hu=line.slope_mg_cm3_per_hu,
                    intercept_mg_cm3=line.intercept_mg_cm3,
                    level_lines=(),
                )
        return self

    def vbmd_mg_cm3(self, hu: float) -> float:
        """vBMD at that HU."""
        return self.intercept_mg_cm3 + hu * (self.slope_mg_cm3_per_hu + hu * self.curvature_mg_cm3_per_hu2)

    def slope_at(self, hu: float) -> float:
        """mg/cm3 per HU at that HU."""
        return self.slope_mg_cm3_per_hu + 2.0 * self.curvature_mg_cm3_per_hu2 * hu


@dataclass(frozen=True, kw_only=True)
class ContrastCorrection:
    """A named shift of trabecular HU, its scatter among patients, and a possible remaining bias."""

    name: str
    shift_hu: float
    scatter_sd_hu: float
    possible_bias_hu: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The assessment of one series, with reasons in words."""

    category: Category
    mean_vbmd_mg_cm3: Estimate | None
    levels_used: tuple[Level, ...]
    mean_hu: float | None = None
    worst_fracture_grade: int | None = None
    is_flagged: bool = False
    flag_reason: str = ""
    calibration: Calibration | None = None
    correction: ContrastCorrection | None = None
    exclusion: Exclusion | None = None
    cautions: tuple[Caution, ...] = ()
    review_reasons: tuple[str, ...] = ()

    @property
    def corrections(self) -> tuple[str, ...]:
        """Names of the corrections applied to the HU that were calibrated."""
        return (self.correction.name,) if self.correction else ()


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesResult:
    """The complete result for one series with one set of models, settings and measuring code.

    ``is_read``: signed by a reader; it then takes precedence over the program's own result. ``has_rods``: rods,
    possibly of a phantom, lie under the back; None if nothing was measured.
    ``source_geometry`` is the original grid if it differs from ``geometry`` (`Volume.source_geometry`).
    """

    series: Series
    status: Status
    model_hash: str
    settings_hash: str
    geometry: Geometry | None = None
    source_geometry: Geometry | None = None
    segmentation: Segmentation | None = None
    tissues: CalibrationTissues | None = None
    measurements: tuple[Measurement, ...] = ()
    assessment: Assessment | None = None
    exclusions: tuple[Exclusion, ...] = ()
    cautions: tuple[Caution, ...] = ()
    contrast_phase: ContrastPhase = ContrastPhase.UNKNOWN
    seconds: float = 0.0
    finished_at: datetime | None = None
    failure: Failure | None = None
    measuring_version: str = MEASURING_VERSION
    is_read: bool = False
    has_rods: bool | None = None

    @property
    def mask_file(self) -> str:
        """Name of the mask in the store's media folder."""
        return f"{self.series.series_key}_{self.model_hash}_mask.nii.gz"


@dataclass(frozen=True, kw_only=True)
class ReferenceValue:
    """An imported QCT value for one patient and level (None for the patient's mean)."""

    patient_key: str
    level: Level | None
    vbmd_mg_cm3: float
    source: str
    mineral: Mineral = Mineral.K2HPO4
    is_simulated: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a person did: who, when, what, why, on which versions. Insert-only."""

    event_id: str
    kind: str
    series_key: str
    author: str
    at: datetime
    reason: str = ""
    payload_json: str = "{}"
    model_hash: str = ""
    settings_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error in code or machine while analyzing one series; the traceback names no patient."""

    series_key: str
    kind: str
    message: str
    traceback: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Found:
    """The result of `find`: eligible series, and excluded ones with the reason.

    ``superseded``: series of a store whose files, read again, belong to others. ``about_hashes``: by file, the keyed
    hash of its row in the table about files. ``rows_without_file``: lines of that table that match no file.
    """

    series: tuple[Series, ...] = ()
    excluded: tuple[tuple[Series, Exclusion], ...] = ()
    cautions: dict[str, tuple[Caution, ...]] = field(default_factory=dict)
    superseded: tuple[Series, ...] = ()
    about_hashes: dict[Path, str] = field(default_factory=dict)
    rows_without_file: tuple[int, ...] = ()


class Segmenter(Protocol):
    """An engine that outlines vertebral bodies."""

    name: str
    model_hash: str

    def segment(self, volume: Volume) -> Segmentation | Exclusion:
        """Outline and number the bodies; if none is found, the Segmentation is empty.

        An Exclusion if the engine cannot be used on this volume, such as a mask on a different grid.
        """
        ...


class Regressor(Protocol):
    """A model that estimates vBMD (mg/cm3 K2HPO4) from image crops; reported alongside the calibrated value."""

    name: str
    model_hash: str

    def regress(
        self,
        volume: Volume,
        segmentation: Segmentation,
        *,
        kvp: float,
        levels: Sequence[Level],
        phase: ContrastPhase = ContrastPhase.UNKNOWN,
    ) -> dict[Level, Estimate]:
        """One estimate for each of ``levels``, all outlined; none at a tube voltage outside the training data."""
        ...
