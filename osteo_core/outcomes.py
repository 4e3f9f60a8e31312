"""Exclusions (no answer, and why) and cautions (an answer, and what to keep in mind about it).

Each code has one sentence with the placeholders {found} and {limit}; a person reads this sentence
on screen, in Parquet and in the flow diagram. Sentences never name a patient.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from osteo_core.terms import Level, Step


class ExclusionCode(StrEnum):
    """Why a series, or one of its levels, has no answer."""

    # find
    NOT_CT = "not_ct"
    NOT_AN_IMAGE = "not_an_image"
    LOCALISER = "localiser"
    SECONDARY_CAPTURE = "secondary_capture"
    DERIVED = "derived"
    UNREADABLE = "unreadable"
    LABEL_MAP = "label_map"
    TOO_FEW_SLICES = "too_few_slices"
    TOO_THICK = "too_thick"
    TOO_FAR_APART = "too_far_apart"
    TOO_LITTLE_COVERAGE = "too_little_coverage"
    SHARP_KERNEL = "sharp_kernel"
    NOT_PREFERRED = "not_preferred"
    UNDER_AGE = "under_age"
    MIXED_PATIENTS = "mixed_patients"
    MIXED_VOLTAGE = "mixed_voltage"
    MIXED_SCANS = "mixed_scans"
    # read
    MIXED_ORIENTATION = "mixed_orientation"
    MIXED_GEOMETRY = "mixed_geometry"
    MISSING_SLICES = "missing_slices"
    UNEVEN_SPACING = "uneven_spacing"
    GANTRY_TILT = "gantry_tilt"
    SHEARED = "sheared"
    RESCALE_MISSING = "rescale_missing"
    GEOMETRY_MISSING = "geometry_missing"
    AMBIGUOUS_SLICES = "ambiguous_slices"
    NOT_HU = "not_hu"
    # segment
    NO_LUMBAR_LEVEL = "no_lumbar_level"
    BODY_TURNED = "body_turned"
    LEVEL_CUT = "level_cut"
    LEVEL_UNSURE = "level_unsure"
    NO_MASK = "no_mask"
    MASK_REFUSED = "mask_refused"
    # measure
    ROI_TOO_SMALL = "roi_too_small"
    METAL = "metal"
    CEMENT = "cement"
    STREAKS = "streaks"
    DARK_FOCUS = "dark_focus"
    SCLEROTIC_FOCUS = "sclerotic_focus"
    FRACTURED = "fractured"
    IMPLAUSIBLE_HU = "implausible_hu"
    IMPLAUSIBLE_BODY = "implausible_body"
    UNLIKE_OTHERS = "unlike_others"
    NOT_A_MEASURED_LEVEL = "not_a_measured_level"
    # calibrate
    NO_CALIBRATION = "no_calibration"
    NOT_PLAIN_CT = "not_plain_ct"
    # assess
    TOO_FEW_LEVELS = "too_few_levels"
    YOUNG = "too_young_for_category"
    LEVELS_DISAGREE = "levels_disagree"
    # read by a person
    READER_LEFT_OUT = "reader_left_out"
    READER_REJECTED = "reader_rejected"
    # engine
    KILLED_WORKER = "killed_worker"
    FAILED = "failed"


EXCLUSION_SENTENCES: dict[ExclusionCode, str] = {
    ExclusionCode.NOT_CT: "This series is {found}, not CT.",
    ExclusionCode.NOT_AN_IMAGE: "This file holds no image ({found}).",
    ExclusionCode.LOCALISER: "This series is a localiser, not a volume.",
    ExclusionCode.SECONDARY_CAPTURE: "This series is a secondary capture or report, not reconstructed CT.",
    ExclusionCode.DERIVED: "This series is derived ({found}); its HU may not be those of plain CT.",
    ExclusionCode.UNREADABLE: "The files could not be read: {found}.",
    ExclusionCode.LABEL_MAP: "This looks like a label map ({found}), not a CT in HU.",
    ExclusionCode.TOO_FEW_SLICES: "Too few slices: {found}; at least {limit} are needed.",
    ExclusionCode.TOO_THICK: "Slices are {found} mm thick; at most {limit} mm can be measured.",
    ExclusionCode.TOO_FAR_APART: "Slices lie {found} mm apart; at most {limit} mm can be measured.",
    ExclusionCode.TOO_LITTLE_COVERAGE: "The series covers {found} mm; at least {limit} mm are needed.",
    ExclusionCode.SHARP_KERNEL: "Kernel {found} is sharp and no site line names it, so vBMD is not given.",
    ExclusionCode.NOT_PREFERRED: "Another series of this study is preferred: {found}.",
    ExclusionCode.UNDER_AGE: "The patient is {found} years old; screening starts at {limit}.",
    ExclusionCode.MIXED_PATIENTS: "The files of this series name {found} patients; the patient cannot be determined.",
    ExclusionCode.MIXED_VOLTAGE: "The slices were taken at more than one tube voltage ({found} kV).",
    ExclusionCode.MIXED_SCANS: "The slices were acquired or reconstructed differently ({found}); "
    "no single calibration applies to all.",
    ExclusionCode.MIXED_ORIENTATION: "The slices have more than one orientation ({found}).",
    ExclusionCode.MIXED_GEOMETRY: "The slices differ in size or pixel spacing ({found}).",
    ExclusionCode.MISSING_SLICES: "Slices are missing: {found}.",
    ExclusionCode.UNEVEN_SPACING: "Slice positions are uneven: {found}; at most {limit} is allowed.",
    ExclusionCode.GANTRY_TILT: "The gantry is tilted by {found} degrees; at most {limit} are allowed.",
    ExclusionCode.SHEARED: "The axes of the grid are {found} degrees off right angles, in more than one plane.",
    ExclusionCode.RESCALE_MISSING: "Without rescale slope and intercept the values are not HU ({found}).",
    ExclusionCode.GEOMETRY_MISSING: "The files do not say where the slices lie ({found}).",
    ExclusionCode.AMBIGUOUS_SLICES: "Different slices have the same position ({found}).",
    ExclusionCode.NOT_HU: "The values are not HU: {found}; expected {limit}.",
    ExclusionCode.NO_LUMBAR_LEVEL: "No lumbar vertebra could be found and numbered ({found}).",
    ExclusionCode.BODY_TURNED: "The body lies turned against its header: {found}.",
    ExclusionCode.LEVEL_CUT: "The field of view cuts this vertebra ({found}).",
    ExclusionCode.LEVEL_UNSURE: "The level is not certain: confidence {found}, at least {limit} is needed.",
    ExclusionCode.NO_MASK: "Masks from elsewhere were to be used, and there is none of this series ({found}).",
    ExclusionCode.MASK_REFUSED: "The mask from elsewhere cannot be used: {found}.",
    ExclusionCode.ROI_TOO_SMALL: "The trabecular region is {found} ml; at least {limit} ml are needed.",
    ExclusionCode.METAL: "Metal lies in or beside this vertebra ({found}).",
    ExclusionCode.CEMENT: "Cement, or bone of similar density, lies inside this vertebra ({found}).",
    ExclusionCode.STREAKS: "Streaks or noise spread the HU of this vertebra ({found}; at most {limit} HU).",
    ExclusionCode.DARK_FOCUS: "Part of this vertebra is dark, like a haemangioma or lysis ({found}; limit {limit} HU).",
    ExclusionCode.SCLEROTIC_FOCUS: "Part of this vertebra is sclerotic ({found}; limit {limit} HU).",
    ExclusionCode.FRACTURED: "This vertebra looks fractured ({found}).",
    ExclusionCode.IMPLAUSIBLE_HU: "The trabecular HU are implausible: {found}; expected {limit}.",
    ExclusionCode.IMPLAUSIBLE_BODY: "The outline is not that of one body: {found}; expected are {limit}.",
    ExclusionCode.UNLIKE_OTHERS: "Its HU are unlike the other levels' ({found}; at most {limit} HU apart).",
    ExclusionCode.NOT_A_MEASURED_LEVEL: "{found} is outlined and described, but only L1-L4 count.",
    ExclusionCode.NO_CALIBRATION: "No calibration covers this scan: {found}. No vBMD is given.",
    ExclusionCode.NOT_PLAIN_CT: "Tissue HU are not those of plain CT ({found}); no line applies, and no vBMD is given.",
    ExclusionCode.TOO_FEW_LEVELS: "Usable lumbar levels: {found}; at least {limit} are needed for a category.",
    ExclusionCode.YOUNG: "At {found} no category by vBMD is given; categories apply from {limit} years.",
    ExclusionCode.LEVELS_DISAGREE: "The levels disagree ({found}; limit {limit} HU), so their mean has no category.",
    ExclusionCode.READER_LEFT_OUT: "The reader left this vertebra out: {found}.",
    ExclusionCode.READER_REJECTED: "The reader rejected this measurement: {found}.",
    ExclusionCode.KILLED_WORKER: "The worker was killed {found} times while analyzing this series.",
    ExclusionCode.FAILED: "The analysis failed: {found}. The series stays in the count; see the log.",
}


class CautionCode(StrEnum):
    """What to keep in mind about a value that is reported."""

    THICK_SLICES = "thick_slices"
    STEP_DIFFERS = "step_differs"
    DUPLICATE_SLICES = "duplicate_slices"
    IMAGES_LEFT_OUT = "images_left_out"
    SERIES_SPLIT = "series_split"
    SLICES_DIFFER = "slices_differ"
    POSITIONS_ROUNDED = "positions_rounded"
    WINDOW_CLIPPED = "window_clipped"
    AXES_SQUARED = "axes_squared"
    PADDING_REPLACED = "padding_replaced"
    TILT_CORRECTED = "tilt_corrected"
    TILT_DECLARED = "tilt_declared"
    LOSSY = "lossy"
    DERIVED = "derived"
    CONTRAST = "contrast"
    CONTRAST_UNDECLARED = "contrast_undeclared"
    CONTRAST_UNSEEN = "contrast_unseen"
    CONTRAST_UNKNOWN = "contrast_unknown"
    KERNEL_UNKNOWN = "kernel_unknown"
    HEADER_UNKNOWN = "header_unknown"
    HEADER_ODD = "header_odd"
    PATIENT_UNSURE = "patient_unsure"
    LEVELS_UNSURE = "levels_unsure"
    LEVELS_DISAGREE = "levels_disagree"
    LEVELS_DENSER = "levels_denser"
    PUBLISHED_LINE = "published_line"
    BODY_SIZE = "body_size"
    LINE_RANGE = "line_range"
    LINE_RANGE_CROSSED = "line_range_crossed"
    LINE_RANGE_UNKNOWN = "line_range_unknown"
    INTERVAL_CROSSES = "interval_crosses"
    LIMITS_MINERAL = "limits_mineral"
    LIMITS_MINERAL_CROSSED = "limits_mineral_crossed"
    Z_SCORE = "z_score"
    LOW_Z_SCORE = "low_z_score"
    AGE_UNKNOWN = "age_unknown"
    POSSIBLE_FRACTURE = "possible_fracture"
    HU_SHIFT = "hu_shift"
    NOT_PLAIN_CT = "not_plain_ct"
    MULTIENERGY = "multienergy"
    HEADER_DOUBTED = "header_doubted"
    UNLIKE_SCANNER = "unlike_scanner"
    REGRESSION_DISAGREES = "regression_disagrees"
    SIMULATED = "simulated"
    MASK_FROM_ELSEWHERE = "mask_from_elsewhere"
    MASK_ISLETS = "mask_islets"
    MASK_HOLES = "mask_holes"


CAUTION_SENTENCES: dict[CautionCode, str] = {
    CautionCode.THICK_SLICES: "Slices are {found} mm thick; up to {limit} mm is preferred.",
    CautionCode.STEP_DIFFERS: "Slice step and thickness differ ({found}).",
    CautionCode.DUPLICATE_SLICES: "Duplicate slices were dropped ({found}).",
    CautionCode.IMAGES_LEFT_OUT: "Images that are not slices of the volume were left out ({found}).",
    CautionCode.SERIES_SPLIT: "The series holds several stacks; this is one of them ({found}).",
    CautionCode.SLICES_DIFFER: "The slices differ in their headers; what most of them say counts ({found}).",
    CautionCode.POSITIONS_ROUNDED: "Slice positions are rounded to whole millimetres; the step is taken as {found}.",
    CautionCode.WINDOW_CLIPPED: "Values end at the bounds of a display window ({found}); values at a bound are not HU.",
    CautionCode.AXES_SQUARED: "The axes of the grid were {found} degrees off right angles and were squared.",
    CautionCode.PADDING_REPLACED: "Padding outside the field of view was replaced by air ({found}).",
    CautionCode.TILT_CORRECTED: "A gantry tilt of {found} degrees was corrected by resampling.",
    CautionCode.TILT_DECLARED: "The header declares a gantry tilt of {found} degrees that the slice positions lack.",
    CautionCode.LOSSY: "The images were compressed with loss ({found}); HU may have changed.",
    CautionCode.DERIVED: "The slices are a reformat of the scan ({found}).",
    CautionCode.CONTRAST: "Contrast medium raises trabecular HU, so the interval is wider ({found}).",
    CautionCode.CONTRAST_UNDECLARED: "The image looks enhanced, although no contrast is declared ({found}).",
    CautionCode.CONTRAST_UNSEEN: "The header declares contrast; none is seen in the image ({found}).",
    CautionCode.CONTRAST_UNKNOWN: "It is not known whether contrast was given ({found}), so the interval is wider.",
    CautionCode.KERNEL_UNKNOWN: "Kernel {found} is not known; HU noise and edges may differ.",
    CautionCode.HEADER_UNKNOWN: "Not stated in the file: {found}.",
    CautionCode.HEADER_ODD: "Header values do not conform to DICOM: {found}.",
    CautionCode.PATIENT_UNSURE: "Who was scanned is not certain: {found}.",
    CautionCode.LEVELS_UNSURE: "Levels need review: {found}.",
    CautionCode.LEVELS_DISAGREE: "Levels are more than {limit} HU apart, and no majority says which is odd: {found}.",
    CautionCode.LEVELS_DENSER: "Levels that count are denser than one they outvoted; they may be sclerotic: {found}.",
    CautionCode.PUBLISHED_LINE: "vBMD comes from a general line, not from one measured on this scanner: {found}.",
    CautionCode.BODY_SIZE: "The body is {found} of water thick; lines are known for {limit}, so the interval is wider.",
    CautionCode.LINE_RANGE: "The value lies outside the range of this line's pairs: {found}.",
    CautionCode.LINE_RANGE_CROSSED: "The value lies outside the range of this line's pairs: {found}.",
    CautionCode.LINE_RANGE_UNKNOWN: "The calibration table does not say over which vBMD this line was made: {found}.",
    CautionCode.INTERVAL_CROSSES: "The interval crosses a limit: {found}.",
    CautionCode.LIMITS_MINERAL: "The limits of the categories are for K2HPO4 and were not converted: {found}.",
    CautionCode.LIMITS_MINERAL_CROSSED: "The limits of the categories are for K2HPO4 and were not converted: {found}.",
    CautionCode.Z_SCORE: "In place of a category: {found}.",
    CautionCode.LOW_Z_SCORE: "In place of a category: {found}.",
    CautionCode.AGE_UNKNOWN: "The file does not state the age; categories apply from {limit} years.",
    CautionCode.POSSIBLE_FRACTURE: "Possible vertebral fracture: {found}.",
    CautionCode.HU_SHIFT: "HU of air or soft tissue are outside the expected range: {found}.",
    CautionCode.NOT_PLAIN_CT: "Tissue HU are not those of plain CT; this may be a spectral image: {found}.",
    CautionCode.MULTIENERGY: "Multi-energy scan; its header does not call this image the conventional one: {found}.",
    CautionCode.HEADER_DOUBTED: "The image does not fit its header: {found}.",
    CautionCode.UNLIKE_SCANNER: "Tissues are not as in the other series of this scanner: {found}.",
    CautionCode.REGRESSION_DISAGREES: "The network (trained on simulated patients only) gives a different vBMD: "
    "{found}. The calibrated value is kept.",
    CautionCode.SIMULATED: "Simulated patient: {found}.",
    CautionCode.MASK_FROM_ELSEWHERE: "Vertebrae and their levels are those of a mask from elsewhere ({found}), "
    "which states no confidence.",
    CautionCode.MASK_HOLES: "Holes inside a vertebra of the mask were filled ({found}).",
    CautionCode.MASK_ISLETS: "Islets of another number inside a vertebra of the mask were given its number ({found}).",
}


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """No answer, and why. ``level`` is None if the whole series is excluded."""

    code: ExclusionCode
    step: Step
    found: str = ""
    limit: str = ""
    level: Level | None = None

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return EXCLUSION_SENTENCES[self.code].format(found=self.found, limit=self.limit)


#: Reasons to exclude a level, the most important first: a reason that causes or hides others precedes them. A crushed
#: body is small because it is crushed, so the fracture precedes the size of its region.
_WEIGHTS = (
    ExclusionCode.READER_LEFT_OUT,
    ExclusionCode.LEVEL_CUT,
    ExclusionCode.NOT_A_MEASURED_LEVEL,
    ExclusionCode.LEVEL_UNSURE,
    ExclusionCode.IMPLAUSIBLE_BODY,
    ExclusionCode.METAL,
    ExclusionCode.CEMENT,
    ExclusionCode.FRACTURED,
    ExclusionCode.ROI_TOO_SMALL,
    ExclusionCode.IMPLAUSIBLE_HU,
    ExclusionCode.STREAKS,
    ExclusionCode.SCLEROTIC_FOCUS,
    ExclusionCode.DARK_FOCUS,
    ExclusionCode.UNLIKE_OTHERS,
)


def by_weight(reasons: Iterable[Exclusion]) -> tuple[Exclusion, ...]:
    """Reasons to exclude one level, the most important first: that is the one shown where there is room for one."""
    weights = {code: weight for weight, code in enumerate(_WEIGHTS)}
    return tuple(sorted(reasons, key=lambda reason: weights.get(reason.code, len(weights))))


@dataclass(frozen=True, kw_only=True)
class Caution:
    """Something to keep in mind about a value that is reported."""

    code: CautionCode
    step: Step
    found: str = ""
    limit: str = ""
    level: Level | None = None

    @property
    def sentence(self) -> str:
        """The caution in words."""
        return CAUTION_SENTENCES[self.code].format(found=self.found, limit=self.limit)
