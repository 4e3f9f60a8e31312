"""The trabecular region: only in the core of the bone, the same on every grid, and refused with a reason."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from osteo_core.density.roi import depth_mm, measure_levels, trabecular_roi
from osteo_core.morphometry.fracture import grade_fractures
from osteo_core.morphometry.frame import find_bodies
from osteo_core.outcomes import Caution, CautionCode, ExclusionCode
from osteo_core.records import Volume
from osteo_core.terms import Level, Step
from tests.builders.spines import (
    BodySpec,
    SpineSpec,
    build_spine,
    grid,
    outline_spine,
    reoriented,
    rotation,
    segmentation_of,
)


def measure_level(volume, segmentation, level):
    """The row of one level."""
    return next(m for m in measure_levels(volume, segmentation) if m.level == level)


SPINE = SpineSpec(
    bodies=(
        BodySpec(level=Level.L1, trabecular_hu=110.0, vein_hu=20.0),
        BodySpec(level=Level.L2, trabecular_hu=130.0, vein_hu=20.0),
        BodySpec(level=Level.L3, trabecular_hu=150.0, vein_hu=20.0),
    ),
    tilt_deg=(6.0, 0.0, -8.0),
)


@pytest.fixture(scope="module")
def spine():
    return build_spine(SPINE, grid(extent_mm=(80.0, 80.0, 120.0)))


def _medians(volume, segmentation):
    return np.array([m.median_hu for m in measure_levels(volume, segmentation)])


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.8, 1.0), (0.9, 0.9, 2.5), (0.9, 0.9, 5.0)])
def test_only_trabecular_bone_is_measured_at_any_slice_thickness(spacing_mm):
    volume, segmentation = build_spine(SPINE, grid(spacing_mm=spacing_mm, extent_mm=(80.0, 80.0, 120.0)))
    rows = measure_levels(volume, segmentation)
    assert [m.mean_hu for m in rows] == pytest.approx([110.0, 130.0, 150.0], abs=0.5)
    assert [m.sd_hu for m in rows] == pytest.approx([0.0] * 3, abs=5.0)
    assert all(m.exclusion is None for m in rows)


def test_one_scan_read_at_one_to_five_mm_gives_the_same_medians():
    fine = grid(spacing_mm=(0.9, 0.9, 1.0), extent_mm=(72.0, 72.0, 120.0))
    noisy, segmentation = build_spine(replace(SPINE, noise_hu=40.0), fine)
    rows = [measure_levels(noisy, segmentation)]
    for step in (2, 3, 4, 5):
        rows.append(measure_levels(*_thicker(noisy, segmentation, step)))
    medians = np.array([[m.median_hu for m in levels] for levels in rows])
    assert np.ptp(medians, axis=0).max() < 4.0
    assert medians.mean(axis=0) == pytest.approx([110.0, 130.0, 150.0], abs=2.0)


def _thicker(volume, segmentation, step):
    """The same scan with every ``step`` slices averaged into one; a voxel gets the label of most of its volume."""
    n = volume.geometry.shape[2] // step
    blocks = (*volume.geometry.shape[:2], n, step)
    affine = volume.geometry.affine_lps.copy()
    affine[:3, 3] += affine[:3, 2] * (step - 1) / 2
    affine[:3, 2] *= step
    geometry = replace(volume.geometry, shape=blocks[:3], affine_lps=affine)
    labels = segmentation.labels[..., : n * step].reshape(blocks)
    thick = np.where((labels > 0).mean(axis=3) > 0.5, labels.max(axis=3), 0)
    hu = volume.voxels_hu[..., : n * step].reshape(blocks).mean(axis=3)
    return replace(volume, voxels_hu=hu, geometry=geometry), segmentation_of(thick, geometry)


@pytest.mark.parametrize("step_mm", [2.0, 3.0, 4.25, 5.0])
def test_region_volume_does_not_depend_on_slice_thickness(step_mm):
    def roi_ml(step):
        segmentation = outline_spine(SPINE, grid(spacing_mm=(0.9, 0.9, step), extent_mm=(80.0, 80.0, 120.0)))
        return np.mean([trabecular_roi(b).sum() * b.geometry.voxel_volume_ml for b in find_bodies(segmentation)])

    assert roi_ml(step_mm) == pytest.approx(roi_ml(1.0), rel=0.12)


def test_body_volume_survives_resampling():
    truth_ml = np.pi * 21.0 * 16.0 * 27.0 / 1000
    tilted = replace(SPINE, tilt_deg=(12.0, 8.0, -12.0))
    for spacing in ((0.7, 0.7, 1.0), (1.0, 1.0, 3.0), (1.5, 1.5, 1.5)):
        volume, segmentation = build_spine(tilted, grid(spacing_mm=spacing, extent_mm=(80.0, 80.0, 120.0)))
        found = np.mean([m.volume_ml for m in measure_levels(volume, segmentation)])
        assert found == pytest.approx(truth_ml, rel=0.04)


@given(shift=st.integers(-150, 150))
@settings(max_examples=8, deadline=None)
def test_adding_hu_moves_every_mean_by_as_much(spine, shift):
    volume, segmentation = spine
    before = measure_levels(volume, segmentation)
    after = measure_levels(replace(volume, voxels_hu=volume.voxels_hu + np.float32(shift)), segmentation)
    for old, new in zip(before, after, strict=True):
        assert new.mean_hu - old.mean_hu == pytest.approx(shift, abs=1e-3)
        assert new.median_hu - old.median_hu == pytest.approx(shift, abs=1e-3)
        assert new.sd_hu == pytest.approx(old.sd_hu, abs=1e-3)


@given(
    axes=st.permutations([0, 1, 2]),
    flips=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
@settings(max_examples=6, deadline=None)
def test_no_flip_or_axis_order_changes_a_level(axes, flips):
    volume, segmentation = build_spine(
        replace(SPINE, noise_hu=25.0), grid(spacing_mm=(1.1, 1.0, 2.0), extent_mm=(70.0, 70.0, 110.0))
    )
    turned = measure_levels(*reoriented(volume, segmentation, axes=tuple(axes), flips=flips))
    for old, new in zip(measure_levels(volume, segmentation), turned, strict=True):
        assert (new.level, new.voxels, new.roi_voxels) == (old.level, old.voxels, old.roi_voxels)
        assert new.median_hu == pytest.approx(old.median_hu, abs=1e-4)
        assert new.anterior_height_mm == pytest.approx(old.anterior_height_mm, abs=1e-6)


def test_an_oblique_grid_gives_the_same_hu():
    oblique = grid(rotation=rotation("x", 20.0) @ rotation("z", 10.0), extent_mm=(110.0, 110.0, 150.0))
    assert _medians(*build_spine(SPINE, oblique)) == pytest.approx([110.0, 130.0, 150.0], abs=0.5)


def test_vein_and_posterior_wall_are_kept_out(spine):
    volume, segmentation = spine
    for body in find_bodies(segmentation):
        hu = volume.voxels_hu[body.box][trabecular_roi(body)]
        assert hu.min() > 100.0
        assert hu.max() < 160.0


def test_depth_is_measured_from_the_faces_of_thick_slices():
    spec = SpineSpec(bodies=(BodySpec(level=Level.L1, anterior_mm=25.0, middle_mm=25.0, posterior_mm=25.0),))
    segmentation = outline_spine(spec, grid(spacing_mm=(1.0, 1.0, 5.0), extent_mm=(61.0, 61.0, 55.0)))
    (body,) = find_bodies(segmentation)
    centre = body.frame.origin_mm
    index = np.round(body.geometry.to_index(centre)).astype(int)
    assert depth_mm(body)[tuple(index)] == pytest.approx(12.5, abs=0.6)


def depth_by_parts_mm(mask, spacing_mm):
    """The same by splitting every voxel into parts, with SciPy's distance transform over all of them."""
    parts = [max((n := int(np.ceil(step - 1e-6))) + 1 - n % 2, 1) for step in spacing_mm]
    fine = mask
    for axis, n in enumerate(parts):
        fine = np.repeat(fine, n, axis=axis)
    sampling = [step / n for step, n in zip(spacing_mm, parts, strict=True)]
    depth = ndimage.distance_transform_edt(np.pad(fine, 1), sampling=sampling)[1:-1, 1:-1, 1:-1]
    return np.maximum(depth[tuple(slice(n // 2, None, n) for n in parts)] - min(sampling) / 2, 0.0) * mask


@pytest.mark.parametrize("spacing_mm", [(0.7, 0.7, 1.0), (1.03, 1.03, 1.1), (0.9, 0.9, 5.0), (2.0, 1.0, 3.0)])
@pytest.mark.parametrize("share", [0.3, 0.02, 0.001, 0.0])
def test_depth_is_that_of_the_parts(spacing_mm, share):
    rng = np.random.default_rng(round(1000 * share))
    mask = rng.random((24, 21, 18)) >= share
    body = SimpleNamespace(mask=mask, geometry=SimpleNamespace(spacing_mm=spacing_mm))
    np.testing.assert_array_equal(depth_mm(body), depth_by_parts_mm(mask, spacing_mm))


def test_a_cut_level_is_refused_before_anything_else():
    volume, segmentation = build_spine(
        replace(SPINE, cut={Level.L3: "foot"}), grid(spacing_mm=(1.5, 1.5, 2.0), extent_mm=(80.0, 80.0, 120.0))
    )
    row = measure_level(volume, segmentation, Level.L3)
    assert row.exclusion.code is ExclusionCode.LEVEL_CUT
    assert row.exclusion.sentence == "The field of view cuts this vertebra (foot)."


def test_low_confidence_is_refused():
    volume, segmentation = build_spine(
        replace(SPINE, confidence=0.3), grid(spacing_mm=(1.5, 1.5, 2.0), extent_mm=(80.0, 80.0, 120.0))
    )
    row = measure_level(volume, segmentation, Level.L1)
    assert row.exclusion.code is ExclusionCode.LEVEL_UNSURE
    assert "confidence 0.30, at least 0.5" in row.exclusion.sentence


def test_a_confidence_that_nobody_stated_is_no_low_one():
    volume, segmentation = build_spine(SPINE, grid(spacing_mm=(1.5, 1.5, 2.0), extent_mm=(80.0, 80.0, 120.0)))
    levels = tuple(replace(level, confidence=None) for level in segmentation.levels)
    row = measure_level(volume, replace(segmentation, levels=levels), Level.L1)
    assert (row.exclusion, row.confidence) == (None, None)


def test_metal_in_a_body_is_refused(spine):
    volume, segmentation = spine
    hu = volume.voxels_hu.copy()
    body = find_bodies(segmentation)[1]
    i, j, k = np.round(segmentation.geometry.to_index(body.frame.origin_mm)).astype(int)
    hu[i : i + 4, j : j + 4, k : k + 4] = 3000.0
    rows = {m.level: m for m in measure_levels(replace(volume, voxels_hu=hu), segmentation)}
    assert rows[Level.L2].exclusion.code is ExclusionCode.METAL
    assert rows[Level.L1].exclusion is None


def test_a_small_body_has_too_small_a_region():
    spec = SpineSpec(bodies=(BodySpec(level=Level.L1, half_width_mm=9.0, half_depth_mm=9.0),))
    volume, segmentation = build_spine(spec, grid(extent_mm=(60.0, 60.0, 50.0)))
    row = measure_level(volume, segmentation, Level.L1)
    assert row.exclusion.code is ExclusionCode.ROI_TOO_SMALL
    assert row.exclusion.limit == "1"


@pytest.mark.parametrize("trabecular_hu", [-300.0, 620.0])
def test_implausible_hu_are_refused(trabecular_hu):
    spec = SpineSpec(bodies=(BodySpec(level=Level.L1, trabecular_hu=trabecular_hu),))
    row = measure_level(*build_spine(spec, grid(extent_mm=(60.0, 60.0, 50.0))), Level.L1)
    assert row.exclusion.code is ExclusionCode.IMPLAUSIBLE_HU
    assert f"median {trabecular_hu:.0f} HU; expected -100 to 500 HU" in row.exclusion.sentence


def test_a_sclerotic_level_is_outvoted_by_two_others():
    bodies = tuple(
        BodySpec(level=x, trabecular_hu=hu) for x, hu in ((Level.L1, 210.0), (Level.L2, 90.0), (Level.L3, 80.0))
    )
    rows = measure_levels(*build_spine(SpineSpec(bodies=bodies), grid(spacing_mm=(1.5, 1.5, 2.0))))
    assert rows[0].exclusion.code is ExclusionCode.UNLIKE_OTHERS
    assert "median 210 HU, the others 85 HU" in rows[0].exclusion.sentence
    assert [row.exclusion for row in rows[1:]] == [None, None]


def test_t12_is_described_and_does_not_count():
    spec = SpineSpec(bodies=(BodySpec(level=Level.T12), BodySpec(level=Level.L1)))
    row = measure_level(*build_spine(spec, grid(extent_mm=(80.0, 80.0, 80.0))), Level.T12)
    assert row.exclusion.code is ExclusionCode.NOT_A_MEASURED_LEVEL
    assert row.median_hu == pytest.approx(150.0, abs=0.5)


def test_two_bodies_in_one_outline_are_refused(spine):
    volume, segmentation = spine
    labels = segmentation.labels.copy()
    i, j, _ = np.argwhere(labels == Level.L2).mean(axis=0).round().astype(int)
    column = labels[i - 12 : i + 12, j - 10 : j + 10]
    top, bottom = (np.argwhere(labels == level)[:, 2] for level in (Level.L1, Level.L2))
    column[:, :, bottom.max() : top.min()] = Level.L1
    labels[labels == Level.L2] = Level.L1
    row = measure_level(volume, segmentation_of(labels, segmentation.geometry), Level.L1)
    assert row.exclusion.code is ExclusionCode.IMPLAUSIBLE_BODY
    assert "mm high; expected are 5 to 40 mm" in row.exclusion.sentence


def test_a_torn_outline_is_refused_and_not_graded(spine):
    volume, segmentation = spine
    labels = segmentation.labels.copy()
    where = np.argwhere(labels == Level.L2)
    low, high = where[:, 2].min(), where[:, 2].max()
    labels[:, :, low + 2 : high - 1][labels[:, :, low + 2 : high - 1] == Level.L2] = 0
    labels[:, :, low + 2 :][labels[:, :, low + 2 :] == Level.L2] = 0
    rows = measure_levels(volume, segmentation_of(labels, segmentation.geometry))
    graded, cautions = grade_fractures(rows)
    torn = next(row for row in graded if row.level == Level.L2)
    assert torn.exclusion.code is ExclusionCode.IMPLAUSIBLE_BODY
    assert torn.fracture_grade is None
    assert cautions == ()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_region_at_the_upper_bound_of_a_window_has_no_hu(spine, is_told):
    volume, segmentation = spine
    caution = Caution(code=CautionCode.WINDOW_CLIPPED, step=Step.READ, found="nothing above 140 HU")
    clipped = replace(
        volume, voxels_hu=np.minimum(volume.voxels_hu, 140), cautions=(caution,) if is_told else volume.cautions
    )
    rows = {m.level: m for m in measure_levels(clipped, segmentation)}
    # L1 (110 HU) and L2 (130 HU) are below the bound; L3 (150 HU) is beyond it.
    assert [rows[level].median_hu for level in (Level.L1, Level.L2)] == pytest.approx([110.0, 130.0], abs=1.0)
    if is_told:
        assert rows[Level.L3].exclusion.code is ExclusionCode.IMPLAUSIBLE_HU
        assert "at the upper bound of a window, 140 HU" in rows[Level.L3].exclusion.found
    else:  # an even region of a sound scan is not clipped
        assert rows[Level.L3].exclusion is None


def test_a_clipped_window_far_above_a_region_takes_nothing_out(spine):
    volume, segmentation = spine
    caution = Caution(code=CautionCode.WINDOW_CLIPPED, step=Step.READ, found="nothing above 240 HU")
    noisy = volume.voxels_hu + np.random.default_rng(3).normal(0.0, 15.0, volume.voxels_hu.shape)
    clipped = replace(volume, voxels_hu=np.clip(noisy, -160, 240).astype(np.int16), cautions=(caution,))
    assert all(m.exclusion is None for m in measure_levels(clipped, segmentation))


@pytest.mark.parametrize("seed", range(40))
def test_any_shape_has_numbers_or_a_reason(seed):
    """Blobs, shells and crumbs, as outlined at the edge of a thorax: lines along them may miss every voxel."""
    rng = np.random.default_rng(seed)
    geometry = grid(spacing_mm=(1.0, 1.0, 2.0), extent_mm=(40.0, 40.0, 40.0))
    noise = ndimage.gaussian_filter(rng.normal(size=geometry.shape), rng.uniform(0.7, 3.0))
    shell = np.abs(noise - rng.normal(0, noise.std())) < rng.uniform(0.1, 0.6) * noise.std()
    labels = np.where(shell, np.uint8(Level.L2), np.uint8(0))
    voxels = np.round(rng.normal(150, 60, geometry.shape)).astype(np.int16)
    found = measure_levels(Volume(voxels_hu=voxels, geometry=geometry), segmentation_of(labels, geometry))
    assert all(row.exclusion is not None or row.median_hu is not None for row in found)
