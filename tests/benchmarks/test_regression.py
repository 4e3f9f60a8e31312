"""Figures on the network's readings against values set by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.density_facts import Facts, series_of
from benchmarks.regression import reading, table
from osteo_core.records import CalibrationTissues, Estimate, Measurement
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.terms import ContrastPhase, Level


def facts(true: float, error: float, *, levels: int = 3, is_native: bool = True) -> Facts:
    held = (Level.L1, Level.L2, Level.L3)[:levels]
    value = true + error
    read = Estimate(value=value, low=value - 6, high=value + 6, n=1, method="put in")
    return Facts(
        seed=0,
        series=series_of(draw_patient(TEST_SEEDS.start)),
        measurements=tuple(Measurement(level=n, voxels=9, volume_ml=9.0, regressed_mg_cm3=read) for n in held),
        tissues=CalibrationTissues(samples=(), contrast_phase=ContrastPhase.NATIVE),
        correction=None,
        is_native=is_native,
        true_mg_cm3=dict.fromkeys(held, true),
        qct_mg_cm3={},
        phantom_rows=(),
    )


def test_bias_limits_and_coverage_are_those_put_in() -> None:
    errors = np.array([-8.0, 1.0, 2.0, 3.0, 12.0])
    rows = table([facts(80.0 + 10 * n, float(error)) for n, error in enumerate(errors)])
    row = next(row for row in rows if (row["vendor"], row["group"]) == ("all", "native"))
    assert row["bias"] == pytest.approx(errors.mean())
    assert row["loa_high"] - row["loa_low"] == pytest.approx(2 * 1.96 * errors.std(ddof=1), rel=1e-3)
    assert row["coverage"] == row["coverage_levels"] == pytest.approx(3 / 5)
    assert next(row for row in rows if row["group"] == "enhanced")["r"] is None


def test_who_has_less_than_two_levels_has_no_reading_and_is_counted() -> None:
    some = [facts(100.0, 1.0), facts(100.0, 1.0, levels=1)]
    assert reading(some[1]) is None
    assert [row["without"] for row in table(some)][:3] == [1, 0, 1]
    unread = replace(some[0], measurements=tuple(replace(m, regressed_mg_cm3=None) for m in some[0].measurements))
    assert reading(unread) is None
