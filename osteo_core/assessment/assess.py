"""The assessment of one series: category, flag, cautions and review reasons, each in words.

Rule for the patient's value: the mean of all sound levels of L1-L4, at least two (ACR and ISCD practice for QCT);
the levels used are always reported. If they disagree and no majority shows which is odd, the interval is wide, and no
category is given unless the whole interval lies in one. Below the age limit a Z-score replaces the category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteo_core.assessment.second_reading import disagreements
from osteo_core.assessment.wording import (
    crossing_in_words,
    fractures_in_words,
    mean_in_words,
    osteoporosis_in_words,
    z_in_words,
)
from osteo_core.assessment.zscore import NORM_NAME, z_score
from osteo_core.density.alike import others_median_hu, unlike_levels
from osteo_core.density.calibration.apply import mean_vbmd
from osteo_core.limits.acquisition import KVP_TOLERANCE
from osteo_core.limits.category import HA_OVER_K2HPO4, LOW_FOR_AGE_Z, MINIMUM_LEVELS
from osteo_core.limits.region import LEVEL_DIFFERENCE_HU
from osteo_core.limits.vertebra import LEVEL_CONFIDENCE
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Assessment, Calibration, ContrastCorrection, Estimate, Measurement, Series
from osteo_core.settings import Settings
from osteo_core.terms import MASK_LEVELS, MEASURED_LEVELS, Anchor, Category, Level, Mineral, Step

#: Cautions that a person should review, with the wording of the review reason.
_REVIEWED: dict[CautionCode, str] = {
    CautionCode.CONTRAST_UNDECLARED: "contrast seen though not declared",
    CautionCode.CONTRAST_UNSEEN: "contrast declared but not seen",
    CautionCode.HU_SHIFT: "HU of air or soft tissue are outside the expected range",
    CautionCode.NOT_PLAIN_CT: "tissues are not as plain CT shows them",
    CautionCode.MULTIENERGY: "multi-energy scan, kind of image not said",
    CautionCode.HEADER_DOUBTED: "the image does not fit its header",
    CautionCode.UNLIKE_SCANNER: "tissues are unlike the scanner's other series",
    CautionCode.LEVELS_UNSURE: "levels need a second look",
    CautionCode.LEVELS_DENSER: "levels that count are denser than one left out",
    CautionCode.REGRESSION_DISAGREES: "the network's vBMD differs from the calibrated value",
    CautionCode.LINE_RANGE_CROSSED: "outside the range of this line's pairs",
    CautionCode.LIMITS_MINERAL_CROSSED: "limits are for K2HPO4, the value is not",
}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Results of the earlier steps: levels, calibration (or why there is none), contrast correction, cautions."""

    measurements: tuple[Measurement, ...]
    calibration: Calibration | Exclusion
    correction: ContrastCorrection | None = None
    anchor: Anchor = Anchor.BOTH
    cautions: tuple[Caution, ...] = ()


def assess(series: Series, evidence: Evidence, *, settings: Settings) -> Assessment:
    """The assessment of one series; NOT_REPORTABLE always has an exclusion that states the reason."""
    sound = sound_levels(evidence.measurements)
    mean = _mean(sound, evidence)
    exclusion = _no_category(series, sound, evidence, settings=settings)
    category = Category.NOT_REPORTABLE
    cautions = (*_level_cautions(evidence), *_disagreeing_levels(sound), *_denser_levels(sound, evidence))
    if mean is not None and exclusion is None:
        category = category_of(mean.value, settings)
        cautions += (*_crossings(mean, settings), *_mineral_cautions(mean, evidence, settings))
        cautions += _age_cautions(series, settings)
    if mean is not None and exclusion is not None and exclusion.code is ExclusionCode.YOUNG:
        cautions += (_z_caution(series, mean, evidence),)
    if isinstance(evidence.calibration, Calibration):
        cautions += _range_cautions(mean, evidence.calibration, settings)
        cautions += disagreements(sound, mean, mineral=evidence.calibration.mineral)
    assessment = Assessment(
        category=category,
        mean_vbmd_mg_cm3=mean,
        levels_used=tuple(m.level for m in sound),
        mean_hu=float(np.mean([m.median_hu for m in sound])) if sound else None,
        worst_fracture_grade=_worst_grade(evidence.measurements),
        calibration=evidence.calibration if isinstance(evidence.calibration, Calibration) else None,
        correction=evidence.correction,
        exclusion=exclusion,
        cautions=cautions,
    )
    assessment = _with_flag(assessment, evidence.measurements, settings=settings)
    return replace(assessment, review_reasons=_review_reasons(assessment, evidence))


def sound_levels(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """The levels of L1-L4 that have HU and no exclusion."""
    return tuple(
        m for m in measurements if m.level in MEASURED_LEVELS and m.exclusion is None and m.median_hu is not None
    )


def category_of(vbmd_mg_cm3: float, settings: Settings) -> Category:
    """Category by the configured limits, both of which belong to low bone mass."""
    if vbmd_mg_cm3 < settings.osteoporosis_below_mg_cm3:
        return Category.OSTEOPOROSIS
    return Category.NORMAL if vbmd_mg_cm3 > settings.normal_above_mg_cm3 else Category.LOW_BONE_MASS


def _mean(sound: Sequence[Measurement], evidence: Evidence) -> Estimate | None:
    if len(sound) < MINIMUM_LEVELS.value or isinstance(evidence.calibration, Exclusion):
        return None
    return mean_vbmd(sound, evidence.calibration, evidence.correction)


def _no_category(
    series: Series, sound: Sequence[Measurement], evidence: Evidence, *, settings: Settings
) -> Exclusion | None:
    if len(sound) < MINIMUM_LEVELS.value:
        return Exclusion(
            code=ExclusionCode.TOO_FEW_LEVELS,
            step=Step.ASSESS,
            found=str(len(sound)),
            limit=f"{MINIMUM_LEVELS.value:g}",
        )
    if isinstance(evidence.calibration, Exclusion):
        return evidence.calibration
    if series.kvp is None or abs(series.kvp - evidence.calibration.kvp) > KVP_TOLERANCE.value:
        scanned = f"{series.kvp:g} kVp" if series.kvp is not None else "an unknown voltage"
        found = f"scanned at {scanned}, the line {evidence.calibration.name} holds at {evidence.calibration.kvp:g} kVp"
        return Exclusion(code=ExclusionCode.NO_CALIBRATION, step=Step.ASSESS, found=found)
    disagreeing = _disagreeing_levels(sound)
    if disagreeing and _crossings(mean_vbmd(sound, evidence.calibration, evidence.correction), settings):
        own = disagreeing[0]
        return Exclusion(code=ExclusionCode.LEVELS_DISAGREE, step=Step.ASSESS, found=own.found, limit=own.limit)
    age, from_age = series.patient_age_years, settings.category_age_from_years
    if age is not None and age < from_age:
        return Exclusion(code=ExclusionCode.YOUNG, step=Step.ASSESS, found=f"{age:g} years", limit=f"{from_age:g}")
    return None


def _age_cautions(series: Series, settings: Settings) -> tuple[Caution, ...]:
    if series.patient_age_years is not None:
        return ()
    limit = f"{settings.category_age_from_years:g}"
    return (Caution(code=CautionCode.AGE_UNKNOWN, step=Step.ASSESS, limit=limit),)


def _z_caution(series: Series, mean: Estimate, evidence: Evidence) -> Caution:
    """The Z-score of someone too young for a category, or why there is none."""
    code, age = CautionCode.Z_SCORE, series.patient_age_years
    found = "no Z-score, the norm needs the sex and an age from 20"
    in_norm = isinstance(evidence.calibration, Calibration) and evidence.calibration.mineral is Mineral.K2HPO4
    if not in_norm:
        found = "no Z-score, the norm is in K2HPO4 and the line is not"
    elif age is not None and (z := z_score(mean.value, age_years=age, sex=series.patient_sex)) is not None:
        is_low = z <= LOW_FOR_AGE_Z.value
        code = CautionCode.LOW_Z_SCORE if is_low else code
        found = z_in_words(z, age_years=age, norm=NORM_NAME, is_low=is_low)
    return Caution(code=code, step=Step.ASSESS, found=found)


def _crossings(mean: Estimate, settings: Settings) -> tuple[Caution, ...]:
    own, found = category_of(mean.value, settings), []
    for end, limit in (
        (mean.low, settings.osteoporosis_below_mg_cm3),
        (mean.low, settings.normal_above_mg_cm3),
        (mean.high, settings.osteoporosis_below_mg_cm3),
        (mean.high, settings.normal_above_mg_cm3),
    ):
        if min(end, mean.value) < limit <= max(end, mean.value):
            beyond = limit - 1e-6 if end < mean.value else limit + 1e-6
            other = category_of(beyond, settings)
            if other is not own:
                found.append(crossing_in_words(mean, limit=limit, other=other))
    if not found:
        return ()
    return (Caution(code=CautionCode.INTERVAL_CROSSES, step=Step.ASSESS, found="; ".join(found)),)


def _mineral_cautions(mean: Estimate, evidence: Evidence, settings: Settings) -> tuple[Caution, ...]:
    """A value in HA against limits in K2HPO4: it may be lower on their scale; for review if the category may change."""
    if not isinstance(evidence.calibration, Calibration) or evidence.calibration.mineral is Mineral.K2HPO4:
        return ()
    code, factor = CautionCode.LIMITS_MINERAL, HA_OVER_K2HPO4.value
    lowest, mineral = mean.value / factor, evidence.calibration.mineral.value
    found = f"{mineral} reads up to {100 * (factor - 1):.1f} % more"
    if (other := category_of(lowest, settings)) is not category_of(mean.value, settings):
        code = CautionCode.LIMITS_MINERAL_CROSSED
        found += f"; {mean.value:.0f} mg/cm³ {mineral} may be {lowest:.0f} in K2HPO4, {other.value}"
    return (Caution(code=code, step=Step.ASSESS, found=found),)


def _range_cautions(mean: Estimate | None, line: Calibration, settings: Settings) -> tuple[Caution, ...]:
    """A value outside the range of the pairs of a site's line; for review if a category limit lies in between."""
    if mean is None or line.kind != "site":
        return ()
    low, high = line.lowest_mg_cm3, line.highest_mg_cm3
    if low is None or high is None:
        return (Caution(code=CautionCode.LINE_RANGE_UNKNOWN, step=Step.ASSESS, found=line.name),)
    nearest = min(max(mean.value, low), high)
    if nearest == mean.value:
        return ()
    is_beyond = category_of(mean.value, settings) is not category_of(nearest, settings)
    code = CautionCode.LINE_RANGE_CROSSED if is_beyond else CautionCode.LINE_RANGE
    found = f"{mean.value:.0f} mg/cm³, the pairs reach from {low:.0f} to {high:.0f}"
    return (Caution(code=code, step=Step.ASSESS, found=found),)


_ANCHOR_DOUBTS = {
    Anchor.NONE: "neither the sacrum nor the last rib is in view",
    Anchor.AT_ODDS: "the landmarks in view do not fit five lumbar levels; count them",
}


def _level_cautions(evidence: Evidence) -> tuple[Caution, ...]:
    if not evidence.measurements:
        return ()
    doubts = [_ANCHOR_DOUBTS[evidence.anchor]] if evidence.anchor in _ANCHOR_DOUBTS else []
    if evidence.anchor is Anchor.SACRUM and any(_is_cut_l5(m) for m in evidence.measurements):
        doubts.append("the field of view ends in L5, which may be a piece of sacrum, and the last rib is not in view")
    if evidence.anchor is not Anchor.STATED:  # `segmentation.fit` reports these for a mask from elsewhere
        levels = [m.level for m in evidence.measurements]
        between = [n for n in MASK_LEVELS if min(levels) < n < max(levels) and n not in levels]
        doubts += [f"{n.name} is not outlined though levels above and below it are" for n in between]
    doubts += [
        f"{m.level.name} is outlined with low confidence" for m in evidence.measurements if _is_doubtful_beside(m)
    ]
    return tuple(Caution(code=CautionCode.LEVELS_UNSURE, step=Step.ASSESS, found=found) for found in doubts)


def _disagreeing_levels(sound: Sequence[Measurement]) -> tuple[Caution, ...]:
    """Levels too far apart for one patient, with no majority to show which is odd; their mean may fit none of them."""
    if not unlike_levels(sound):
        return ()
    found = ", ".join(f"{m.level.name} {m.median_hu:.0f} HU" for m in sound)
    limit = f"{LEVEL_DIFFERENCE_HU.value:g}"
    return (Caution(code=CautionCode.LEVELS_DISAGREE, step=Step.ASSESS, found=found, limit=limit),)


def _denser_levels(sound: Sequence[Measurement], evidence: Evidence) -> tuple[Caution, ...]:
    """Cautions if a level was outvoted by denser ones: two sclerotic bodies would outvote a sound one as well."""
    found = [
        f"{m.level.name} {m.median_hu:.0f} HU, the others {others_median_hu((*sound, m), m.level):.0f}"
        for m in evidence.measurements
        if m.exclusion is not None and m.exclusion.code is ExclusionCode.UNLIKE_OTHERS and m.median_hu is not None
        if sound and m.median_hu < others_median_hu((*sound, m), m.level)
    ]
    return tuple(Caution(code=CautionCode.LEVELS_DENSER, step=Step.ASSESS, found=words) for words in found)


def _is_cut_l5(measurement: Measurement) -> bool:
    """L5 cut at its lower side: then the sacrum that named it is barely in view, and may be this very piece."""
    cuts = [reason.found for reason in measurement.exclusions if reason.code is ExclusionCode.LEVEL_CUT]
    return measurement.level is Level.L5 and any("inferior" in cut for cut in cuts)


def _is_doubtful_beside(measurement: Measurement) -> bool:
    """Of low confidence, but excluded first for another reason, such as a cut."""
    confidence = measurement.confidence
    return confidence is not None and confidence < LEVEL_CONFIDENCE.value and not _is_unsure(measurement)


def _worst_grade(measurements: Sequence[Measurement]) -> int | None:
    grades = [m.fracture_grade for m in measurements if m.fracture_grade is not None]
    return max(grades) if grades else None


def _with_flag(assessment: Assessment, measurements: Sequence[Measurement], *, settings: Settings) -> Assessment:
    """Flagged for osteoporosis or a fracture of grade 2 or 3; a possible fracture alone is reported but not flagged.

    If the interval contains the limit of osteoporosis, the reason says that it is likely, or possible.
    """
    is_flagged = assessment.category is Category.OSTEOPOROSIS or (assessment.worst_fracture_grade or 0) >= 2
    if not is_flagged:
        return assessment
    mean = assessment.mean_vbmd_mg_cm3
    parts = []
    if mean is not None and assessment.category is not Category.NOT_REPORTABLE:
        below = settings.osteoporosis_below_mg_cm3
        parts += [words] if (words := osteoporosis_in_words(mean.value, mean.low, mean.high, below=below)) else []
    parts += [mean_in_words(assessment.levels_used, mean)] if mean is not None else []
    parts += [words] if (words := fractures_in_words(measurements)) else []
    return replace(assessment, is_flagged=True, flag_reason=", ".join(parts))


def _review_reasons(assessment: Assessment, evidence: Evidence) -> tuple[str, ...]:
    cautions = (*evidence.cautions, *assessment.cautions)
    reasons = [words for code, words in _REVIEWED.items() if any(c.code is code for c in cautions)]
    is_unclear = any(c.code is CautionCode.CONTRAST_UNKNOWN for c in cautions)
    reasons += ["contrast phase unknown"] if is_unclear and assessment.mean_vbmd_mg_cm3 is not None else []
    reasons += [words] if (words := fractures_in_words(evidence.measurements)) else []
    unsure = [m.level for m in evidence.measurements if _is_unsure(m)]
    reasons += [f"{level.name} numbered with low confidence" for level in unsure]
    reasons += [f"levels disagree: {c.found}" for c in cautions if c.code is CautionCode.LEVELS_DISAGREE]
    reasons += [c.found for c in assessment.cautions if c.code is CautionCode.LOW_Z_SCORE]
    reasons += ["age unknown"] if any(c.code is CautionCode.AGE_UNKNOWN for c in assessment.cautions) else []
    return tuple(reasons)


def _is_unsure(measurement: Measurement) -> bool:
    return measurement.exclusion is not None and measurement.exclusion.code is ExclusionCode.LEVEL_UNSURE
