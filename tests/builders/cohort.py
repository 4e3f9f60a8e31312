"""A small invented cohort as SeriesResult records, for stores used in tests of pages and queries.

Nothing is segmented here: the numbers are drawn at random, so that a store of any size is filled in a second.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import (
    Assessment,
    Calibration,
    CalibrationTissues,
    Estimate,
    Geometry,
    Measurement,
    ReferenceValue,
    Segmentation,
    SegmentedLevel,
    Series,
    SeriesResult,
    TissueSample,
)
from osteo_core.terms import (
    MEASURED_LEVELS,
    Anchor,
    Category,
    ContrastPhase,
    KernelGroup,
    Level,
    Mineral,
    Sex,
    Status,
    Step,
    SuggestedCause,
    Vendor,
)

MODEL_HASH = "a" * 64
SETTINGS_HASH = "b" * 12
LINE = Calibration(
    name="published line, 120 kVp",
    kind="published",
    slope_mg_cm3_per_hu=0.74,
    intercept_mg_cm3=5.0,
    residual_sd_mg_cm3=8.0,
    kvp=120.0,
    mineral=Mineral.K2HPO4,
    source="builder",
)
_SCANNERS = (
    (Vendor.GE, "Discovery CT750 HD"),
    (Vendor.SIEMENS, "SOMATOM Definition AS"),
    (Vendor.PHILIPS, "Brilliance 64"),
    (Vendor.CANON, "Aquilion PRIME"),
    (Vendor.UIH, "uCT 760"),
)
_BIAS_MG_CM3 = {Vendor.GE: 2.0, Vendor.SIEMENS: -1.0, Vendor.PHILIPS: 5.0, Vendor.CANON: -4.0, Vendor.UIH: 0.0}
_LEFT_OUT = (ExclusionCode.TOO_THICK, ExclusionCode.NO_LUMBAR_LEVEL, ExclusionCode.LOCALISER, ExclusionCode.METAL)


def key_of(number: int, kind: str = "series") -> str:
    """A keyed hash as in the store: 16 hex characters, the same for the same number."""
    return f"{({'series': 1, 'study': 2, 'patient': 3}[kind] << 60) + number * 2654435761:016x}"


def build_series(number: int, rng: np.random.Generator, files: tuple[Path, ...] = ()) -> Series:
    """One series with a random scanner, sex and age."""
    vendor, model = _SCANNERS[number % len(_SCANNERS)]
    return Series(
        series_key=key_of(number),
        study_key=key_of(number, "study"),
        patient_key=key_of(number, "patient"),
        series_instance_uid=f"1.2.3.{number}",
        files=files,
        manufacturer=vendor.value,
        vendor=vendor,
        manufacturer_model_name=model,
        kvp=120.0,
        convolution_kernel="STANDARD",
        kernel_group=KernelGroup.STANDARD,
        slice_thickness_mm=2.0,
        slice_step_mm=2.0,
        pixel_spacing_mm=(0.8, 0.8),
        rows=512,
        columns=512,
        n_slices=140,
        coverage_mm=280.0,
        patient_sex=Sex.FEMALE if rng.random() < 0.6 else Sex.MALE,
        patient_age_years=float(np.round(rng.uniform(48, 88))),
        study_date=date(2026, 9, 1) + timedelta(days=number % 80),
        is_simulated=True,
        preference_reason="the only axial series of this study",
    )


def _category(vbmd: float) -> Category:
    if vbmd < 80:
        return Category.OSTEOPOROSIS
    return Category.LOW_BONE_MASS if vbmd <= 120 else Category.NORMAL


def _estimate(value: float, half: float, n: int) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=n, method="calibration line, normal")


def _measurement(level: Level, mean_hu: float, grade: int | None) -> Measurement:
    vbmd = 0.74 * mean_hu + 5.0
    excluded = Exclusion(code=ExclusionCode.FRACTURED, step=Step.MEASURE, found=f"grade {grade}", level=level)
    return Measurement(
        level=level,
        voxels=24000,
        volume_ml=30.7,
        roi_voxels=9000,
        roi_volume_ml=11.5,
        mean_hu=mean_hu,
        median_hu=mean_hu - 1.0,
        sd_hu=38.0,
        vbmd_mg_cm3=_estimate(vbmd, 15.7, 1),
        anterior_height_mm=26.0 if not grade else 18.5,
        middle_height_mm=25.0 if not grade else 19.0,
        posterior_height_mm=27.5,
        fracture_grade=grade or 0,
        endplate_depression=0.02 if not grade else 0.17,
        suggested_cause=SuggestedCause.DEPRESSED if grade else SuggestedCause.NO_DEFORMITY,
        confidence=0.93,
        exclusions=(excluded,) if grade else (),
    )


def _segmentation() -> Segmentation:
    geometry = Geometry(shape=(4, 4, 40), affine_lps=np.diag([2.0, 2.0, 5.0, 1.0]))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    levels = []
    for k, level in enumerate((*MEASURED_LEVELS, Level.L5)):
        labels[1:3, 1:3, 30 - 6 * k : 34 - 6 * k] = level
        centre = (3.0, 3.0, 5.0 * (31.5 - 6 * k))
        levels.append(SegmentedLevel(level=level, confidence=0.93, voxels=16, centroid_mm=centre))
    return Segmentation(
        labels=labels,
        geometry=geometry,
        levels=tuple(levels),
        anchor=Anchor.BOTH,
        engine="builder",
        model_hash=MODEL_HASH,
        seconds=9.0,
    )


def measured_result(number: int, rng: np.random.Generator, files: tuple[Path, ...] = ()) -> SeriesResult:
    """A series with four levels, a category and sometimes a fracture."""
    series = build_series(number, rng, files)
    age = series.patient_age_years or 60.0
    mean = float(rng.normal(150.0 - 1.9 * (age - 50.0), 26.0))
    hus = [(max(mean, 35.0) - 5.0) / 0.74 + float(rng.normal(0, 5)) for _ in MEASURED_LEVELS]
    fractured = rng.random() < 0.12
    measurements = tuple(
        _measurement(level, hu, 2 if fractured and level is Level.L1 else None)
        for level, hu in zip(MEASURED_LEVELS, hus, strict=True)
    )
    used = [m for m in measurements if m.exclusion is None and m.vbmd_mg_cm3]
    value = float(np.mean([m.vbmd_mg_cm3.value for m in used if m.vbmd_mg_cm3]))
    category = _category(value)
    flagged = category is Category.OSTEOPOROSIS or fractured
    reason = f"{used[0].level.name}-{used[-1].level.name} mean {value:.0f} mg/cm3 ({value - 9:.0f}-{value + 9:.0f})"
    cautions = (
        Caution(code=CautionCode.SIMULATED, step=Step.FIND, found="invented anatomy and scanner"),
        Caution(code=CautionCode.PUBLISHED_LINE, step=Step.CALIBRATE, found=LINE.name),
    )
    return SeriesResult(
        series=series,
        status=Status.MEASURED,
        model_hash=MODEL_HASH,
        settings_hash=SETTINGS_HASH,
        geometry=_segmentation().geometry,
        segmentation=_segmentation(),
        tissues=CalibrationTissues(
            samples=(
                TissueSample(name="fat", mean_hu=-98.0, sd_hu=12.0, area_mm2=900.0),
                TissueSample(name="muscle", mean_hu=55.0, sd_hu=14.0, area_mm2=1200.0),
            ),
            contrast_phase=ContrastPhase.NATIVE,
        ),
        measurements=measurements,
        assessment=Assessment(
            category=category,
            mean_vbmd_mg_cm3=_estimate(value, 9.0, len(used)),
            levels_used=tuple(m.level for m in used),
            mean_hu=float(np.mean(hus)),
            worst_fracture_grade=2 if fractured else 0,
            is_flagged=flagged,
            flag_reason=reason + (", grade 2 fracture L1" if fractured else "") if flagged else "",
            calibration=LINE,
            cautions=cautions[1:],
            review_reasons=("Possible vertebral fracture of L1: look at the sagittal plane.",) if fractured else (),
        ),
        exclusions=tuple(m.exclusion for m in measurements if m.exclusion),
        cautions=cautions,
        contrast_phase=ContrastPhase.NATIVE,
        seconds=21.0,
        finished_at=datetime(2026, 11, 24, 3, 0, tzinfo=UTC) + timedelta(minutes=number),
    )


def left_out_result(number: int, rng: np.random.Generator) -> SeriesResult:
    """A series that was excluded before any number was computed."""
    code = _LEFT_OUT[number % len(_LEFT_OUT)]
    step = {ExclusionCode.NO_LUMBAR_LEVEL: Step.SEGMENT, ExclusionCode.METAL: Step.MEASURE}.get(code, Step.FIND)
    return SeriesResult(
        series=replace(build_series(number, rng), slice_thickness_mm=7.5),
        status=Status.EXCLUDED,
        model_hash=MODEL_HASH,
        settings_hash=SETTINGS_HASH,
        exclusions=(Exclusion(code=code, step=step, found="7.5", limit="5"),),
        finished_at=datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
    )


def build_cohort(count: int = 60, *, files: tuple[Path, ...] = ()) -> list[SeriesResult]:
    """``count`` results, the same in every run; every seventh is excluded, the rest are measured."""
    rng = np.random.default_rng(8)
    return [left_out_result(n, rng) if n % 7 == 6 else measured_result(n, rng, files) for n in range(count)]


def build_references(results: list[SeriesResult]) -> list[ReferenceValue]:
    """One QCT value per measured patient: the measured mean minus a bias of its vendor, with scatter."""
    rng = np.random.default_rng(9)
    values = []
    for result in results:
        if result.assessment is None or result.assessment.mean_vbmd_mg_cm3 is None:
            continue
        found = result.assessment.mean_vbmd_mg_cm3.value
        truth = found - _BIAS_MG_CM3[result.series.vendor] + float(rng.normal(0, 6))
        values.append(
            ReferenceValue(
                patient_key=result.series.patient_key,
                level=None,
                vbmd_mg_cm3=max(truth, 10.0),
                source="builder",
                is_simulated=True,
            )
        )
    return values
