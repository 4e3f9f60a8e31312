"""Resampling between grids preserves the world: positions and values stay together, whatever the order of the axes."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteo_core.imaging.resample import (
    canonical,
    cropped_grid,
    reorient,
    resample_labels,
    resample_volume,
)
from osteo_core.records import Geometry

CODES = ["".join(letters) for order in permutations(("LR", "AP", "SI")) for letters in product(*order)]


def oblique_geometry(shape: tuple[int, int, int] = (5, 6, 7)) -> Geometry:
    """A grid turned by about 20 degrees about two axes, with three different spacings."""
    a, b = np.radians(20), np.radians(-15)
    turn_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = turn_z @ turn_x @ np.diag([0.8, 1.1, 2.5])
    affine[:3, 3] = (-12.0, 30.0, -410.0)
    return Geometry(shape=shape, affine_lps=affine)


def grid_of_spacing(geometry: Geometry, spacing_mm: tuple[float, float, float]) -> Geometry:
    """A grid with the same axes and the same field of view, and this spacing (mm).

    The outer faces of the first voxels stay in place; the far faces move by less than one new voxel.
    """
    new = np.asarray(spacing_mm, dtype=float)
    old = np.asarray(geometry.spacing_mm)
    shape = np.maximum(1, np.ceil(np.asarray(geometry.shape) * old / new - 1e-6)).astype(int)
    affine = geometry.affine_lps.copy()
    affine[:3, :3] = geometry.directions * new
    affine[:3, 3] += geometry.directions @ ((new - old) / 2)
    return Geometry(shape=(int(shape[0]), int(shape[1]), int(shape[2])), affine_lps=affine)


def values_by_place(array: np.ndarray, geometry: Geometry) -> dict[tuple[float, ...], int]:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), axis=-1)
    places = np.round(geometry.to_world_mm(index), 4) + 0.0
    return {tuple(place): int(value) for place, value in zip(places.reshape(-1, 3), array.ravel(), strict=True)}


def test_there_are_48_orientations() -> None:
    assert len(set(CODES)) == 48


@pytest.mark.parametrize("codes", CODES)
def test_reorient_keeps_every_voxel_in_its_place(codes: str) -> None:
    geometry = oblique_geometry()
    array = np.arange(5 * 6 * 7).reshape(5, 6, 7)
    turned, moved = reorient(array, geometry, codes)
    assert moved.axis_codes == codes
    assert values_by_place(turned, moved) == values_by_place(array, geometry)
    back, home = reorient(turned, moved, geometry.axis_codes)
    np.testing.assert_array_equal(back, array)
    assert home.is_close(geometry, tolerance_mm=1e-9)


def test_canonical_is_lps() -> None:
    array = np.arange(210).reshape(5, 6, 7)
    turned, moved = reorient(array, oblique_geometry(), "PIR")
    assert canonical(turned, moved)[1].axis_codes == "LPS"


@pytest.mark.parametrize("codes", ["LPL", "LP", "XYZ", "LRS", ""])
def test_codes_must_name_three_axes(codes: str) -> None:
    with pytest.raises(ValueError, match="three different body axes"):
        reorient(np.zeros((5, 6, 7)), oblique_geometry(), codes)


def test_array_must_fit_its_geometry() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        reorient(np.zeros((5, 6, 8)), oblique_geometry(), "LPS")
    with pytest.raises(ValueError, match="does not fit"):
        resample_labels(np.zeros((5, 6, 8), np.uint8), oblique_geometry(), oblique_geometry())


@settings(max_examples=20, deadline=None)
@given(codes=st.sampled_from(CODES), spacing=st.tuples(*[st.floats(0.5, 2.0)] * 3))
def test_a_linear_ramp_survives_any_grid(codes: str, spacing: tuple[float, float, float]) -> None:
    source = oblique_geometry((9, 10, 8))
    ramp = ramp_on(source)
    target = reorient(np.zeros(source.shape), grid_like(source), codes)[1]
    target = grid_of_spacing(target, spacing)
    found = resample_volume(ramp, source, target, fill=np.nan)
    inside = inner_places(source, target)
    assert inside.any()
    np.testing.assert_allclose(found[inside], ramp_on(target)[inside], atol=2e-3)


def ramp_on(geometry: Geometry) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), axis=-1)
    return (geometry.to_world_mm(index) @ np.array([1.0, -2.0, 0.5])).astype(np.float32)


def grid_like(geometry: Geometry) -> Geometry:
    return Geometry(shape=geometry.shape, affine_lps=geometry.affine_lps)


def inner_places(source: Geometry, target: Geometry) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in target.shape], indexing="ij"), axis=-1)
    at = source.to_index(target.to_world_mm(index))
    return ((at >= 0) & (at <= np.array(source.shape) - 1)).all(axis=-1)


def test_labels_are_never_blended() -> None:
    source = oblique_geometry((12, 12, 6))
    labels = np.zeros(source.shape, np.uint8)
    labels[3:8, 3:8, 2:5] = 20
    labels[8:, :, :] = 24
    finer = grid_of_spacing(source, (0.5, 0.5, 0.7))
    moved = resample_labels(labels, source, finer)
    assert set(np.unique(moved)) == {0, 20, 24}
    assert (moved == 20).sum() * finer.voxel_volume_ml == pytest.approx(
        (labels == 20).sum() * source.voxel_volume_ml, rel=0.1
    )


def test_the_same_grid_gives_the_same_values() -> None:
    source = oblique_geometry()
    array = np.random.default_rng(3).normal(size=source.shape).astype(np.float32)
    np.testing.assert_allclose(resample_volume(array, source, source), array, atol=1e-5)


def test_fill_lies_outside_the_faces_and_not_inside_them() -> None:
    source = Geometry(shape=(4, 4, 4), affine_lps=np.diag([2.0, 2.0, 2.0, 1.0]))
    target = cropped_grid(source, (-2, 0, 0), (8, 4, 4))
    found = resample_volume(np.full((4, 4, 4), 50.0), source, target, fill=-1024)
    np.testing.assert_array_equal(found[:, 1, 1], [-1024, -1024, 50, 50, 50, 50, -1024, -1024])
    finer = resample_volume(np.full((4, 4, 4), 50.0), source, grid_of_spacing(source, (1.0, 1.0, 1.0)))
    assert finer.shape == (8, 8, 8)
    assert (finer == 50).all()
