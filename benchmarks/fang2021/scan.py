"""One scan from DICOM to its values: written, found, read, outlined and measured once, calibrated in two ways.

phantomless: the shipped settings, no phantom table; the scan's own tissues calibrate it. precalibrated: the same with
phantom scans of exactly that scanner and tube voltage (benchmarks.density_facts), up to 300 days old. Every scan ends
as a value, as an exclusion with its reason, or as a failure with the kind of error.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks.density_facts import phantom_rods, write_rods
from benchmarks.fang2021.cohort import scanned
from benchmarks.scoring import FALSE, RIGHT, WRONG, LevelScore, Row, SeriesScore, score_result
from commands.analysis_job import default_models, load_regressor, load_segmenter
from osteo_core.assessment.assess import sound_levels
from osteo_core.density.calibration.apply import mean_vbmd
from osteo_core.density.contrast import contrast_correction
from osteo_core.dicom.find import find_series
from osteo_core.dicom.volume import read_volume
from osteo_core.outcomes import Exclusion
from osteo_core.pipeline import MeasuredSeries, judge, measure_volume
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Estimate, Geometry, LabelArray, Series, SeriesResult
from osteo_core.settings import Settings
from osteo_core.simulate.qct import qct_levels
from osteo_core.simulate.reading import true_vbmd
from osteo_core.simulate.study import write_study
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.terms import MEASURED_LEVELS

PHANTOMLESS, PRECALIBRATED = "phantomless", "precalibrated"
CALIBRATIONS = (PHANTOMLESS, PRECALIBRATED)
REPORTED, EXCLUDED, FAILED = "reported", "excluded", "failed"
#: These identifiers belong to no real person, so any key will do.
_KEY = Pseudonyms(b"benchmarks.fang2021, nobody here")


def scan_rows(key: str) -> list[Row]:
    """One row per calibration for a key 'seed' or 'seed-scan'; the files are deleted before it returns."""
    seed, _, scan = key.partition("-")
    patient = scanned(int(seed), scan)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        truth, geometry = write_study(Path(folder) / "study", patient, plain=True)
        simulated = time.process_time()
        rows = [
            {"seed": patient.seed, "calibration": name, **_about(patient), **found}
            for name, found in zip(CALIBRATIONS, _analyzed(Path(folder), patient, truth, geometry), strict=True)
        ]
    spent = {"cpu_s_simulated": simulated - began, "cpu_s_analyzed": time.process_time() - simulated}
    return [row | spent for row in rows]


def _about(patient: SimulatedPatient) -> Row:
    """The truth and QCT's reading; every patient has QCT."""
    return {
        "vendor": patient.acquisition.maker.vendor.value,
        "situation": patient.situation.value,
        "age_years": patient.age_years,
        "true": {level.name: true_vbmd(patient, patient.level(level)) for level in MEASURED_LEVELS},
        "qct": {level.name: value for level, value in qct_levels(patient, everyone=True).items()},
    }


def _analyzed(folder: Path, patient: SimulatedPatient, truth: LabelArray, geometry: Geometry) -> list[Row]:
    try:
        found = find_series([folder / "study"], pseudonyms=_KEY, settings=Settings())
        if not found.series:
            reasons = sorted({exclusion.code.value for _, exclusion in found.excluded})
            return [{"status": EXCLUDED, "reason": " and ".join(reasons)}] * len(CALIBRATIONS)
        (series,) = found.series
        return _of_series(series, folder, patient, truth, geometry)
    except Exception as error:  # as in the engine: an error ends one scan, not the study, and is counted
        traceback.print_exc()
        return [{"status": FAILED, "reason": type(error).__name__}] * len(CALIBRATIONS)


def _of_series(
    series: Series, folder: Path, patient: SimulatedPatient, truth: LabelArray, geometry: Geometry
) -> list[Row]:
    models = default_models()
    volume = read_volume(series)
    measured = (
        volume
        if isinstance(volume, Exclusion)
        else measure_volume(
            series,
            volume,
            segmenter=load_segmenter(models.segmenter),
            regressor=load_regressor(models.regressor),
        )
    )
    if isinstance(measured, Exclusion):
        return [{"status": EXCLUDED, "reason": measured.code.value}] * len(CALIBRATIONS)
    if not measured.segmentation.geometry.is_close(geometry):
        raise ValueError("the series was read on another grid than it was written on")
    phantoms = folder / "phantoms.csv"
    write_rods(_rods(patient, series), phantoms)
    settings = (Settings(), Settings(phantom_table=str(phantoms)))
    results = [judge(measured, settings=one) for one in settings]
    score = score_result(results[0], truth, surfaces=False)
    return [_found(result, measured, patient) | _outlines(score) for result in results]


def _rods(patient: SimulatedPatient, series: Series) -> tuple[dict[str, str], ...]:
    if series.study_date is None or series.manufacturer_model_name is None or series.device_key is None:
        raise ValueError("the series was written without its date, model or serial number")
    return phantom_rods(
        patient, model=series.manufacturer_model_name, study=series.study_date, device_key=series.device_key
    )


def _found(result: SeriesResult, measured: MeasuredSeries, patient: SimulatedPatient) -> Row:
    """The program's result for the series, and its mean over the levels that QCT read too, with the same interval."""
    assessment = result.assessment
    mean = assessment.mean_vbmd_mg_cm3 if assessment else None
    reason = next((one.code.value for one in result.exclusions), "")
    row: Row = {
        "status": REPORTED if mean else EXCLUDED if reason else FAILED,
        "reason": "" if mean else reason or "no value and no reason",
        "level_reasons": {m.level.name: m.exclusion.code.value for m in result.measurements if m.exclusion},
        "category": assessment.category.value if assessment else "",
        "kind": assessment.calibration.kind if assessment and assessment.calibration else "",
        "phase": result.contrast_phase.value,
        "model_hash": result.model_hash,
    }
    if not assessment or not mean or not assessment.calibration:
        return row
    correction = contrast_correction(measured.phase, result.series.kvp)
    sound = sound_levels(result.measurements)
    qct = qct_levels(patient, everyone=True)
    both = [m for m in sound if m.level in qct]
    row |= {
        "mean": _three(mean),
        "levels": {m.level.name: m.vbmd_mg_cm3.value for m in sound if m.vbmd_mg_cm3},
        "common_levels": [m.level.name for m in both],
    }
    return row | ({"common": _three(mean_vbmd(both, assessment.calibration, correction))} if both else {})


def _three(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]


def _outlines(score: SeriesScore) -> dict[str, Any]:
    """Dice of the levels L1-L4 that are whole in view, and the wrongly numbered ones that were not flagged."""
    names = {level.name for level in MEASURED_LEVELS}
    whole = [one for one in score.levels if one.level in names and one.whole]
    wrong = [one for one in score.levels if one.outcome in (WRONG, FALSE)]
    return {
        "dice": {one.level: one.dice for one in whole},
        "right": sum(one.outcome == RIGHT for one in whole),
        "wrong": len(wrong),
        "flagged": score.flagged,
        "silent": 0 if score.flagged else sum(_is_measured(one) for one in wrong),
    }


def _is_measured(one: LevelScore) -> bool:
    """Whether the value of this body is reported for a level of L1-L4."""
    return one.measured and one.found in {level.name for level in MEASURED_LEVELS}
