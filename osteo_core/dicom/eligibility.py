"""Which series can be measured, by header alone. Each rule has its own reason; the first that applies is reported."""

from __future__ import annotations

from osteo_core.dicom.arrange import Arranged
from osteo_core.dicom.describe import differences
from osteo_core.dicom.images import exclude, fault_of
from osteo_core.dicom.stack import Stack
from osteo_core.dicom.vendor import odd_unit
from osteo_core.limits.acquisition import MINIMUM_COVERAGE, MINIMUM_SLICES
from osteo_core.limits.category import ADULT_AGE_FROM
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Series
from osteo_core.settings import Settings

#: Values of (0028,1054) that mean HU: US is 'unspecified', and blank means HU for CT (PS3.3 C.11.1).
_HU_TYPES = frozenset(("", "HU", "US", "HOUNSFIELD", "HOUNSFIELD UNITS"))

#: At most this share of slices may differ from the rest in an attribute that selects the calibration line.
_ODD_SHARE = 0.1

#: Tolerance for the slice step, because headers round positions.
_STEP_ROUNDING = 0.01


def exclusion_of(series: Series, arranged: Arranged, settings: Settings, *, patients: int) -> Exclusion | None:
    """Why this series cannot be measured, or None. ``patients``: how many its files name."""
    return (
        next(filter(None, map(fault_of, {s.image for s in arranged.slices})), None)
        or _mixed(arranged, patients)
        or _not_hu(series, arranged)
        or too_young(series)
        or too_few(series, is_stack=isinstance(arranged.stack, Stack))
        or (arranged.stack if isinstance(arranged.stack, Exclusion) else None)
        or too_coarse(series, settings)
    )


def _mixed(arranged: Arranged, patients: int) -> Exclusion | None:
    """A single result is meaningless for two patients, or for voltages or scanners with different calibration lines."""
    if patients > 1:
        return exclude(ExclusionCode.MIXED_PATIENTS, str(patients))
    voltages = arranged.voltages_kv
    if len(voltages) > 1:
        return exclude(ExclusionCode.MIXED_VOLTAGE, ", ".join(f"{kv:g}" for kv in voltages))
    mixed = [one.words for one in differences(arranged.slices) if one.is_calibrated and one.share > _ODD_SHARE]
    return exclude(ExclusionCode.MIXED_SCANS, "; ".join(mixed)) if mixed else None


def _not_hu(series: Series, arranged: Arranged) -> Exclusion | None:
    if unit := of_odd_unit(series):
        return unit
    if any(s.rescale_slope in (None, 0.0) or s.rescale_intercept is None for s in arranged.slices):
        odd = (odd for s in arranged.slices for odd in s.odd if odd.name.startswith("Rescale") and not odd.is_read)
        unreadable = next(odd, None)
        found = f"{unreadable.name} cannot be read, found {unreadable.shown}" if unreadable else "missing, or zero"
        return exclude(ExclusionCode.RESCALE_MISSING, found)
    types = sorted({s.rescale_type for s in arranged.slices} - _HU_TYPES)
    return exclude(ExclusionCode.NOT_HU, f"rescale type {types[0]}", "HU") if types else None


def of_odd_unit(series: Series) -> Exclusion | None:
    """Why images from this unit are not CT in HU, or None."""
    kind = odd_unit(series.manufacturer, series.manufacturer_model_name)
    return exclude(ExclusionCode.NOT_HU, kind, "fan-beam CT") if kind else None


def too_young(series: Series) -> Exclusion | None:
    """An exclusion for a patient below adult age; None where the age is unknown."""
    age, adult = series.patient_age_years, ADULT_AGE_FROM.value
    if age is not None and age < adult:
        return exclude(ExclusionCode.UNDER_AGE, f"{age:.0f}", f"{adult:g}")
    return None


def too_few(series: Series, *, is_stack: bool = True) -> Exclusion | None:
    """An exclusion for too few slices, or, if they are one stack, for too little coverage."""
    minimum = MINIMUM_SLICES.value
    if series.n_slices < minimum:
        return exclude(ExclusionCode.TOO_FEW_SLICES, str(series.n_slices), f"{minimum:g}")
    coverage, least = series.coverage_mm, MINIMUM_COVERAGE.value
    if is_stack and coverage is not None and coverage < least:
        return exclude(ExclusionCode.TOO_LITTLE_COVERAGE, f"{coverage:.0f}", f"{least:g}")
    return None


def too_coarse(series: Series, settings: Settings) -> Exclusion | None:
    """Checks thickness and step: thin slices far apart show as little of a vertebra as thick ones."""
    thickness, step, most = series.slice_thickness_mm or 0.0, series.slice_step_mm or 0.0, settings.thickness_maximum_mm
    if thickness > most:
        return exclude(ExclusionCode.TOO_THICK, f"{thickness:g}", f"{most:g}")
    if step > most * (1 + _STEP_ROUNDING):
        return exclude(ExclusionCode.TOO_FAR_APART, f"{step:.4g}", f"{most:g}")
    return None
