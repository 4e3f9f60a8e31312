"""Which series can be measured, by header alone; each rule has its own reason, the first that applies is reported."""

from __future__ import annotations

from osteo_core.dicom.arrange import Arranged
from osteo_core.dicom.describe import Kind
from osteo_core.dicom.stack import Stack
from osteo_core.dicom.vendor import is_cone_beam
from osteo_core.limits.acquisition import MINIMUM_COVERAGE, MINIMUM_SLICES
from osteo_core.limits.category import ADULT_AGE_FROM
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Series
from osteo_core.settings import Settings
from osteo_core.terms import Step

#: CT, Enhanced CT, Legacy Converted Enhanced CT.
CT_SOP_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.2{tail}" for tail in ("", ".1", ".2"))
#: Secondary capture (.7), structured reports (.88), presentation states (.11), encapsulated documents (.104).
_CAPTURE_SOP_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.{branch}" for branch in ("7", "88.", "11.", "104."))
_REPORT_MODALITIES = frozenset(("SR", "PR", "KO", "DOC", "OT", "SC"))

#: Words in (0008,0008) of pictures of a screen, a dose or a plan.
_CAPTURE_WORDS = frozenset(("SCREEN SAVE", "DOSE", "DOSE_INFO", "DOSE INFO", "REPORT", "SCANOGRAM_PLAN"))
_LOCALISER_WORDS = frozenset(("LOCALIZER", "SCOUT", "TOPOGRAM"))
#: Words of derived images whose values are not the HU of the scan.
_DERIVED_WORDS = frozenset(
    (
        *("MIP", "MINIP", "MAX_IP", "MIN_IP", "MAXIP", "PROJECTION", "PROJECTION IMAGE", "VRT", "3D"),
        *("VOLUME_RENDERED", "SURFACE", "CPR", "CURVED", "SUBTRACTION", "FUSED", "RGB", "BONE_REMOVAL", "OVERLAY"),
        *("WATER", "MATERIAL", "MD", "PERFUSION"),
    )
)
#: Words of derived images that keep the HU: reformats and averages of slices.
_REFORMAT_WORDS = frozenset(("AXIAL", "MPR", "REFORMATTED", "AVERAGE", "RESAMPLED", "CSA MPR", "VOLUMETRIC", "HELIX"))

#: (0028,1054) of values in HU; US is 'unspecified' and blank means HU for CT (PS3.3 C.11.1).
_HU_TYPES = frozenset(("", "HU", "US", "HOUNSFIELD", "HOUNSFIELD UNITS"))

#: Positions are rounded, and so is the step between them.
STEP_ROUNDING = 0.01


def exclusion_of(series: Series, kind: Kind, arranged: Arranged, settings: Settings) -> Exclusion | None:
    """Why this series cannot be measured, or None when it may be read."""
    return (
        _not_ct(series, kind)
        or _mixed(kind, arranged)
        or _not_original(series, kind)
        or _not_hu(series, kind, arranged)
        or _patient(series)
        or _too_few(series, arranged)
        or (arranged.stack if isinstance(arranged.stack, Exclusion) else None)
        or _too_coarse(series, settings)
    )


def _exclude(code: ExclusionCode, found: str = "", limit: str = "") -> Exclusion:
    return Exclusion(code=code, step=Step.FIND, found=found, limit=limit)


def _not_ct(series: Series, kind: Kind) -> Exclusion | None:
    words = set(series.image_type)
    if kind.sop_class_uid.startswith(_CAPTURE_SOP_CLASSES) or series.modality in _REPORT_MODALITIES:
        return _exclude(ExclusionCode.SECONDARY_CAPTURE, series.modality)
    if series.modality != "CT":
        return _exclude(ExclusionCode.NOT_CT, series.modality or "of unknown modality")
    if words & _CAPTURE_WORDS or kind.samples_per_pixel != 1:
        return _exclude(ExclusionCode.SECONDARY_CAPTURE, "/".join(series.image_type) or kind.photometric)
    if kind.sop_class_uid not in CT_SOP_CLASSES:
        return _exclude(ExclusionCode.NOT_AN_IMAGE, "no CT image storage class")
    return _exclude(ExclusionCode.LOCALISER) if words & _LOCALISER_WORDS else None


def _mixed(kind: Kind, arranged: Arranged) -> Exclusion | None:
    """One number for two people, or for two voltages with calibration lines of their own, is nobody's number."""
    if kind.patients > 1:
        return _exclude(ExclusionCode.MIXED_PATIENTS, str(kind.patients))
    voltages = arranged.voltages_kv
    return _exclude(ExclusionCode.MIXED_VOLTAGE, ", ".join(f"{kv:g}" for kv in voltages)) if len(voltages) > 1 else None


def _not_original(series: Series, kind: Kind) -> Exclusion | None:
    if kind.not_plain:
        return _exclude(ExclusionCode.DERIVED, kind.not_plain)
    words = set(series.image_type)
    named = words & _DERIVED_WORDS or {w for w in words if w.startswith(("DE_", "GSI", "MONO_"))}
    is_unknown = "DERIVED" in words and not words & _REFORMAT_WORDS
    return _exclude(ExclusionCode.DERIVED, "/".join(series.image_type)) if named or is_unknown else None


def _not_hu(series: Series, kind: Kind, arranged: Arranged) -> Exclusion | None:
    if is_cone_beam(series.manufacturer, series.manufacturer_model_name):
        return _exclude(ExclusionCode.NOT_HU, "cone-beam CT", "fan-beam CT")
    if any(s.rescale_slope in (None, 0.0) or s.rescale_intercept is None for s in arranged.slices):
        return _exclude(ExclusionCode.RESCALE_MISSING)
    types = sorted({s.rescale_type for s in arranged.slices} - _HU_TYPES)
    return _exclude(ExclusionCode.NOT_HU, f"rescale type {types[0]}", "HU") if types else None


def _patient(series: Series) -> Exclusion | None:
    age, adult = series.patient_age_years, ADULT_AGE_FROM.value
    if age is not None and age < adult:
        return _exclude(ExclusionCode.UNDER_AGE, f"{age:.0f}", f"{adult:g}")
    return None


def _too_few(series: Series, arranged: Arranged) -> Exclusion | None:
    minimum = MINIMUM_SLICES.value
    if series.n_slices < minimum:
        return _exclude(ExclusionCode.TOO_FEW_SLICES, str(series.n_slices), f"{minimum:g}")
    coverage, least = series.coverage_mm, MINIMUM_COVERAGE.value
    if isinstance(arranged.stack, Stack) and coverage is not None and coverage < least:
        return _exclude(ExclusionCode.TOO_LITTLE_COVERAGE, f"{coverage:.0f}", f"{least:g}")
    return None


def _too_coarse(series: Series, settings: Settings) -> Exclusion | None:
    """By thickness and step alike: thin slices far apart show as little of a body as thick ones."""
    thickness, step, most = series.slice_thickness_mm or 0.0, series.slice_step_mm or 0.0, settings.thickness_maximum_mm
    if thickness > most:
        return _exclude(ExclusionCode.TOO_THICK, f"{thickness:g}", f"{most:g}")
    if step > most * (1 + STEP_ROUNDING):
        return _exclude(ExclusionCode.TOO_FAR_APART, f"{step:.4g}", f"{most:g}")
    return None
