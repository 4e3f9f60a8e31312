"""Scanned twice: differences between the values of the same patient, per set and calibration.

repositioned: the patient got up and lay down again on the same scanner: another position in the field, other
slices, the spine slightly turned, table height about 7 mm (SD) apart with its slope of HU, other noise. kernel: the
same raw data with the vendor's other soft kernel. The simulator draws the trabecular pattern by position in the grid,
so repositioning also changes the pattern: the first figure is more likely too large than too small.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.fang2021.cohort import FIRST, KERNEL, REPOSITIONED, StudySet
from benchmarks.fang2021.scan import CALIBRATIONS, REPORTED
from benchmarks.scoring import Row
from osteo_core.statistics.agreement import bland_altman, repeatability, rms_cv

KINDS = (REPOSITIONED, KERNEL)
TARGET_CV = 0.01


def key_of(seed: int, scan: str) -> str:
    """The key under which a patient's scan is stored."""
    return str(seed) if scan == FIRST else f"{seed}-{scan}"


def rescan_lines(test_set: StudySet, seeds: Sequence[int], rows: dict[str, list[Row]]) -> list[Row]:
    """One line per kind and calibration; ``rows`` by key. Values are means over the levels measured in both scans."""
    return [
        {"set": test_set.number, "vendor": test_set.vendor.value, "kind": kind, "calibration": calibration}
        | _line([_pair(seed, kind, calibration, rows) for seed in seeds])
        for kind in KINDS
        for calibration in CALIBRATIONS
    ]


def _line(pairs: Sequence[tuple[float, float] | None]) -> Row:
    given = [pair for pair in pairs if pair is not None]
    line: Row = {"n": len(pairs), "failed": len(pairs) - len(given), "target_cv": TARGET_CV}
    if len(given) < 3:
        return line
    first, second = np.array(given).T
    agreement = repeatability(first, second)
    return line | {
        "rms_cv": rms_cv(np.array(given)),
        "precision_mg_cm3": agreement.within_sd,
        "lsc_mg_cm3": agreement.coefficient,
        "bias": bland_altman(second, first).bias.value,
    }


def _pair(seed: int, kind: str, calibration: str, rows: dict[str, list[Row]]) -> tuple[float, float] | None:
    first, second = (
        next(row for row in rows[key_of(seed, scan)] if row["calibration"] == calibration) for scan in (FIRST, kind)
    )
    if first["status"] != REPORTED or second["status"] != REPORTED:
        return None
    levels = [level for level in first["levels"] if level in second["levels"]]
    if not levels:
        return None
    return tuple(float(np.mean([row["levels"][level] for level in levels])) for row in (first, second))  # type: ignore[return-value]
