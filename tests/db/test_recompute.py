"""The stored calibration gives the stored values: every vBMD and interval of a store, recomputed from its own rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.connect import open_store
from osteo_core.density.calibration.apply import mean_vbmd, vbmd_of_level
from osteo_core.density.contrast import contrast_correction
from osteo_core.records import (
    Calibration,
    CalibrationTissues,
    ContrastCorrection,
    Estimate,
    LevelLine,
    Measurement,
    SeriesResult,
    Uncertainty,
)
from osteo_core.terms import ContrastPhase, Level, Mineral
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results

STRAIGHT = Calibration(
    name="precalibrated",
    kind="precalibrated",
    slope_mg_cm3_per_hu=0.7391,
    intercept_mg_cm3=1.25,
    residual_sd_mg_cm3=6.0,
    kvp=120.0,
    mineral=Mineral.K2HPO4,
    source="a test",
    undone_offset_hu=-2.5,
    undone_gain=0.013,
    uncertainties=(
        Uncertainty(name="size", offset_sd_mg_cm3=1.5, relative_sd=0.01, source="physics"),
        Uncertainty(name="drift", offset_sd_mg_cm3=1 / 3),
    ),
)
CURVED = replace(STRAIGHT, kind="effective_energy", curvature_mg_cm3_per_hu2=-1.7e-4, uncertainties=())
#: L1 and L3 have their own lines, from a phantom in the scan; the others use the common line.
BY_LEVEL = replace(
    STRAIGHT,
    kind="in_scan",
    level_lines=(
        LevelLine(level=Level.L1, slope_mg_cm3_per_hu=0.81, intercept_mg_cm3=0.25),
        LevelLine(level=Level.L3, slope_mg_cm3_per_hu=0.79, intercept_mg_cm3=-1.5),
    ),
)


def computed(result: SeriesResult, line: Calibration, phase: ContrastPhase) -> SeriesResult:
    """The result under this calibration, computed as in the pipeline."""
    correction = contrast_correction(phase, 120.0)
    levels = tuple(
        replace(m, vbmd_mg_cm3=None if m.exclusion else vbmd_of_level(m, line, correction)) for m in result.measurements
    )
    used = [m for m in levels if not m.exclusion]
    assert result.assessment is not None
    assessment = replace(
        result.assessment,
        mean_vbmd_mg_cm3=mean_vbmd(used, line, correction),
        calibration=line,
        correction=correction,
        levels_used=tuple(m.level for m in used),
    )
    return replace(
        result,
        measurements=levels,
        assessment=assessment,
        tissues=CalibrationTissues(water_path_cm=23.5),
        finished_at=datetime.now(UTC),
    )


def line_of(row: dict) -> Calibration:
    return Calibration(
        name=row["calibration_name"],
        kind=row["calibration_kind"],
        slope_mg_cm3_per_hu=row["calibration_slope_mg_cm3_per_hu"],
        intercept_mg_cm3=row["calibration_intercept_mg_cm3"],
        residual_sd_mg_cm3=row["calibration_residual_sd_mg_cm3"],
        kvp=row["calibration_kvp"],
        mineral=Mineral(row["calibration_mineral"]),
        source=row["calibration_source"],
        curvature_mg_cm3_per_hu2=row["calibration_curvature_mg_cm3_per_hu2"],
        undone_offset_hu=row["calibration_undone_offset_hu"],
        undone_gain=row["calibration_undone_gain"],
        uncertainties=tuple(Uncertainty(**one) for one in row["calibration_uncertainties"]),
        level_lines=tuple(LevelLine(**{**one, "level": Level(one["level"])}) for one in row["calibration_level_lines"]),
    )


def correction_of(row: dict) -> ContrastCorrection | None:
    if row["correction_name"] is None:
        return None
    return ContrastCorrection(**{name: row[f"correction_{name}"] for name in ContrastCorrection.__dataclass_fields__})


def level_of(row: dict) -> Measurement:
    same = ("voxels", "volume_ml", "roi_voxels", "roi_volume_ml", "median_hu", "sd_hu")
    return Measurement(level=Level(row["level"]), **{name: row[name] for name in same})


def stored(row: dict, name: str) -> tuple:
    return tuple(row[f"{name}_{end}"] for end in ("mg_cm3", "low_mg_cm3", "high_mg_cm3", "method"))


def given(estimate: Estimate | None) -> tuple:
    return (estimate.value, estimate.low, estimate.high, estimate.method) if estimate else (None,) * 4


@pytest.mark.parametrize("line", [STRAIGHT, CURVED, BY_LEVEL], ids=lambda line: line.kind)
@pytest.mark.parametrize("phase", [ContrastPhase.NATIVE, ContrastPhase.ARTERIAL, ContrastPhase.UNKNOWN])
def test_every_stored_value_and_interval_comes_again_from_the_stored_rows(
    tmp_path: Path, line: Calibration, phase: ContrastPhase
) -> None:
    measured = [r for r in build_cohort(16) if r.assessment]
    assert any(m.exclusion for r in measured for m in r.measurements)
    write_results(tmp_path, [computed(r, line, phase) for r in measured])
    with open_store(tmp_path) as store:
        store.take_in()
        results = store.table("results").to_pylist()
        levels = store.table("measurements").to_pylist()
    assert len(results) == len(measured)
    for row in results:
        own = sorted((one for one in levels if one["result_id"] == row["result_id"]), key=lambda one: one["level"])
        again, correction = line_of(row), correction_of(row)
        assert (again, correction, row["water_path_cm"]) == (line, contrast_correction(phase, 120.0), 23.5)
        for level in own:
            value = None if level["exclusion_code"] else vbmd_of_level(level_of(level), again, correction)
            assert stored(level, "vbmd") == given(value)
        used = [level_of(level) for level in own if level["level"] in row["levels_used"]]
        assert stored(row, "mean_vbmd") == given(mean_vbmd(used, again, correction))
