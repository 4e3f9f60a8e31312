"""A tilted stack is made upright again: every tissue keeps its position in the world."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.imaging.tilt import tilt_deg, untilt
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Geometry, Volume
from tests.builders.series import CtSpec, centre_of_grid, trunk_hu, truth_geometry


def tilted(angle: float) -> Volume:
    geometry = truth_geometry(CtSpec(tilt_deg=angle, pixel_spacing_mm=(3.0, 3.0), columns=110, rows=90, slices=20))
    return Volume(voxels_hu=trunk_hu(geometry), geometry=geometry)


@pytest.mark.parametrize("angle", [-25.0, -8.0, 5.0, 15.0])
def test_tissues_stay_where_they_are_in_the_world(angle: float) -> None:
    source = tilted(angle)
    assert tilt_deg(source.geometry.affine_lps) == pytest.approx(abs(angle), abs=1e-6)
    upright = untilt(source)
    assert isinstance(upright, Volume)
    assert upright.geometry.is_orthogonal
    truth = trunk_hu(upright.geometry, centre_of_grid(source.geometry))
    at = source.geometry.to_index(upright.geometry.to_world_mm(np.argwhere(truth > -2000)))
    inside = ((at >= 0) & (at <= np.array(source.geometry.shape) - 1)).all(axis=1).reshape(truth.shape)
    alike = np.abs(upright.voxels_hu.astype(int) - truth)[inside] <= 2
    # Only the edges of tissues are blended by the shift within the slice.
    assert alike.mean() > 0.93
    np.testing.assert_allclose(np.median(upright.voxels_hu[inside & (truth > 230)]), 250, atol=3)
    assert [c.code for c in upright.cautions] == [CautionCode.TILT_CORRECTED]
    assert "tilt" in upright.provenance[-1]


def test_nothing_falls_off_the_wider_grid() -> None:
    source, upright = tilted(20.0), untilt(tilted(20.0))
    inside = (source.voxels_hu > -500).sum() * source.geometry.voxel_volume_ml
    assert (upright.voxels_hu > -500).sum() * upright.geometry.voxel_volume_ml == pytest.approx(inside, rel=0.01)
    assert upright.voxels_hu.dtype == np.int16


def test_an_upright_stack_is_left_as_it_is() -> None:
    source = tilted(0.0)
    assert untilt(source) is source


def test_a_hair_of_tilt_only_squares_the_affine() -> None:
    source = tilted(0.3)
    squared = untilt(source)
    assert squared.geometry.is_orthogonal
    (caution,) = squared.cautions
    assert caution.sentence == "The axes of the grid were 0.30 degrees off right angles and were squared."
    np.testing.assert_array_equal(squared.voxels_hu, source.voxels_hu)
    corner = np.array([0.0, 0.0, 19.0])
    assert np.abs(squared.geometry.to_world_mm(corner) - source.geometry.to_world_mm(corner)).max() < 0.4


def test_too_much_is_an_exclusion() -> None:
    found = untilt(tilted(35.0))
    assert isinstance(found, Exclusion)
    assert found.code is ExclusionCode.GANTRY_TILT
    assert found.sentence == "The gantry is tilted by 35.0 degrees; at most 30 are allowed."


def with_axes(volume: Volume, order: tuple[int, int, int]) -> Volume:
    """The same volume with its array axes in another order."""
    geometry = Geometry(
        shape=tuple(volume.geometry.shape[axis] for axis in order),  # type: ignore[arg-type]
        affine_lps=volume.geometry.affine_lps[:, [*order, 3]],
    )
    return Volume(voxels_hu=volume.voxels_hu.transpose(order), geometry=geometry)


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_tilt_is_straightened_whichever_axis_the_slices_are(order: tuple[int, int, int]) -> None:
    expected = untilt(tilted(12.0))
    found = untilt(with_axes(tilted(12.0), order))
    assert isinstance(expected, Volume)
    assert isinstance(found, Volume)
    np.testing.assert_array_equal(found.voxels_hu, expected.voxels_hu.transpose(order))
    assert found.geometry.is_close(with_axes(expected, order).geometry)
    assert [c.code for c in found.cautions] == [CautionCode.TILT_CORRECTED]


@pytest.mark.parametrize("angle", [0.1, 0.4])
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (0, 2), (1, 2), (2, 0), (2, 1)])
def test_axes_a_hair_off_right_angles_are_squared(angle: float, axes: tuple[int, int]) -> None:
    source = tilted(0.0)
    affine = source.geometry.affine_lps.copy()
    affine[:3, axes[1]] += np.tan(np.radians(angle)) * source.geometry.directions[:, axes[0]] * 2.5
    hair = Volume(voxels_hu=source.voxels_hu, geometry=Geometry(shape=source.geometry.shape, affine_lps=affine))
    squared = untilt(hair)
    assert isinstance(squared, Volume)
    assert squared.geometry.is_orthogonal
    assert [c.code for c in squared.cautions] == [CautionCode.AXES_SQUARED]
    np.testing.assert_allclose(centre_of_grid(squared.geometry), centre_of_grid(hair.geometry), atol=1e-9)
    np.testing.assert_allclose(squared.geometry.spacing_mm, hair.geometry.spacing_mm)


def test_a_tilt_with_pixels_a_hair_off_is_straightened() -> None:
    source = tilted(12.0)
    affine = source.geometry.affine_lps.copy()
    affine[:3, 1] += 0.001 * affine[:3, 0]
    found = untilt(
        Volume(voxels_hu=source.voxels_hu, geometry=Geometry(shape=source.geometry.shape, affine_lps=affine))
    )
    assert isinstance(found, Volume)
    assert found.geometry.is_orthogonal


def test_a_grid_sheared_in_several_planes_has_a_reason_of_its_own() -> None:
    affine = np.eye(4)
    affine[0, 1] = affine[0, 2] = affine[1, 2] = 0.2
    volume = Volume(voxels_hu=np.zeros((4, 4, 4), np.int16), geometry=Geometry(shape=(4, 4, 4), affine_lps=affine))
    found = untilt(volume)
    assert isinstance(found, Exclusion)
    assert found.code is ExclusionCode.SHEARED
    assert "tilt" not in found.sentence


@pytest.mark.parametrize("step_mm", [1e7, 1.7e38])
def test_slices_shifted_far_outside_the_image_are_refused(step_mm: float) -> None:
    """A damaged voxel size: the wider grid would fill the memory, or its width overflow."""
    affine = np.diag([1.0, 1.0, step_mm, 1.0])
    affine[0, 2] = 0.2 * step_mm
    refused = untilt(
        Volume(voxels_hu=np.zeros((6, 5, 4), dtype=np.int16), geometry=Geometry(shape=(6, 5, 4), affine_lps=affine))
    )
    assert isinstance(refused, Exclusion)
    assert refused.code is ExclusionCode.GEOMETRY_MISSING
    assert refused.found.startswith("voxels of 1 x 1 x 1")
