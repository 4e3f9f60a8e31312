"""Overlays lie on the voxels of their source, whatever the storage order of the file."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from osteo_core.records import Geometry
from osteo_core.review.shown import show_part, to_source

SIGNS = list(itertools.product((1, -1), repeat=3))
ORDERS = list(itertools.permutations(range(3)))


def source(
    order: tuple[int, ...], signs: tuple[int, ...], angle: float = 0.0
) -> tuple[np.ndarray, np.ndarray, Geometry]:
    rng = np.random.default_rng(5)
    steps = np.array([3.0, 3.5, 4.0])
    affine = np.eye(4)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    axes = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        axes[world, axis] = sign * steps[axis]
    affine[:3, :3] = turn @ axes
    affine[:3, 3] = (11, -7, 40)
    shape = (60, 55, 50)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[25:33, 22:30, 20:28] = rng.integers(0, 2, (8, 8, 8)) * 21
    labels[26, 23, 21] = 20
    return rng.integers(-900, 1200, shape).astype(np.int16), labels, Geometry(shape=shape, affine_lps=affine)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("signs", SIGNS)
def test_each_orientation_comes_back_voxel_by_voxel(order, signs) -> None:
    voxels, labels, geometry = source(order, signs)
    shown = show_part(voxels, labels, geometry, largest=40_000)
    assert shown.geometry.axis_codes == "LPS"
    assert shown.is_whole_resolution
    assert np.array_equal(to_source(np.asarray(shown.labels), shown.geometry, geometry), labels)
    for index in ((0, 0, 0), (3, 2, 1)):
        at = np.rint(geometry.to_index(shown.geometry.to_world_mm(np.array(index, float)))).astype(int)
        assert shown.voxels_hu[index] == voxels[tuple(at)]


def test_an_oblique_grid_comes_back_too() -> None:
    voxels, labels, geometry = source((0, 1, 2), (1, 1, 1), angle=0.35)
    shown = show_part(voxels, labels, geometry)
    assert np.array_equal(to_source(np.asarray(shown.labels), shown.geometry, geometry), labels)


def test_what_is_too_large_even_when_cut_is_thinned_and_says_so() -> None:
    voxels, _, geometry = source((0, 1, 2), (1, 1, 1))
    shown = show_part(voxels, None, geometry, largest=20_000)
    assert shown.voxels_hu.size <= 20_000
    assert not shown.is_whole_resolution
    with pytest.raises(ValueError, match="does not lie on the voxels"):
        to_source(np.asarray(shown.labels), shown.geometry, geometry)
