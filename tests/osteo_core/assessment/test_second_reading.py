"""Two readings disagree if and only if their intervals do not overlap."""

from __future__ import annotations

import math

import numpy as np
import pytest

from osteo_core.assessment.second_reading import disagreements, mean_reading
from osteo_core.outcomes import CautionCode
from osteo_core.records import Estimate, Measurement
from osteo_core.terms import Level, Mineral


def of(value: float, half: float = 10.0) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=1, method="a network")


def level(name: Level, calibrated: Estimate | None, read: Estimate | None) -> Measurement:
    return Measurement(level=name, voxels=9000, volume_ml=30.0, vbmd_mg_cm3=calibrated, regressed_mg_cm3=read)


@pytest.mark.parametrize(("read", "told"), [(120.0, 0), (120.01, 1), (80.0, 0), (79.99, 1), (100.0, 0), (math.nan, 0)])
def test_intervals_that_touch_agree(read: float, told: int) -> None:
    found = disagreements([level(Level.L1, of(100.0), of(read))], None, mineral=Mineral.K2HPO4)
    assert [c.code for c in found] == [CautionCode.REGRESSION_DISAGREES] * told


def test_levels_and_mean_are_told_apart_and_in_words() -> None:
    sound = [level(Level.L1, of(100.0), of(150.0)), level(Level.L2, of(100.0), of(105.0))]
    first, mean = disagreements(sound, of(100.0, 5.0), mineral=Mineral.K2HPO4)
    assert (first.level, mean.level) == (Level.L1, None)
    assert first.found == "L1 150 mg/cm³ (140 to 160), calibrated 100 (90 to 110)"
    assert mean.sentence == (
        "The network (trained on simulated patients only) gives a different vBMD: mean 128 mg/cm³ (118 to 138), "
        "calibrated 100 (95 to 105). The calibrated value is kept."
    )


def test_values_in_another_mineral_are_not_compared() -> None:
    assert disagreements([level(Level.L1, of(100.0), of(200.0))], of(100.0), mineral=Mineral.HA) == ()


def test_what_was_not_read_or_not_calibrated_disagrees_with_nothing() -> None:
    sound = [level(Level.L1, None, of(200.0)), level(Level.L2, of(100.0), None)]
    assert disagreements(sound, of(100.0), mineral=Mineral.K2HPO4) == ()
    assert mean_reading(sound) is None
    assert mean_reading([]) is None


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_the_means_interval_holds_however_much_the_levels_err_together(shared: float) -> None:
    """At least 95 % of drawn means lie in it, and exactly 95 % if the errors of all levels are the same."""
    rng = np.random.default_rng(3)
    sds = np.array([6.0, 9.0, 12.0])
    errors = np.sqrt(shared) * rng.normal(size=(40_000, 1)) + np.sqrt(1 - shared) * rng.normal(size=(40_000, 3))
    drawn = (100.0 + errors * sds).mean(1)
    found = mean_reading(
        [level(name, None, of(100.0, 1.96 * sd)) for name, sd in zip((Level.L1, Level.L2, Level.L3), sds, strict=True)]
    )
    inside = float(np.mean((drawn >= found.low) & (drawn <= found.high)))
    assert inside >= 0.945
    assert (found.value, found.n) == (pytest.approx(100.0), 3)
    if shared == 1.0:
        assert inside == pytest.approx(0.95, abs=0.005)
