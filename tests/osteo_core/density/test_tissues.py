"""Calibration tissues of a phantom torso are found at their HU; tissues out of view are absent."""

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.tissues import find_calibration_tissues, mode_hu, tissue_cautions
from osteo_core.density.trunk import coarse_volume, find_trunk
from osteo_core.outcomes import CautionCode
from osteo_core.records import CalibrationTissues, TissueSample
from osteo_core.terms import ContrastPhase, Level
from tests.builders.spines import FAT_HU, MUSCLE_HU, BodySpec, SpineSpec, build_spine, grid, reoriented, segmentation_of

TORSO = {"spacing_mm": (2.0, 2.0, 3.0), "extent_mm": (340.0, 250.0, 150.0), "centre_mm": (0.0, -40.0, 0.0)}


@pytest.fixture(scope="module")
def native():
    return build_spine(SpineSpec(noise_hu=15.0), grid(**TORSO), part_mm=3.0)


def test_tissues_of_the_torso_are_found_at_their_hu(native):
    tissues = find_calibration_tissues(*native)
    assert tissues.sample("air").mean_hu == pytest.approx(-1000.0, abs=5.0)
    assert tissues.sample("fat").mean_hu == pytest.approx(FAT_HU, abs=5.0)
    assert tissues.sample("muscle").mean_hu == pytest.approx(MUSCLE_HU, abs=5.0)
    assert 350.0 < tissues.sample("cortical").mean_hu < 550.0
    assert tissues.contrast_phase is ContrastPhase.NATIVE
    assert tissue_cautions(tissues) == ()


def test_tissues_do_not_depend_on_the_orientation_of_the_grid(native):
    straight = find_calibration_tissues(*native)
    turned = find_calibration_tissues(*reoriented(*native, axes=(2, 0, 1), flips=(True, False, True)))
    for sample in straight.samples:
        assert turned.sample(sample.name).mean_hu == pytest.approx(sample.mean_hu, abs=1e-3)
    assert turned.water_path_cm == pytest.approx(straight.water_path_cm, abs=1e-6)
    assert turned.contrast_phase is straight.contrast_phase


def test_an_enhanced_aorta_beside_a_native_cava_is_arterial():
    volume, segmentation = build_spine(SpineSpec(noise_hu=15.0, aorta_hu=160.0), grid(**TORSO), part_mm=3.0)
    tissues = find_calibration_tissues(volume, segmentation)
    assert tissues.sample("blood").mean_hu == pytest.approx(160.0, abs=6.0)
    assert tissues.contrast_phase is ContrastPhase.ARTERIAL


def test_a_narrow_field_of_view_has_no_air_and_no_fat():
    tissues = find_calibration_tissues(*build_spine(SpineSpec(), grid(spacing_mm=(2, 2, 2), extent_mm=(90, 90, 150))))
    assert tissues.sample("air") is None
    assert tissues.sample("fat") is None
    assert tissues.sample("cortical") is not None


def test_without_skin_the_fat_round_the_spine_stands_in(native):
    volume, segmentation = native
    hu, labels = volume.voxels_hu.copy(), segmentation.labels
    # A scan of only the spine: no air, no skin; a pad of fat beside the muscle.
    inner = slice(45, 125), slice(30, 95), slice(None)
    hu[50:62, 35:50, 5:45] = FAT_HU
    cropped = replace(
        volume,
        voxels_hu=hu[inner],
        geometry=replace(volume.geometry, shape=hu[inner].shape, affine_lps=_moved(volume.geometry, (45, 30, 0))),
    )
    found = find_calibration_tissues(cropped, segmentation_of(labels[inner], cropped.geometry))
    assert found.sample("air") is None
    assert found.sample("fat") is None
    assert found.sample("deep fat").mean_hu == pytest.approx(FAT_HU, abs=3.0)
    assert found.water_path_cm is None


def _moved(geometry, first):
    affine = geometry.affine_lps.copy()
    affine[:3, 3] = geometry.to_world_mm(np.array(first))
    return affine


def test_a_torso_has_a_water_path(native):
    assert 18.0 < find_calibration_tissues(*native).water_path_cm < 34.0


def test_nothing_outlined_leaves_air_and_fat(native):
    volume, segmentation = native
    empty = replace(segmentation, labels=np.zeros_like(segmentation.labels), levels=())
    tissues = find_calibration_tissues(volume, empty)
    assert [sample.name for sample in tissues.samples] == ["air", "fat"]
    assert tissues.contrast_phase is ContrastPhase.UNKNOWN


def test_shifted_hu_are_cautioned(native):
    volume, segmentation = native
    shifted = replace(volume, voxels_hu=volume.voxels_hu + np.float32(75.0))
    (caution,) = tissue_cautions(find_calibration_tissues(shifted, segmentation))
    assert caution.code is CautionCode.HU_SHIFT
    assert caution.found.startswith("air -925 HU, expected -1030 to -940")


def test_the_limits_of_fat_are_named_in_the_caution():
    sample = TissueSample(name="fat", mean_hu=-40.0, sd_hu=10.0, area_mm2=500.0)
    (caution,) = tissue_cautions(CalibrationTissues(samples=(sample,)))
    assert caution.found == "fat -40 HU, expected -130 to -60"


def test_padding_of_another_value_is_not_air(native):
    volume, segmentation = native
    hu = np.where(volume.voxels_hu < -800.0, np.float32(-1023.0), volume.voxels_hu)
    assert find_calibration_tissues(replace(volume, voxels_hu=hu), segmentation).sample("air") is None


def test_the_mode_ignores_a_tail():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(50.0, 8.0, 4000), rng.uniform(-100.0, 50.0, 1500)])
    assert mode_hu(values) == pytest.approx(50.0, abs=2.5)


def test_a_table_is_neither_body_nor_air(native):
    volume, _ = native
    hu = volume.voxels_hu.copy()
    j = round(volume.geometry.to_index(np.array([0.0, 75.0, 0.0]))[1])
    hu[:, j : j + 3, :] = -100.0
    trunk = find_trunk(replace(volume, voxels_hu=hu))
    table = trunk.geometry.to_index(np.array([0.0, 77.0, 0.0])).round().astype(int)
    centre = trunk.geometry.to_index(np.array([0.0, -40.0, 0.0])).round().astype(int)
    assert not trunk.inside[tuple(table)]
    assert not trunk.air[tuple(table)]
    assert trunk.inside[tuple(centre)]
    # Half depth of the torso is 100 mm.
    assert trunk.depth_mm[tuple(centre)] == pytest.approx(100.0, abs=6.0)


def test_coarse_blocks_lie_where_their_voxels_lay():
    volume, _ = build_spine(SpineSpec(), grid(spacing_mm=(1.0, 1.5, 3.0), extent_mm=(30.0, 31.5, 33.0)))
    hu, geometry = coarse_volume(volume)
    assert geometry.spacing_mm == pytest.approx((3.0, 3.0, 3.0))
    assert geometry.to_world_mm(np.zeros(3)) == pytest.approx(volume.geometry.to_world_mm(np.array([1.0, 0.5, 0.0])))
    assert hu[0, 0, 0] == pytest.approx(volume.voxels_hu[:3, :2, 0].mean(), abs=1e-3)


@pytest.mark.parametrize(("levels", "is_seen"), [((Level.L2, Level.L3), True), ((Level.L3, Level.L4), False)])
def test_where_the_aorta_may_have_divided_a_level_does_not_vote(levels, is_seen):
    """The disc at L4 may be bowel or muscle, so with only L3 above it nothing is called native."""
    bodies = tuple(BodySpec(level=level) for level in levels)
    tissues = find_calibration_tissues(
        *build_spine(SpineSpec(bodies=bodies, noise_hu=15.0), grid(**TORSO), part_mm=3.0)
    )
    assert (tissues.sample("blood") is not None) is is_seen
    assert (tissues.contrast_phase is ContrastPhase.NATIVE) is is_seen
