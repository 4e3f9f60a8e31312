"""Settings that change one thing, and the criterion by which a setting passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import anatomy
from benchmarks.degradations import case_of
from benchmarks.robustness import keys_of, slug, table
from benchmarks.robustness_settings import SETTINGS
from osteo_core.records import Geometry, Volume
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.render import render
from osteo_core.simulate.truth import FractureKind
from osteo_core.terms import ContrastPhase, Level

SEED = TEST_SEEDS.start + 4000


def patient():
    return draw_patient(SEED, situations=False)


def test_each_setting_has_a_file_name_of_its_own() -> None:
    assert len({slug(setting.name) for setting in SETTINGS}) == len(SETTINGS)


def test_real_series_undergo_only_what_a_volume_can() -> None:
    keys = keys_of(SETTINGS, n_seeds=1, real=True)
    real = {key.split("~")[0] for key in keys if "~real~" in key}
    assert slug("as it comes") in real
    assert slug("slices 3 mm, head to foot") in real
    assert not any(name.startswith(("kernel", "scoliosis", "80-kvp")) for name in real)


@pytest.mark.parametrize(("grade", "least", "most"), [(1, 0.20, 0.25), (2, 0.25, 0.40), (3, 0.40, 0.60)])
def test_a_wedge_fracture_has_the_height_loss_of_its_grade(grade: int, least: float, most: float) -> None:
    level = anatomy.with_fracture(FractureKind.WEDGE, grade)(patient()).level(Level.L2)
    loss = 1 - level.anterior_height_mm / (0.97 * level.posterior_height_mm)
    assert least <= loss <= most


def test_voltage_contrast_and_dose_change_nothing_else() -> None:
    drawn = patient()
    scan = anatomy.with_voltage(80)(drawn).acquisition
    assert (scan.kvp, scan.kernel, scan.thickness_mm) == (80, drawn.acquisition.kernel, drawn.acquisition.thickness_mm)
    arterial = anatomy.with_contrast(ContrastPhase.ARTERIAL)(drawn)
    assert arterial.contrast.phase is ContrastPhase.ARTERIAL
    assert replace(arterial, contrast=drawn.contrast) == drawn
    assert anatomy.with_noise(4.0)(drawn).acquisition.noise_hu == pytest.approx(4 * drawn.acquisition.noise_hu)


def test_a_rib_on_the_first_lumbar_vertebra_is_bone_where_there_was_none() -> None:
    small = replace(patient(), acquisition=replace(patient().acquisition, matrix=64, pixel_mm=6.4, step_mm=5.0))
    plain, _ = render(small)
    ribbed, _ = render(anatomy.with_last_rib(Level.L1)(small))
    more = ribbed.voxels_hu.astype(int) - plain.voxels_hu
    assert (more > 150).sum() > 20
    assert (more < -150).sum() < (more > 150).sum() / 10


def test_the_truth_follows_an_unusual_count() -> None:
    truth = np.zeros((12, 4, 4), dtype=np.uint8)
    truth[2:4], truth[6:8] = Level.L1, Level.L2
    geometry = Geometry(shape=truth.shape, affine_lps=np.eye(4))
    case = case_of(Volume(voxels_hu=truth.astype(np.int16), geometry=geometry), truth)
    made = anatomy.renumbered(case, anatomy.THIRTEEN_RIBS)
    assert set(np.unique(made.truth)) == {0, Level.T13, Level.L1}
    assert made.truth[6, 0, 0] == Level.L1


def row(**changes: object) -> dict:
    plain = {"setting": "s", "source": "simulated", "series": "1", "level": "L1", "whole": True, "outcome": "right"}
    return {**plain, "dice": 0.95, "msd_mm": 0.4, "flagged": False, "measured": True, **changes}


@pytest.mark.parametrize(
    ("rows", "passed"),
    [
        ([row(), row(level="L2")], True),
        ([row(), row(level="L2", outcome="missing", dice=0.0, msd_mm=None)], False),
        ([row(), row(series="2", outcome="wrong", dice=0.0, flagged=True)], True),
        ([row(dice=0.8), row(level="L2", dice=0.82)], False),
        ([row(), row(level="L2", whole=False, outcome="missing", dice=0.0)], True),
    ],
    ids=["all right", "one missing in silence", "one wrong but flagged", "low Dice in silence", "one cut by the view"],
)
def test_a_setting_passes_unless_it_fails_in_silence(rows: list[dict], passed: bool) -> None:
    assert [line["passed"] for line in table(rows)] == [passed]


def small_spine():
    """T12-L5 as boxes, 4 mm voxels, in a body of soft tissue surrounded by air."""
    truth = np.zeros((60, 50, 70), dtype=np.uint8)
    for level in range(Level.T12, Level.L5 + 1):
        low = 60 - 9 * (level - Level.T12 + 1)
        truth[25:35, 20:30, low : low + 7] = level
    hu = np.full(truth.shape, -1000, dtype=np.int16)
    hu[15:45, 5:45] = 40
    hu[truth > 0] = 200
    return case_of(Volume(voxels_hu=hu, geometry=Geometry(shape=truth.shape, affine_lps=np.diag([4, 4, 4, 1]))), truth)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: slug(setting.name))
def test_each_setting_changes_something_and_keeps_image_and_truth_together(setting) -> None:
    if setting.patient:
        drawn = [draw_patient(seed, situations=False) for seed in range(SEED, SEED + 8)]
        assert any(setting.patient(one) != one for one in drawn)
    if setting.volume:
        made = setting.volume(small_spine())
        assert made.truth.shape == made.volume.voxels_hu.shape == made.geometry.shape
        assert made.volume.voxels_hu.dtype == np.int16
        assert len(made.whole) >= 3 or "side through" in setting.name


def test_arms_are_painted_over_air_alone() -> None:
    before = small_spine().volume.voxels_hu
    after = anatomy.with_arms(small_spine()).volume.voxels_hu
    changed = after != before
    assert changed.any()
    assert (before[changed] == -1000).all()
    assert changed[:15].any()
    assert changed[45:].any()
