"""Records of one simulated patient: the truth before scanning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osteo_core.simulate.scanners import Acquisition
from osteo_core.terms import ContrastPhase, Level, Sex


class FractureKind(StrEnum):
    """Shape of a vertebral fracture (Genant 1993)."""

    WEDGE = "wedge"
    BICONCAVE = "biconcave"
    CRUSH = "crush"


class Situation(StrEnum):
    """What the study holds besides, or in place of, a series that can be measured."""

    PLAIN = "plain"
    LOCALISER = "localiser besides"
    DOSE_REPORT = "dose report besides"
    THICK_BESIDES = "thick reconstruction besides"
    SHARP_BESIDES = "sharp kernel besides"
    THICK_ONLY = "thick slices only"
    SHARP_ONLY = "sharp kernel only"
    THORAX_ONLY = "thorax only"


class FieldOfView(StrEnum):
    """Which part of the body the series shows."""

    ABDOMEN_PELVIS = "abdomen and pelvis"
    UPPER_ABDOMEN = "upper abdomen"
    LUMBAR_SPINE = "lumbar spine"
    THORAX = "thorax"


@dataclass(frozen=True, kw_only=True)
class Fracture:
    """A vertebral fracture: kind, Genant grade 1-3 and its largest height loss as a share (0-1)."""

    kind: FractureKind
    grade: int
    loss: float


@dataclass(frozen=True, kw_only=True)
class SimulatedLevel:
    """One vertebra: outer dimensions of its body in mm and the hydroxyapatite in it.

    `reading.true_vbmd` gives its QCT reading, which depends on phantom, beam and marrow.

    ``width_mm`` and ``depth_mm`` are those of the endplates; heights include the cortex and lie in the
    mid-sagittal plane at the anterior rim, the middle and the posterior rim.
    """

    level: Level
    width_mm: float
    depth_mm: float
    anterior_height_mm: float
    middle_height_mm: float
    posterior_height_mm: float
    disc_below_mm: float
    ha_mg_cm3: float
    fracture: Fracture | None = None
    osteophyte_mm: float = 0.0
    sclerosis_hu: float = 0.0
    cement_ml: float = 0.0
    screws: bool = False


@dataclass(frozen=True, kw_only=True)
class Habitus:
    """Size and composition of the body; widths in mm, marrow fat as a volume fraction."""

    height_cm: float
    bmi: float
    trunk_width_mm: float
    trunk_depth_mm: float
    fat_thickness_mm: float
    muscle_share: float
    muscle_fat: float
    fat_density_factor: float
    marrow_fat: float
    calcification: float


@dataclass(frozen=True, kw_only=True)
class SpineShape:
    """Curves of the spine in degrees: sacral slope, lordosis L1-S1, and scoliosis with its side (+1 left).

    ``last_rib``: the lowest level with ribs, T12 except in people with an unusual number of vertebrae.
    """

    sacral_slope_deg: float
    lordosis_deg: float
    scoliosis_deg: float
    scoliosis_side: int
    turn_deg: float
    last_rib: Level = Level.T12


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Intravenous contrast: phase, rise in HU at 120 kVp of vessels, urine and trabecular marrow, declared or not."""

    phase: ContrastPhase
    aorta_hu: float = 0.0
    vein_hu: float = 0.0
    liver_hu: float = 0.0
    spleen_hu: float = 0.0
    kidney_hu: float = 0.0
    urine_hu: float = 0.0
    muscle_hu: float = 0.0
    marrow_hu: float = 0.0
    declared: bool = True


#: Base round a phantom's rods, mm.
BASE_MARGIN_MM = 7.0


class Support(StrEnum):
    """What lies between the patient and the table."""

    PHANTOM = "phantom"
    PAD = "pad"
    BOARD = "spine board"
    LEADS = "ECG leads"


@dataclass(frozen=True, kw_only=True)
class UnderBack:
    """One object under the back.

    ``phantom``: name of the phantom whose rods lie there, the first on the patient's right or, if ``is_turned_round``,
    on the left. ``lean``: slope of the rods against the table's axis (dx/dz, dy/dz); ``turn_deg``: rotation of the row
    in the axial plane; ``middle_mm``: distance of the phantom's middle to the left.
    """

    support: Support
    phantom: str = ""
    is_turned_round: bool = False
    spacing_mm: float = 30.0
    radius_mm: float = 9.0
    middle_mm: float = 0.0
    lean: tuple[float, float] = (0.0, 0.0)
    turn_deg: float = 0.0

    @property
    def thickness_mm(self) -> float:
        """Distance in mm by which the patient is lifted from the table."""
        thick = {Support.PAD: 25.0, Support.BOARD: 38.0, Support.LEADS: 4.0}
        return thick.get(self.support, 2 * (self.radius_mm + BASE_MARGIN_MM) + 4.0)


@dataclass(frozen=True, kw_only=True)
class SimulatedPatient:
    """An invented patient, and how it was scanned. ``seed`` reproduces everything.

    ``lying`` counts the repositionings on that day: position on the table and noise are drawn anew for each.
    ``under_back``: the object between the back and the table, None if there is none.
    """

    seed: int
    patient_id: str
    sex: Sex
    age_years: int
    habitus: Habitus
    spine: SpineShape
    levels: tuple[SimulatedLevel, ...]
    contrast: Contrast
    acquisition: Acquisition
    field_of_view: FieldOfView
    situation: Situation
    study_day: int
    lying: int = 0
    under_back: UnderBack | None = None

    def level(self, level: Level) -> SimulatedLevel:
        """The vertebra of that level; KeyError if it was not simulated."""
        for found in self.levels:
            if found.level == level:
                return found
        raise KeyError(f"level {level.name} is not simulated; simulated are {[one.level.name for one in self.levels]}")
