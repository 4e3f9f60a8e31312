"""Every clinical or quality limit: value, unit, source, date, and what happens beyond it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit. ``source`` says who set it; 'design' means this project did, and may be argued with."""

    value: float
    unit: str
    source: str
    date: str
    beyond: str


OSTEOPOROSIS_BELOW = Limit(
    value=80.0,
    unit="mg/cm3",
    source="ACR practice parameter / ISCD; Chinese radiological guideline 2018",
    date="2018",
    beyond="category osteoporosis",
)
OSTEOPOROSIS_BELOW_EAST_ASIAN_WOMEN = Limit(
    value=50.0,
    unit="mg/cm3",
    source="Wang 2024, Skeletal Radiol 53:1473: 45-50 for older East Asian women",
    date="2024",
    beyond="not used unless osteoporosis_below_mg_cm3 is set to it",
)
LOW_FOR_AGE_Z = Limit(
    value=-2.0,
    unit="SD",
    source="ISCD 2019: at or below -2.0 is below the expected range for age",
    date="2019",
    beyond="a review reason in those too young for a category",
)
NORMAL_ABOVE = Limit(
    value=120.0,
    unit="mg/cm3",
    source="ACR practice parameter / ISCD; Chinese radiological guideline 2018",
    date="2018",
    beyond="category normal; from 80 to 120, both ends included, low bone mass",
)
CATEGORY_AGE_FROM = Limit(
    value=50.0,
    unit="years",
    source="ACR / ISCD: postmenopausal women and men from 50",
    date="2019",
    beyond="below: no category, a caution instead",
)
MINIMUM_LEVELS = Limit(
    value=2,
    unit="levels",
    source="ACR / ISCD: mean of two lumbar bodies",
    date="2019",
    beyond="fewer: not reportable",
)
THICKNESS_PREFERRED = Limit(
    value=3.0,
    unit="mm",
    source="project design: QCT protocols use 1-3 mm, abdominal CT up to 5 mm",
    date="2026-11-24",
    beyond="a caution",
)
THICKNESS_MAXIMUM = Limit(
    value=5.0,
    unit="mm",
    source="project design: QCT protocols use 1-3 mm, abdominal CT up to 5 mm",
    date="2026-11-24",
    beyond="excluded",
)
MINIMUM_SLICES = Limit(
    value=10,
    unit="slices",
    source="design: fewer cannot hold a vertebral body and its endplates",
    date="2026-11-24",
    beyond="excluded",
)
MINIMUM_COVERAGE = Limit(
    value=30.0,
    unit="mm",
    source="design: about one lumbar body with its discs",
    date="2026-11-24",
    beyond="excluded",
)
STEP_UNEVENNESS = Limit(
    value=0.1,
    unit="of the median step",
    source="design",
    date="2026-11-24",
    beyond="excluded as uneven",
)
GANTRY_TILT_IGNORED = Limit(
    value=0.5,
    unit="degrees",
    source="design",
    date="2026-11-24",
    beyond="corrected by resampling, with a caution",
)
GANTRY_TILT_MAXIMUM = Limit(
    value=30.0,
    unit="degrees",
    source="design: CT gantries tilt to 30 degrees",
    date="2026-11-24",
    beyond="excluded",
)
ROI_MINIMUM = Limit(
    value=1.0,
    unit="ml",
    source="project design after ACR practice for QCT (general knowledge, verify)",
    date="2026-11-24",
    beyond="level excluded",
)
ROI_SURFACE_MARGIN = Limit(
    value=4.5,
    unit="mm",
    source="opportunistic CT tools erode 2-5 mm (general knowledge, verify)",
    date="2026-11-24",
    beyond="nearer to the body's surface: not trabecular region",
)
ROI_ENDPLATE_MARGIN = Limit(
    value=5.0,
    unit="mm",
    source="design: endplate, its slice blur up to 5 mm slices, and the mask's error",
    date="2026-11-24",
    beyond="nearer to an endplate: not trabecular region",
)
ROI_POSTERIOR_SHARE = Limit(
    value=0.33,
    unit="of the body's depth",
    source="anterior half to two thirds, as QCT regions lie (ACR practice; general knowledge, verify)",
    date="2026-11-24",
    beyond="further back: not trabecular region",
)
METAL_VOLUME = Limit(
    value=0.02,
    unit="ml",
    source="design: more than a few stray voxels",
    date="2026-11-24",
    beyond="level excluded as metal",
)
CEMENT_HU = Limit(
    value=700.0,
    unit="HU",
    source="design: bone cement with barium or zirconium is 1000-2500 HU, trabecular bone at 80 kVp up to 500",
    date="2026-11-25",
    beyond="counts as cement where it lies in the trabecular region",
)
CEMENT_VOLUME = Limit(
    value=0.2,
    unit="ml",
    source="design: more than cortex that a wrong outline lets in",
    date="2026-11-25",
    beyond="level excluded as cemented",
)
ROI_SD_MAXIMUM = Limit(
    value=150.0,
    unit="HU about the mean over 5 mm",
    source="design: noise and texture of soft and standard kernels stay below 90 HU",
    date="2026-11-25",
    beyond="level excluded for streaks",
)
DARK_FOCUS_HU = Limit(
    value=80.0,
    unit="HU below the region's median, mean over 5 mm",
    source="design: noise and texture average to 10-15 HU over 5 mm",
    date="2026-11-25",
    beyond="counts as a dark focus",
)
SCLEROTIC_FOCUS_HU = Limit(
    value=120.0,
    unit="HU above the region's median, mean over 5 mm",
    source="design: noise and texture average to 10-15 HU over 5 mm; endplates reach in a little",
    date="2026-11-25",
    beyond="counts as a sclerotic focus",
)
FOCUS_VOLUME = Limit(
    value=0.5,
    unit="ml",
    source="design: a twentieth of a lumbar region; smaller ones hardly move a median",
    date="2026-11-25",
    beyond="level excluded as focal",
)
ENHANCED_BLOOD_HU = Limit(
    value=90.0,
    unit="HU",
    source="design: native blood lies at 35-65 HU",
    date="2026-11-24",
    beyond="blood or kidney as bright as this: enhanced",
)
ARTERIAL_BLOOD_HU = Limit(
    value=230.0,
    unit="HU",
    source="design, to be checked on simulated and real phases",
    date="2026-11-24",
    beyond="aorta as bright as this where no cava is seen: arterial",
)
PORTAL_BLOOD_HU = Limit(
    value=95.0,
    unit="HU",
    source="design: 113 HU in the weakest simulated portal venous scan; what is delayed is told by ratios",
    date="2026-11-25",
    beyond="below: arterial or portal venous is not named; enhanced, phase unknown",
)
PORTAL_RATIO = Limit(
    value=0.65,
    unit="enhancement of cava over aorta",
    source="design: nearly alike in the portal venous phase, at every tube voltage",
    date="2026-11-24",
    beyond="below: not portal venous; below two thirds of it arterial",
)
DELAYED_BLOOD_HU = Limit(
    value=70.0,
    unit="HU",
    source="design: blood minutes after the injection is weakly enhanced while the kidneys still are",
    date="2026-11-25",
    beyond="below, beside an enhanced kidney: enhanced, phase unknown",
)
DELAYED_RATIO = Limit(
    value=1.7,
    unit="enhancement of kidney over aorta",
    source="design: 0.9 to 1.6 portal venous in simulated scans; blood falls faster than the kidneys do",
    date="2026-11-25",
    beyond="at or above, where the cava is as enhanced as the aorta: delayed",
)
AIR_HU_LOW = Limit(
    value=-1030.0,
    unit="HU",
    source="design: air is -1000 HU by definition",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
AIR_HU_HIGH = Limit(
    value=-940.0,
    unit="HU",
    source="design: scatter near the skin raises air",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
FAT_HU_LOW = Limit(
    value=-130.0,
    unit="HU",
    source="adipose tissue by NIST attenuation: -90 at 80 kVp to -68 at 140 kVp, and scanners beyond",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
FAT_HU_HIGH = Limit(
    value=-60.0,
    unit="HU",
    source="adipose tissue by NIST attenuation: -90 at 80 kVp to -68 at 140 kVp, and scanners beyond",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
LEVEL_DIFFERENCE_HU = Limit(
    value=60.0,
    unit="HU",
    source="design: levels of one patient differ by about 10 HU; sclerosis and haemangioma by more",
    date="2026-11-24",
    beyond="level excluded as unlike the others",
)
BODY_HEIGHT_MINIMUM = Limit(
    value=5.0,
    unit="mm",
    source="design: a vertebra plana keeps 5-10 mm; less is a torn outline",
    date="2026-11-25",
    beyond="lower: level excluded and not graded, the outline is torn",
)
BODY_HEIGHT_MAXIMUM = Limit(
    value=40.0,
    unit="mm",
    source="design: lumbar bodies are 24-34 mm high; more is two bodies in one outline",
    date="2026-11-24",
    beyond="level excluded",
)
MASK_ON_BONE = Limit(
    value=0.7,
    unit="probability",
    source="four real series: masks in place 0.78-0.91, mirrored 0.50-0.71, 10 mm off 0.54-0.75",
    date="2026-11-25",
    beyond="below: mask from elsewhere refused",
)
LEVEL_CONFIDENCE = Limit(
    value=0.5,
    unit="probability",
    source="design, to be calibrated",
    date="2026-11-24",
    beyond="below: level excluded and marked for review",
)
TRABECULAR_HU_LOW = Limit(
    value=-100.0,
    unit="HU",
    source="design: fatty marrow without mineral",
    date="2026-11-24",
    beyond="level excluded",
)
TRABECULAR_HU_HIGH = Limit(
    value=500.0,
    unit="HU",
    source="design: above lies sclerosis, cement or metal",
    date="2026-11-24",
    beyond="level excluded",
)
METAL_HU = Limit(
    value=2500.0,
    unit="HU",
    source="design: above cortical bone",
    date="2026-11-24",
    beyond="level excluded as metal",
)
POSSIBLE_FRACTURE_LOSS = Limit(
    value=0.20,
    unit="of the height",
    source="Genant 1993, grade 1",
    date="1993",
    beyond="possible fracture",
)
HEIGHT_STEP_TRUSTED = Limit(
    value=3.0,
    unit="mm",
    source="design: heights err twice as much on simulated 5 mm slices as on 2-3 mm ones",
    date="2026-11-25",
    beyond="a thicker step along the spine: each mm more takes 1 % off a loss before it is graded",
)
MODERATE_FRACTURE_LOSS = Limit(
    value=0.25,
    unit="of the height",
    source="Genant 1993, grade 2",
    date="1993",
    beyond="fracture grade 2",
)
HEIGHT_LOSS_ERROR = Limit(
    value=0.03,
    unit="of the height",
    source="design: measured losses err by 0.04 (SD, simulated 2-3 mm slices); 0.03 finds every grade 2 and 3 (29 of "
    "29) that 0.04 finds, and takes 9 of 21 of grade 1 for grade 2 in place of 15",
    date="2026-11-26",
    beyond="a loss this little below a boundary is graded as having reached it (grades 1 and 2)",
)
ENDPLATE_DEPRESSION = Limit(
    value=0.10,
    unit="of the middle height",
    source="design, after the algorithm-based qualitative reading (Jiang 2004): depressed central endplates",
    date="2026-11-25",
    beyond="beside a height loss: suggests an osteoporotic fracture; the grade stays",
)
SEVERE_FRACTURE_LOSS = Limit(
    value=0.40,
    unit="of the height",
    source="Genant 1993, grade 3",
    date="1993",
    beyond="fracture grade 3",
)


DARKEST_HU = Limit(
    value=-40.0,
    unit="HU",
    source="design: every trunk holds fat (-60 and below) in more than a hundredth of its volume",
    date="2026-11-24",
    beyond="excluded: the values are not HU",
)
SOFT_TISSUE_HU_LOW = Limit(
    value=-20.0,
    unit="HU",
    source="design: water is 0 HU by definition; muscle 50-65, organs 30-60, fatty muscle of old age below",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
SOFT_TISSUE_HU_HIGH = Limit(
    value=120.0,
    unit="HU",
    source="design: enhanced liver and spleen reach about 120",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
ADULT_AGE_FROM = Limit(
    value=18.0,
    unit="years",
    source="design: growth plates and paediatric vBMD have other norms",
    date="2026-11-24",
    beyond="excluded",
)
REVIEW_WORKING_DAYS = Limit(
    value=5,
    unit="working days from the flag",
    source="design: one week on a list",
    date="2026-11-25",
    beyond="the review of a flag is overdue",
)
ASSESSMENT_WEEKS = Limit(
    value=12,
    unit="weeks from the flag",
    source="IOF, FFN and NOF key performance indicators 3-5, Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="assessment, DXA or falls assessment is overdue",
)
TREATMENT_WEEKS = Limit(
    value=16,
    unit="weeks from the flag",
    source="IOF, FFN and NOF key performance indicators 7-9, Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="start of treatment or its first contact is overdue",
)
PERSISTENCE_WEEKS = Limit(
    value=52,
    unit="weeks from the flag",
    source="IOF, FFN and NOF key performance indicator 10, Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="the contact at 12 months is overdue",
)
INDICATOR_RED_BELOW = Limit(
    value=0.50,
    unit="share of the patients whose clock has run out",
    source="Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="below: red",
)
INDICATOR_GREEN_ABOVE = Limit(
    value=0.80,
    unit="share of the patients whose clock has run out",
    source="Javaid 2020, Osteoporos Int 31:1193",
    date="2020",
    beyond="above: green, else amber; for advice of treatment green begins at 0.50",
)
DRIFT_STEP = Limit(
    value=0.05,
    unit="of the quantity's mean",
    source="design: as much as scanners differ from each other (RMS-CV 4.9 %)",
    date="2026-11-25",
    beyond="the step in slope that the drift charts are tuned to find",
)
DRIFT_FALSE_ALARMS = Limit(
    value=0.8,
    unit="false alarms a scanner-year, all charts together",
    source="design: under one a scanner-year",
    date="2026-11-25",
    beyond="sets the limits of the drift charts",
)
DRIFT_WARM_UP = Limit(
    value=200,
    unit="patients of one scanner",
    source="design: the baseline's mean is then known to 7 % of one patient's SD",
    date="2026-11-25",
    beyond="fewer before a day: it is not judged",
)


def all_limits() -> dict[str, Limit]:
    """All limits by name, for the settings page and the tests."""
    from osteo_core import limits_calibration  # it takes Limit from here

    return {n: v for n, v in {**globals(), **vars(limits_calibration)}.items() if isinstance(v, Limit)}
