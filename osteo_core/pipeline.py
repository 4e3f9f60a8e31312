"""The pipeline of one series, from files to result; the segmenter is passed in, so that no model is imported.

No error is caught here: shortcomings of a scan are data (exclusions, cautions); errors of the code reach the engine.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from osteo_core.assessment.against_header import header_doubts
from osteo_core.assessment.assess import Evidence, assess, sound_levels
from osteo_core.density.calibration.apply import mean_bone_hu, vbmd_of_level
from osteo_core.density.calibration.choose import calibration_cautions, choose_calibration
from osteo_core.density.calibration.setup import CalibrationSetup, read_setup
from osteo_core.density.contrast import contrast_correction, decide_phase
from osteo_core.density.plain_ct import plain_ct_cautions
from osteo_core.density.rod_row import RodRow, find_rod_row
from osteo_core.density.roi import measure_levels
from osteo_core.density.tissues import find_calibration_tissues, tissue_cautions
from osteo_core.density.turned import no_bone, turned_body
from osteo_core.dicom.volume import read_volume
from osteo_core.morphometry.fracture import grade_fractures
from osteo_core.morphometry.frame import find_bodies
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import (
    Calibration,
    CalibrationTissues,
    ContrastCorrection,
    Geometry,
    Measurement,
    Regressor,
    Segmentation,
    Segmenter,
    Series,
    SeriesResult,
    Volume,
)
from osteo_core.settings import Settings
from osteo_core.terms import MASK_LEVELS, ContrastPhase, Level, Status, Step


@dataclass(frozen=True, kw_only=True)
class MeasuredSeries:
    """All that is known of a series before calibration; it does not depend on any setting.

    ``geometry``: the grid of the volume; ``source_geometry``: that of the files if it differs (`Volume`);
    ``cautions``: those of reading, segmenting and measuring; ``model_hash``: identifies all models; ``rod_row``: rods
    under the back, which may be a phantom.
    """

    series: Series
    geometry: Geometry
    segmentation: Segmentation
    measurements: tuple[Measurement, ...]
    tissues: CalibrationTissues
    phase: ContrastPhase
    cautions: tuple[Caution, ...]
    model_hash: str
    rod_row: RodRow | None = None
    source_geometry: Geometry | None = None


def joint_hash(outline_hash: str, regressor_hash: str) -> str:
    """Identifies the models of a result: the hash of the outlines, combined with that of a regressor if one is used."""
    if not regressor_hash:
        return outline_hash
    return hashlib.sha256(f"{outline_hash}\0{regressor_hash}".encode()).hexdigest()[:12]


def analyze_series(
    series: Series,
    *,
    segmenter: Segmenter,
    settings: Settings,
    regressor: Regressor | None = None,
    setup: CalibrationSetup | None = None,
    on_result: Callable[[Volume, SeriesResult], None] | None = None,
) -> SeriesResult:
    """Read and analyze one series; a series that cannot be read gives a result with its exclusion.

    ``setup``: the site's tables as read for the run, read here if None; ``on_result`` is called with the volume and
    the result while the volume is still in memory.
    """
    started = time.perf_counter()
    setup = setup or read_setup(settings)
    volume = read_volume(series)
    if isinstance(volume, Exclusion):
        model_hash = _hash_of(segmenter, regressor)
        return _excluded(series, volume, model_hash=model_hash, settings_hash=setup.settings_hash, started=started)
    result = analyze_volume(series, volume, segmenter=segmenter, settings=settings, regressor=regressor, setup=setup)
    if on_result is not None:
        on_result(volume, result)
    return replace(result, seconds=time.perf_counter() - started)


def analyze_volume(
    series: Series,
    volume: Volume,
    *,
    segmenter: Segmenter,
    settings: Settings,
    regressor: Regressor | None = None,
    setup: CalibrationSetup | None = None,
) -> SeriesResult:
    """Analyze a volume in memory: segment, measure, calibrate, assess.

    A ``regressor`` predicts a second vBMD beside the calibrated value; it changes no value, category or flag.
    """
    started = time.perf_counter()
    setup = setup or read_setup(settings)
    measured = measure_volume(series, volume, segmenter=segmenter, regressor=regressor)
    if isinstance(measured, Exclusion):
        model_hash = _hash_of(segmenter, regressor)
        result = _excluded(series, measured, model_hash=model_hash, settings_hash=setup.settings_hash, started=started)
        return replace(result, cautions=volume.cautions)
    return replace(judge(measured, settings=settings, setup=setup), seconds=time.perf_counter() - started)


def measure_volume(
    series: Series, volume: Volume, *, segmenter: Segmenter, regressor: Regressor | None = None
) -> MeasuredSeries | Exclusion:
    """The first half, which is independent of the settings: segment and measure."""
    segmentation = segmenter.segment(volume)
    if isinstance(segmentation, Exclusion):
        return segmentation
    no_spine = turned_body(volume, segmentation) or no_bone(volume, segmentation)
    if no_spine is not None:
        return no_spine
    bodies = find_bodies(segmentation)
    step_mm = max((body.step_along_mm for body in bodies), default=1.0)
    measurements, fractures = grade_fractures(measure_levels(volume, segmentation, bodies), step_mm=step_mm)
    rod_row = find_rod_row(volume, bodies)
    tissues = find_calibration_tissues(volume, segmentation, bodies, without_mm=rod_row.box_mm if rod_row else None)
    phase, contrast_cautions = decide_phase(series, tissues)
    if regressor is not None and series.kvp is not None:
        measurements = _regressed(measurements, volume, segmentation, regressor, kvp=series.kvp, phase=phase)
    return MeasuredSeries(
        series=series,
        geometry=volume.geometry,
        source_geometry=volume.source_geometry,
        segmentation=segmentation,
        measurements=tuple(measurements),
        tissues=tissues,
        rod_row=rod_row,
        phase=phase,
        cautions=(
            *volume.cautions,
            *segmentation.cautions,
            *tissue_cautions(tissues),
            *plain_ct_cautions(series, tissues),
            *header_doubts(series, measurements, tissues),
            *fractures,
            *contrast_cautions,
        ),
        model_hash=_hash_of(segmenter, regressor),
    )


def judge(measured: MeasuredSeries, *, settings: Settings, setup: CalibrationSetup | None = None) -> SeriesResult:
    """The second half: calibrate and assess with these settings. ``seconds`` is the time of this half only.

    Raises TableError or SettingsError if a table has to be read and cannot be used.
    """
    started = time.perf_counter()
    setup = setup or read_setup(settings)
    series, segmentation, tissues = measured.series, measured.segmentation, measured.tissues
    correction = contrast_correction(measured.phase, series.kvp)
    calibration = choose_calibration(
        series,
        setup,
        tissues,
        rod_row=measured.rod_row,
        bone_hu=mean_bone_hu(sound_levels(measured.measurements), correction),
    )
    measurements = _calibrated(measured.measurements, calibration, correction)
    cautions = (*measured.cautions, *_series_cautions(series, measurements, calibration, tissues))
    cautions = _hu_shift_reported_once(cautions, tissues)
    evidence = Evidence(
        measurements=measurements,
        calibration=calibration,
        correction=correction,
        anchor=segmentation.anchor,
        cautions=cautions,
    )
    assessment = assess(series, evidence, settings=settings)
    missing = _no_lumbar_level(segmentation)
    of_series = (e for e in (missing, assessment.exclusion) if e is not None)
    exclusions = (*of_series, *(e for m in measurements for e in m.exclusions))
    return SeriesResult(
        series=series,
        status=Status.MEASURED if sound_levels(measurements) else Status.EXCLUDED,
        model_hash=measured.model_hash,
        settings_hash=setup.settings_hash,
        geometry=measured.geometry,
        source_geometry=measured.source_geometry,
        segmentation=segmentation,
        tissues=tissues,
        measurements=measurements,
        assessment=assessment,
        exclusions=exclusions,
        cautions=(*cautions, *assessment.cautions),
        contrast_phase=measured.phase,
        has_rods=measured.rod_row is not None,
        seconds=time.perf_counter() - started,
        finished_at=datetime.now(UTC),
    )


def _calibrated(
    measurements: Sequence[Measurement], calibration: Calibration | Exclusion, correction: ContrastCorrection | None
) -> tuple[Measurement, ...]:
    """The measurements with the vBMD of every level; an excluded level keeps its HU and has no vBMD."""
    if isinstance(calibration, Exclusion):
        return tuple(measurements)
    return tuple(
        m if m.exclusion is not None else replace(m, vbmd_mg_cm3=vbmd_of_level(m, calibration, correction))
        for m in measurements
    )


def _regressed(
    measurements: Sequence[Measurement],
    volume: Volume,
    segmentation: Segmentation,
    regressor: Regressor,
    *,
    kvp: float,
    phase: ContrastPhase,
) -> tuple[Measurement, ...]:
    """The measurements with the regressor's vBMD of every level that counts."""
    levels = [m.level for m in sound_levels(measurements)]
    read = regressor.regress(volume, segmentation, kvp=kvp, levels=levels, phase=phase) if levels else {}
    return tuple(replace(m, regressed_mg_cm3=read.get(m.level)) for m in measurements)


def _series_cautions(
    series: Series,
    measurements: Sequence[Measurement],
    calibration: Calibration | Exclusion,
    tissues: CalibrationTissues,
) -> tuple[Caution, ...]:
    cautions: tuple[Caution, ...] = ()
    if isinstance(calibration, Calibration) and any(m.vbmd_mg_cm3 is not None for m in measurements):
        cautions = calibration_cautions(calibration, tissues.water_path_cm)
    if series.is_simulated:
        cautions += (Caution(code=CautionCode.SIMULATED, step=Step.FIND, found="an invented scan of known truth"),)
    return cautions


def _hu_shift_reported_once(cautions: Sequence[Caution], tissues: CalibrationTissues) -> tuple[Caution, ...]:
    """The cautions with one report of an HU shift: by the tissues if they were found, else by the histogram.

    The histogram may take lung for air and a mixture for soft tissue; air, fat and muscle that were found by their
    position are more reliable.
    """
    better = all(tissues.sample(name) is not None for name in ("air", "fat", "muscle"))
    silent = Step.READ if better else Step.MEASURE
    is_reported = better or any(c.code is CautionCode.HU_SHIFT and c.step is Step.READ for c in cautions)
    return tuple(c for c in cautions if not (is_reported and c.code is CautionCode.HU_SHIFT and c.step is silent))


def _no_lumbar_level(segmentation: Segmentation) -> Exclusion | None:
    levels = [found.level for found in segmentation.levels]
    if any(Level.L1 <= level <= Level.L6 for level in levels):
        return None
    names = ", ".join(level.name for level in sorted(levels))
    found = (
        f"outlined: {names}" if names else f"no level from {MASK_LEVELS[0].name} to {MASK_LEVELS[-1].name} is outlined"
    )
    return Exclusion(code=ExclusionCode.NO_LUMBAR_LEVEL, step=Step.SEGMENT, found=found)


def _hash_of(segmenter: Segmenter, regressor: Regressor | None) -> str:
    return joint_hash(segmenter.model_hash, regressor.model_hash if regressor is not None else "")


def _excluded(
    series: Series, exclusion: Exclusion, *, model_hash: str, settings_hash: str, started: float
) -> SeriesResult:
    return SeriesResult(
        series=series,
        status=Status.EXCLUDED,
        model_hash=model_hash,
        settings_hash=settings_hash,
        exclusions=(exclusion,),
        seconds=time.perf_counter() - started,
        finished_at=datetime.now(UTC),
    )
