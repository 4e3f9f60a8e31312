"""A body's own axes follow the body, not the grid."""

import numpy as np
import pytest

from osteo_core.morphometry.frame import chords_mm, find_bodies
from osteo_core.terms import Level
from tests.builders.spines import BodySpec, SpineSpec, grid, outline_spine, rotation, segmentation_of


def _tilt_deg(axes: np.ndarray) -> float:
    up = axes[:, 2]
    return float(np.degrees(np.arctan2(-up[1], up[2])))


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5)])
def test_superior_axis_follows_the_endplates_of_a_tilted_body(spacing_mm):
    tilts = (10.0, 4.0, -4.0, -14.0)
    segmentation = outline_spine(SpineSpec(tilt_deg=tilts), grid(spacing_mm=spacing_mm))
    found = [_tilt_deg(body.frame.axes) for body in find_bodies(segmentation)]
    assert found == pytest.approx(tilts, abs=2.0)


def test_left_axis_follows_a_turned_body():
    segmentation = outline_spine(SpineSpec(axial_turn_deg=12.0), grid())
    for body in find_bodies(segmentation):
        left = body.frame.axes[:, 0]
        assert np.degrees(np.arctan2(left[1], left[0])) == pytest.approx(12.0, abs=1.5)


def test_axes_are_right_handed_patient_directions():
    segmentation = outline_spine(SpineSpec(), grid())
    axes = find_bodies(segmentation)[0].frame.axes
    assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-9)
    assert axes == pytest.approx(np.diag([1.0, -1.0, 1.0]), abs=0.02)


def test_frame_round_trip_returns_the_point():
    segmentation = outline_spine(SpineSpec(tilt_deg=(8.0, 0.0, 0.0, 0.0)), grid())
    frame = find_bodies(segmentation)[0].frame
    point = np.array([[3.0, -7.0, 11.0]])
    assert frame.to_world_mm(frame.to_body_mm(point)) == pytest.approx(point)


def test_chords_measure_the_width_of_the_cylinder():
    spec = SpineSpec(bodies=(BodySpec(level=Level.L2, half_width_mm=20.0),))
    segmentation = outline_spine(spec, grid(extent_mm=(70.0, 70.0, 50.0)))
    (body,) = find_bodies(segmentation)
    low, high = chords_mm(body, starts_mm=np.zeros((1, 3)), direction=0)
    assert high[0] - low[0] == pytest.approx(40.0, abs=1.0)
    assert np.isnan(chords_mm(body, starts_mm=np.array([[0.0, 60.0, 0.0]]), direction=0)[0][0])


def test_bodies_come_from_head_to_foot_with_their_volume():
    segmentation = outline_spine(SpineSpec(tilt_deg=(12.0, 8.0, -8.0, -12.0)), grid())
    bodies = find_bodies(segmentation)
    assert [body.level for body in bodies] == [Level.L1, Level.L2, Level.L3, Level.L4]
    truth_ml = np.pi * 21.0 * 16.0 * 27.0 / 1000
    assert [body.volume_ml for body in bodies] == pytest.approx([truth_ml] * 4, rel=0.03)


def test_the_crop_of_a_body_keeps_world_coordinates():
    segmentation = outline_spine(SpineSpec(), grid(rotation=rotation("y", 25.0), extent_mm=(110.0, 80.0, 190.0)))
    for body in find_bodies(segmentation):
        start = np.array([part.start for part in body.box], dtype=float)
        assert body.geometry.to_world_mm(np.zeros(3)) == pytest.approx(segmentation.geometry.to_world_mm(start))
        assert body.mask.shape == segmentation.labels[body.box].shape
        assert body.voxels == (segmentation.labels == body.level).sum()


def test_stray_voxels_are_counted_and_do_not_turn_the_axes():
    segmentation = outline_spine(SpineSpec(tilt_deg=(8.0, 0.0, 0.0, 0.0)), grid())
    labels = segmentation.labels.copy()
    labels[2:4, 2:4, 2:4] = Level.L1
    clean, stray = find_bodies(segmentation)[0], find_bodies(segmentation_of(labels, segmentation.geometry))[0]
    assert stray.voxels == clean.voxels + 8
    assert stray.box == clean.box
    assert stray.frame.axes == pytest.approx(clean.frame.axes)
    assert np.array_equal(stray.mask, clean.mask)


def test_an_empty_segmentation_has_no_bodies():
    geometry = grid(extent_mm=(10.0, 10.0, 10.0))
    empty = segmentation_of(np.zeros(geometry.shape, dtype=np.uint8), geometry)
    assert find_bodies(empty) == ()
