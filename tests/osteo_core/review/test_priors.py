"""Least significant change: the arithmetic of ISCD's printed values, and which values are compared."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from osteo_core.limits.precision import PRECISION_LEAST, PRECISION_OTHER, PRECISION_SAME
from osteo_core.review.priors import Study, compare, least_significant_change
from osteo_core.review.summary import LevelSummary, Summary
from osteo_core.terms import Category, Level

LEVELS = (Level.L1, Level.L2, Level.L3, Level.L4)
RESCAN = Path(__file__).parents[3] / "benchmarks" / "fang2021" / "rescan.csv"


def study(values: dict[Level, float], *, half: float = 15.0, grades: dict[Level, int] | None = None, **given) -> Study:
    mean = sum(values.values()) / len(values)
    levels = {
        level: LevelSummary(vbmd_mg_cm3=(value, value - half, value + half), grade=(grades or {}).get(level, 0))
        for level, value in values.items()
    }
    summary = Summary(
        category=Category.NORMAL,
        mean_mg_cm3=(mean, mean - half, mean + half),
        levels_used=tuple(values),
        levels=levels,
    )
    known = {"device": "d1", "calibration": "tissues", "mineral": "K2HPO4", "phase": "native", "kvp": 120.0}
    return Study(day=date(2025, 6, 4), summary=summary, **{**known, "measuring_version": "1", **given})


def alike(value: float, **given) -> Study:
    return study(dict.fromkeys(LEVELS, value), **given)


@pytest.mark.parametrize(
    ("precision", "printed"),
    # ISCD Official Positions 2019, "least acceptable precision": lumbar spine 1.9 % (LSC 5.3 %), total hip 1.8 %
    # (5.0 %), femoral neck 2.5 % (6.9 %).
    [(1.9, 5.3), (1.8, 5.0), (2.5, 6.9)],
)
def test_the_printed_values_of_iscd(precision: float, printed: float) -> None:
    assert round(least_significant_change(precision), 1) == printed


def test_a_worked_example() -> None:
    """100 then, 84 now: precision 4.7 % of 92 is 4.32 mg/cm3, the LSC 2.77 times that, 11.98; 16 less is a change."""
    found = compare(alike(84.0), alike(100.0))
    assert found.mean is not None
    assert found.mean.difference == pytest.approx(-16.0)
    assert found.mean.lsc == pytest.approx(2.77 * 0.047 * 92.0)
    assert round(found.mean.lsc, 2) == 11.98
    assert found.mean.is_beyond
    assert found.levels[Level.L2].lsc == pytest.approx(2 * found.mean.lsc)  # one of four levels: at most sqrt(4) times
    assert not found.levels[Level.L2].is_beyond
    assert not compare(alike(89.0), alike(100.0)).mean.is_beyond


def test_a_low_value_is_not_precise_to_a_fraction_of_a_milligram() -> None:
    found = compare(alike(17.0), alike(20.0))
    assert found.mean.lsc == pytest.approx(2.77 * PRECISION_LEAST.value)
    assert not found.mean.is_beyond


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"device": "d2"}, "another scanner"),
        ({"device": ""}, "scanner not known"),
        ({"calibration": "published"}, "another calibration"),
        ({"kvp": 100.0}, "another tube voltage"),
        ({"kvp": None}, "tube voltage not known"),
        ({"kernel_group": "sharp"}, "another kernel"),
    ],
)
def test_what_differs_between_the_scans_widens_the_limit_to_what_the_intervals_say(changed, words: str) -> None:
    prior = replace(alike(100.0), **changed)
    found = compare(alike(84.0), prior)
    assert found.unlike == (words,)
    assert found.mean.lsc == pytest.approx(math.hypot(15.0, 15.0))  # more than 2.77 x 5.9 % of 92
    assert not found.mean.is_beyond
    narrow = compare(alike(84.0, half=2.0), replace(alike(100.0, half=2.0), **changed))
    assert narrow.mean.lsc == pytest.approx(2.77 * PRECISION_OTHER.value / 100 * 92.0)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mineral": "HA"}, "its vBMD is in HA, this one in K2HPO4"),
        ({"phase": "portal venous"}, "its contrast phase is portal venous, here it is native"),
        ({"phase": "unknown"}, "the contrast phase of one of the two is not known"),
        ({"measuring_version": "0"}, "another version of the program"),
        ({"summary": Summary(category=None)}, "the earlier study has no vBMD"),
    ],
)
def test_what_cannot_be_compared_says_why(changed, words: str) -> None:
    found = compare(alike(84.0), replace(alike(100.0), **changed))
    assert words in found.reason
    assert (found.mean, found.levels) == (None, {})


def test_the_mean_is_over_levels_that_count_in_both() -> None:
    """L1 was lost: its low value must not appear as a rise of the mean."""
    now = study({Level.L2: 100.0, Level.L3: 102.0, Level.L4: 98.0})
    then = study({Level.L1: 40.0, Level.L2: 101.0, Level.L3: 101.0, Level.L4: 98.0})
    found = compare(now, then)
    assert tuple(found.levels) == (Level.L2, Level.L3, Level.L4)
    assert found.mean.difference == pytest.approx(0.0)
    one = compare(study({Level.L1: 100.0}), then)
    assert (one.mean, one.reason) == (None, "fewer than 2 levels count in both studies")


def test_a_new_fracture_is_named_and_an_old_one_is_not() -> None:
    now = alike(84.0, grades={Level.L1: 2, Level.L2: 3, Level.L3: 1})
    then = alike(84.0, grades={Level.L1: 1, Level.L2: 2})
    assert compare(now, then).new_fractures == (Level.L1,)


def test_the_limit_is_never_below_what_simulated_patients_scanned_twice_show() -> None:
    with RESCAN.open(newline="", encoding="utf-8") as file:
        rescans = [float(row["lsc_mg_cm3"]) for row in csv.DictReader(file)]
    assert len(rescans) == 12
    for value in (0.0, 20.0, 80.0, 150.0):
        assert compare(alike(value), alike(value)).mean.lsc > max(rescans)
    assert PRECISION_SAME.value < PRECISION_OTHER.value
