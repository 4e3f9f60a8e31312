"""The viewer's CT: HU and place are kept when a grid is made coarser."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.records import Geometry
from pages.ui.viewer.volume import cut_to_spine, halve, shrink

AFFINE = np.array([[0.5, 0, 0, -10], [0, 0.7, 0, 5], [0, 0, 3, 100], [0, 0, 0, 1]])


def test_halving_averages_pairs_and_moves_the_first_centre_between_them() -> None:
    voxels = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    halved, geometry = halve(voxels, Geometry(shape=(4, 3, 2), affine_lps=AFFINE), axis=0)
    assert halved.shape == geometry.shape == (2, 3, 2)
    assert halved[0, 0, 0] == pytest.approx((voxels[0, 0, 0] + voxels[1, 0, 0]) / 2)
    assert geometry.spacing_mm == pytest.approx((1.0, 0.7, 3.0))
    assert geometry.to_world_mm(np.zeros(3)) == pytest.approx([-9.75, 5.0, 100.0])


def test_an_odd_last_plane_is_dropped() -> None:
    halved, geometry = halve(np.zeros((3, 5, 2)), Geometry(shape=(3, 5, 2), affine_lps=AFFINE), axis=1)
    assert halved.shape == geometry.shape == (3, 2, 2)


def test_the_finest_axis_is_halved_first_until_the_grid_fits() -> None:
    voxels = np.full((16, 16, 4), 57.4, dtype=np.float32)
    shrunk, geometry = shrink(voxels, Geometry(shape=(16, 16, 4), affine_lps=AFFINE), largest=300)
    assert geometry.shape == (8, 8, 4)
    assert shrunk.dtype == np.int16
    assert set(np.unique(shrunk)) == {57}


def test_a_grid_that_fits_keeps_its_voxels() -> None:
    voxels = np.array([[[-1024, 3071, 40000]]], dtype=np.int32)
    shrunk, geometry = shrink(voxels, Geometry(shape=(1, 1, 3), affine_lps=AFFINE))
    assert shrunk.tolist() == [[[-1024, 3071, 32767]]]
    assert geometry.is_close(Geometry(shape=(1, 1, 3), affine_lps=AFFINE))


def test_the_cut_keeps_places_and_the_whole_length() -> None:
    voxels = np.arange(300 * 20 * 6, dtype=np.int32).reshape(300, 20, 6)
    labels = np.zeros(voxels.shape, dtype=np.uint8)
    labels[150:160, 8:12, 2:4] = 21
    geometry = Geometry(shape=(300, 20, 6), affine_lps=AFFINE)
    cut, place = cut_to_spine(voxels, geometry, labels)
    assert cut.shape == place.shape == (290, 20, 6)
    assert cut[0, 0, 0] == voxels[10, 0, 0]
    assert place.to_world_mm(np.zeros(3)) == pytest.approx(geometry.to_world_mm(np.array([10, 0, 0])))


def test_nothing_outlined_leaves_the_volume_whole() -> None:
    voxels = np.zeros((4, 4, 4), dtype=np.int16)
    geometry = Geometry(shape=(4, 4, 4), affine_lps=AFFINE)
    cut, place = cut_to_spine(voxels, geometry, np.zeros((4, 4, 4), dtype=np.uint8))
    assert cut is voxels
    assert place is geometry
