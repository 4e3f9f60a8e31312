"""Answers of the services: records that pages draw, independent of tables and queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from osteo_core.records import Estimate
from osteo_core.terms import Category, Level, Sex, Step


@dataclass(frozen=True, kw_only=True)
class CohortNumbers:
    """The cohort as numbers of series, and of patients where stated; ``read``: by a signed read."""

    series: int = 0
    patients: int = 0
    measured: int = 0
    categorised: int = 0
    excluded: int = 0
    failed: int = 0
    waiting: int = 0
    flagged: int = 0
    for_review: int = 0
    to_review: int = 0
    overdue: int = 0
    simulated: int = 0
    read: int = 0


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason for leaving series out, how often it occurred, in words."""

    code: str
    words: str
    count: int


class BoxKind(StrEnum):
    """Which series a box of the flow holds (db/queries/flow_series.sql)."""

    FOUND = "found"
    PROCESSED = "processed"
    WAITING = "waiting"
    LEFT_OUT = "left out"
    GOES_ON = "goes on"
    CATEGORY = "category"


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box of the flow: its kind, the steps it is about, and a reason's code or a category."""

    kind: BoxKind
    steps: tuple[str, ...] = ()
    code: str = ""

    def to_query(self) -> str:
        """The box in an address, as 'left out: run: failed'; ``from_query`` reads it back equal."""
        return ": ".join((self.kind.value, ",".join(self.steps), self.code)).rstrip(": ")

    @classmethod
    def from_query(cls, text: str) -> Box | None:
        """The box named in an address, None for an unknown one."""
        kind, steps, code = [*text.split(": "), "", ""][:3]
        if kind not in set(BoxKind) or not set(filter(None, steps.split(","))) <= set(Step):
            return None
        return cls(kind=BoxKind(kind), steps=tuple(filter(None, steps.split(","))), code=code)


@dataclass(frozen=True, kw_only=True)
class FlowStep:
    """One step of the flow: how many series came in and were left out, and why."""

    step: str
    entered: int
    left_out: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class FlowEnd:
    """Series of one category: how many are flagged, and how many have a QCT value of the patient."""

    category: Category
    count: int
    flagged: int
    with_qct: int


@dataclass(frozen=True, kw_only=True)
class Flow:
    """The flow from all series found to those with a category; ``waiting`` ones are not analyzed yet.

    ``levels`` are single levels left out within measured series.
    """

    found: int
    left_out: int
    waiting: int
    categorised: int
    steps: tuple[FlowStep, ...]
    ends: tuple[FlowEnd, ...] = ()
    levels: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OtherSeries:
    """Another series of the same patient, in words."""

    series_key: str
    words: str
    study_date: date | None = None
    mean_vbmd_mg_cm3: float | None = None


@dataclass(frozen=True, kw_only=True)
class LevelRow:
    """One level of one series; ``reason`` says why it does not count.

    ``regressed_mg_cm3`` is a network's reading beside the calibrated value; None where there is none.
    ``suggested_cause`` is what the endplates suggest, ``reader_cause`` the latest reading and ``read_by`` its author
    and time; empty if there is none.
    """

    level: Level
    vbmd_mg_cm3: Estimate | None
    regressed_mg_cm3: Estimate | None
    median_hu: float | None
    sd_hu: float | None
    roi_volume_ml: float | None
    heights_mm: tuple[float | None, float | None, float | None]
    fracture_grade: int | None
    height_loss: float | None
    endplate_depression: float | None
    suggested_cause: str
    reader_cause: str
    read_by: str
    confidence: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Tissue:
    """HU of one calibration tissue; ``why_not`` says why it is not used for calibration, '' if it is usable."""

    name: str
    mean_hu: float
    sd_hu: float
    area_mm2: float
    why_not: str

    @property
    def words(self) -> str:
        """'fat -104 HU', with why it is not used."""
        return f"{self.name} {self.mean_hu:.0f} HU" + (f" ({self.why_not})" if self.why_not else "")

    @property
    def spread(self) -> str:
        """'−104 ± 9 HU'."""
        return f"{self.mean_hu:.0f} ± {self.sd_hu:.0f} HU".replace("-", "−")


@dataclass(frozen=True, kw_only=True)
class PatientView:
    """Everything the patient's page shows of one series; ``status`` is a Status or 'waiting' for its analysis."""

    series_key: str
    patient_key: str
    status: str
    is_simulated: bool
    is_flagged: bool
    flag_reason: str
    category: Category | None
    mean_vbmd_mg_cm3: Estimate | None
    levels_used: tuple[Level, ...]
    worst_fracture_grade: int | None
    contrast_phase: str
    age_years: float | None
    sex: Sex
    vendor: str
    scanner: str
    study_date: date | None
    scan: str
    preference_reason: str
    calibration: str
    calibration_source: str
    mineral: str
    corrections: tuple[str, ...]
    anchor: str
    engine: str
    tissues: tuple[Tissue, ...]
    model_hash: str
    settings_hash: str
    finished_at: datetime | None
    seconds: float
    levels: tuple[LevelRow, ...] = ()
    exclusions: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    review_reasons: tuple[str, ...] = ()
    other_series: tuple[OtherSeries, ...] = ()
    mask_file: str = ""
    files: tuple[Path, ...] = ()
    file_stamps: tuple[tuple[int, int], ...] = ()
    stack_label: str = ""
    follow_state: str = ""
    is_read: bool = False
    has_rods: bool = False
    result_id: str = ""
    measuring_version: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """A model as the about page shows it."""

    name: str
    purpose: str
    sha256: str
    card: str
