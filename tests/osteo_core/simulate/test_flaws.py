"""A scanner's flaws: none for a perfect one, fixed for each scanner, and test scanners have different ones."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.simulate.flaws import ORDINARY, PERFECT, UNSEEN, Flaws, added_hu, contrast_kept, draw_flaws
from osteo_core.simulate.patient import DEMO_SEEDS, TEST_SEEDS, draw_patient


def test_a_perfect_scanner_adds_nothing() -> None:
    x, y = np.linspace(-150, 150, 7)[None, :], np.linspace(-100, 100, 5)[:, None]
    assert not added_hu(PERFECT, x, y, trunk_mm=300.0).any()
    assert contrast_kept(PERFECT, 420.0) == 1.0


def test_cupping_is_all_in_the_middle_and_grows_with_the_patient() -> None:
    flaws = Flaws(cupping_hu=-4.0)
    middle, rim = np.zeros(1), np.full(1, 170.0)
    assert added_hu(flaws, middle, middle, trunk_mm=340.0)[0] == pytest.approx(-4.0)
    assert added_hu(flaws, rim, middle, trunk_mm=340.0)[0] == 0.0
    assert added_hu(flaws, middle, middle, trunk_mm=440.0)[0] == pytest.approx(-4.0 * (440 / 340) ** 2)


def test_off_centre_the_back_is_brighter_than_the_front_by_the_slope() -> None:
    front, back = added_hu(Flaws(slope_hu_per_cm=0.5), np.zeros(2), np.array([-50.0, 50.0]), trunk_mm=340.0)
    assert back - front == pytest.approx(5.0)


def test_scatter_takes_contrast_from_large_patients_alone() -> None:
    flaws = Flaws(scatter=0.02)
    assert contrast_kept(flaws, 300.0) == 1.0
    assert contrast_kept(flaws, 440.0) == pytest.approx(0.98)


def test_a_scanners_own_flaws_stay_and_its_scale_drifts() -> None:
    first, later = (
        draw_flaws(np.random.default_rng(1), np.random.default_rng(scan), ORDINARY, day=day)
        for scan, day in ((2, 100), (3, 200))
    )
    assert (first.kvp_shift, first.cupping_hu, first.scatter) == (later.kvp_shift, later.cupping_hu, later.scatter)
    assert later.drift_hu == pytest.approx(2 * first.drift_hu)
    assert first.slope_hu_per_cm != later.slope_hu_per_cm


def test_the_benchmarks_scanners_are_not_those_of_the_demo() -> None:
    demo = [draw_patient(DEMO_SEEDS.start + n).acquisition for n in range(60)]
    test = [draw_patient(TEST_SEEDS.start + n).acquisition for n in range(60)]
    assert {a.unit for a in demo} == {1, 2}
    assert {a.unit for a in test} == {3, 4}
    assert np.std([a.flaws.kvp_shift for a in test]) > np.std([a.flaws.kvp_shift for a in demo])
    assert UNSEEN.scatter > ORDINARY.scatter
