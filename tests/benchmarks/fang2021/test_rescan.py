"""Repeated scans from handmade rows."""

import pytest

from benchmarks.fang2021.cohort import FIRST, KERNEL, REPOSITIONED, SETS
from benchmarks.fang2021.rescan import key_of, rescan_lines
from benchmarks.fang2021.scan import CALIBRATIONS, EXCLUDED, REPORTED
from benchmarks.scoring import Row


def rows_of(levels: dict[str, float]) -> list[Row]:
    return [{"calibration": name, "status": REPORTED, "levels": levels} for name in CALIBRATIONS]


def test_a_pair_is_compared_over_the_levels_that_both_scans_have() -> None:
    rows = {}
    for seed in (1, 2, 3, 4):
        rows[key_of(seed, FIRST)] = rows_of({"L1": 101.0, "L2": 99.0})
        rows[key_of(seed, REPOSITIONED)] = rows_of({"L1": 103.0, "L2": 101.0, "L3": 500.0})
        rows[key_of(seed, KERNEL)] = [{"calibration": name, "status": EXCLUDED} for name in CALIBRATIONS]
    lines = rescan_lines(SETS[0], [1, 2, 3, 4], rows)
    assert [(line["kind"], line["n"], line["failed"]) for line in lines] == [
        (REPOSITIONED, 4, 0),
        (REPOSITIONED, 4, 0),
        (KERNEL, 4, 4),
        (KERNEL, 4, 4),
    ]
    assert lines[0]["bias"] == pytest.approx(2.0)
    assert lines[0]["precision_mg_cm3"] == pytest.approx(2 / 2**0.5)
    assert lines[0]["lsc_mg_cm3"] == pytest.approx(1.959964 * 2)
    assert lines[0]["rms_cv"] == pytest.approx(2**0.5 / 101)
    assert "rms_cv" not in lines[2]
