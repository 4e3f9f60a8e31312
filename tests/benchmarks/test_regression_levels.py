"""Figures on single levels against values set by hand."""

from __future__ import annotations

import pytest

from benchmarks.regression_levels import FIRST_SEED, table
from benchmarks.scoring import Row
from osteo_core.simulate.patient import TEST_SEEDS


def row(true: float | None, error: float = 0.0, *, vendor: str = "GE", group: str = "native") -> Row:
    if true is None:
        return {"vendor": vendor, "group": group, "true": None}
    value = true + error
    return {"vendor": vendor, "group": group, "true": true, "read": value, "low": value - 6, "high": value + 6}


def test_native_and_enhanced_have_their_own_coverage_and_who_was_not_read_is_counted() -> None:
    native = [row(60.0 + 10 * n, 8.0 if n == 9 else 2.0) for n in range(10)]
    enhanced = [row(60.0 + 10 * n, 7.0 if n < 5 else -1.0, vendor="Philips", group="enhanced") for n in range(10)]
    found = {(one["vendor"], one["group"]): one for one in table([*native, *enhanced, row(None)])}
    own = found["all", "native"]
    assert (own["n"], own["without"]) == (11, 1)
    assert own["bias"] == pytest.approx(2.6)
    assert own["rmse"] == pytest.approx(((9 * 4 + 64) / 10) ** 0.5)
    assert own["coverage"] == pytest.approx(0.9)
    assert own["half_width"] == pytest.approx(6.0)
    assert found["all", "enhanced"]["coverage"] == pytest.approx(0.5)
    assert found["all", "both"]["coverage"] == pytest.approx(0.7)
    assert "r" not in found["GE", "enhanced"]


def test_its_patients_are_on_scanners_of_the_benchmarks() -> None:
    assert FIRST_SEED in TEST_SEEDS
    assert FIRST_SEED + 1000 in TEST_SEEDS
