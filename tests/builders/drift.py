"""A store of two scanners over half a year, one of which reads 8 % too high from a certain day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from osteo_core.records import CalibrationTissues, SeriesResult, TissueSample
from osteo_core.terms import ContrastPhase
from tests.builders.cohort import measured_result
from tests.builders.store import build_store

GAIN, STEP_AT = 1.08, 90


def drifting_cohort(*, days: int = 120, patients: int = 5) -> list[SeriesResult]:
    """``patients`` per day on each of two scanners; the first one's HU rise by ``GAIN`` from day ``STEP_AT``."""
    rng = np.random.default_rng(4)
    results = []
    for day in range(days):
        for scanner in range(2):
            gain = GAIN if scanner == 0 and day >= STEP_AT else 1.0
            for _ in range(patients):
                found = measured_result(scanner + 5 * len(results), rng)
                series = replace(
                    found.series, device_key=f"{scanner}{'ab' * 7}f", study_date=date(2026, 1, 5) + timedelta(days=day)
                )
                results.append(_scaled(replace(found, series=series), gain, rng))
    return results


def _scaled(result: SeriesResult, gain: float, rng: np.random.Generator) -> SeriesResult:
    judged = result.assessment
    assert judged is not None
    assert judged.mean_vbmd_mg_cm3 is not None
    mean = judged.mean_vbmd_mg_cm3
    scaled = replace(mean, value=gain * mean.value, low=gain * mean.low, high=gain * mean.high)
    samples = tuple(
        TissueSample(name=name, mean_hu=gain * float(rng.normal(hu, 8)), sd_hu=12.0, area_mm2=900.0)
        for name, hu in (("fat", -100.0), ("muscle", 55.0))
    )
    return replace(
        result,
        tissues=CalibrationTissues(samples=samples, contrast_phase=ContrastPhase.NATIVE),
        assessment=replace(judged, mean_vbmd_mg_cm3=scaled),
    )


def build_drift_store(store: Path) -> list[SeriesResult]:
    """A closed store with ``drifting_cohort``."""
    results = drifting_cohort()
    build_store(store, results)
    return results
