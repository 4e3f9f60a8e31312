"""To an isotropic grid and back: world positions and HU are preserved, whatever the axes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from models.grids import Grid, back_to_source, grid_of, sample
from osteo_core.records import Geometry, Volume


def ramp_volume(directions: np.ndarray, spacing: tuple[float, float, float]) -> Volume:
    """HU = x + 2 y + 3 z in LPS mm, so that every interpolation can be checked."""
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array(spacing)
    affine[:3, 3] = (-20.0, 15.0, 40.0)
    geometry = Geometry(shape=(24, 20, 16), affine_lps=affine)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), -1)
    return Volume(voxels_hu=(geometry.to_world_mm(index) @ [1, 2, 3]).astype(np.float32), geometry=geometry)


def axis_directions() -> list[np.ndarray]:
    """All 48 assignments of array axes to patient axes."""
    return [
        np.eye(3)[:, order] * np.array(signs)
        for order in itertools.permutations(range(3))
        for signs in itertools.product((-1, 1), repeat=3)
    ]


@pytest.mark.parametrize("directions", axis_directions())
def test_sampling_keeps_world_positions(directions: np.ndarray) -> None:
    volume = ramp_volume(directions, (1.0, 1.5, 3.0))
    grid = grid_of(volume.geometry, step_mm=1.25)
    index = np.stack(np.meshgrid(*[np.arange(4, n - 4) for n in grid.shape], indexing="ij"), -1)
    found = sample(volume, grid)[4:-4, 4:-4, 4:-4]
    np.testing.assert_allclose(found, grid.to_world_mm(index) @ [1, 2, 3], atol=0.01)


def test_sampling_an_oblique_volume_keeps_world_positions() -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    volume = ramp_volume(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]), (1.0, 1.0, 2.0))
    middle = volume.geometry.to_world_mm(np.array([12.0, 10.0, 8.0]))
    grid = Grid(origin_mm=middle - 3, shape=(5, 5, 5), step_mm=1.25)
    index = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1)
    np.testing.assert_allclose(sample(volume, grid), grid.to_world_mm(index) @ [1, 2, 3], atol=0.01)


def test_a_coarser_grid_averages_and_the_outside_is_air() -> None:
    volume = ramp_volume(np.eye(3), (1.0, 1.0, 1.0))
    inside = volume.geometry.to_world_mm(np.array([9.5, 9.5, 7.5]))
    grid = Grid(origin_mm=inside, shape=(1, 1, 1), step_mm=4.0)
    assert sample(volume, grid)[0, 0, 0] == pytest.approx(inside @ [1, 2, 3], abs=0.01)
    outside = Grid(origin_mm=inside + 500, shape=(1, 1, 1), step_mm=4.0)
    assert sample(volume, outside)[0, 0, 0] == -1000


def test_back_to_source_lands_on_the_same_voxels() -> None:
    volume = ramp_volume(np.eye(3)[:, [1, 2, 0]] * np.array([-1, 1, -1]), (1.0, 1.5, 2.0))
    grid = grid_of(volume.geometry, step_mm=0.5)
    field = sample(volume, grid)
    box = (slice(5, 12), slice(4, 15), slice(3, 12))
    np.testing.assert_allclose(back_to_source(field, grid, volume.geometry, box), volume.voxels_hu[box], atol=0.05)
