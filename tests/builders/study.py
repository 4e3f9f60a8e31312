"""Rows and tables of the study in the format of benchmarks.fang2021, from invented values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fang2021.agreement import line_of
from benchmarks.fang2021.cohort import SETS
from benchmarks.fang2021.rescan import KINDS, TARGET_CV
from benchmarks.fang2021.scan import CALIBRATIONS, EXCLUDED, PHANTOMLESS, REPORTED
from benchmarks.resumable import write_table
from benchmarks.scoring import Row

LEVELS = ("L1", "L2", "L3", "L4")
PROVENANCE: Row = {
    "command": "python -m benchmarks.fang2021 --workers 2",
    "commit": "0123456789ab",
    "outlines_hash": "5b5c9b149f02",
    "regression_hash": "not released",
}


def study_row(seed: int, *, true: float, error: float, **changed: Any) -> Row:
    """One patient with the same vBMD in each level, QCT without error, and an interval of 5 to each side."""
    value = true + error
    category = "osteoporosis" if value < 80 else "normal" if value > 120 else "low bone mass"
    return {
        "seed": seed,
        "calibration": PHANTOMLESS,
        "situation": "plain",
        "status": REPORTED,
        "reason": "",
        "true": dict.fromkeys(LEVELS, true),
        "qct": dict.fromkeys(LEVELS, true),
        "dice": {"L1": 0.9, "L2": 0.92, "L3": 0.94, "L4": 0.96},
        "silent": 0,
        "category": category,
        "mean": [value, value - 5, value + 5],
        "common": [value, value - 5, value + 5],
        "levels": dict.fromkeys(LEVELS, value),
        "common_levels": list(LEVELS),
    } | changed


def left_out(seed: int, **changed: Any) -> Row:
    """One patient whose study contains only thick slices."""
    gone = ("mean", "common", "levels", "common_levels", "dice")
    row = {key: value for key, value in study_row(seed, true=100.0, error=0.0).items() if key not in gone}
    return row | {"status": EXCLUDED, "reason": "too_thick", "category": ""} | changed


def write_study_tables(folder: Path, *, patients: int = 40) -> None:
    """results.csv and rescan.csv of three sets; the last patient of each has no value."""
    lines, rescans = [], []
    for one in SETS:
        for calibration in CALIBRATIONS:
            rng = np.random.default_rng(one.number)
            sd = 4.0 if calibration == PHANTOMLESS else 2.5
            true = rng.uniform(30, 190, patients)
            rows = [
                study_row(n, true=true[n], error=float(rng.normal(one.number - 2, sd)), calibration=calibration)
                for n in range(patients)
            ]
            lines.append(line_of(one, calibration, [*rows, left_out(patients, calibration=calibration)]))
            rescans += [
                {
                    "set": one.number,
                    "vendor": one.vendor.value,
                    "kind": kind,
                    "calibration": calibration,
                    "n": 20,
                    "failed": 0,
                    "target_cv": TARGET_CV,
                    "rms_cv": 0.0123,
                    "lsc_mg_cm3": 3.4,
                }
                for kind in KINDS
            ]
    write_table(folder / "results.csv", [line | PROVENANCE for line in lines])
    write_table(folder / "rescan.csv", [line | PROVENANCE for line in rescans])
