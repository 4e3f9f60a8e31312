"""Water path through the spine: a cylinder's diameter, its density, and a field of view that cuts it."""

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.trunk import find_trunk
from osteo_core.density.water_path import water_path_cm
from osteo_core.morphometry.frame import find_bodies
from osteo_core.records import Geometry, Volume
from tests.builders.spines import segmentation_of

RADIUS_MM = 120.0


def _cylinder(*, half_width_mm: float, tissue_hu: float = 0.0, outside_hu: float = -1000.0):
    """A cylinder of one tissue along the body axis with one small body at its centre."""
    step = np.array([3.0, 3.0, 3.0])
    n = np.array([round(2 * half_width_mm / 3), round(2 * half_width_mm / 3), 16])
    affine = np.eye(4)
    affine[:3, :3] = np.diag(step)
    affine[:3, 3] = -(n - 1) * step / 2
    geometry = Geometry(shape=tuple(int(x) for x in n), affine_lps=affine)
    x, y, z = np.moveaxis(geometry.to_world_mm(np.argwhere(np.ones(n))), -1, 0)
    inside = np.hypot(x, y) <= RADIUS_MM
    hu = np.where(inside, tissue_hu, outside_hu).reshape(n).astype(np.float32)
    box = (np.abs(x) < 20) & (np.abs(y) < 16) & (np.abs(z) < 14)
    labels = np.where(box.reshape(n), 20, 0).astype(np.uint8)
    return Volume(voxels_hu=hu, geometry=geometry), find_bodies(segmentation_of(labels, geometry))


def test_the_path_through_a_cylinder_of_water_is_its_diameter():
    volume, bodies = _cylinder(half_width_mm=165.0)
    assert water_path_cm(find_trunk(volume), bodies) == pytest.approx(24.0, abs=0.4)


def test_fat_counts_less_than_water():
    volume, bodies = _cylinder(half_width_mm=165.0, tissue_hu=-100.0)
    assert water_path_cm(find_trunk(volume), bodies) == pytest.approx(0.9 * 24.0, abs=0.4)


def test_a_trunk_that_the_scan_cuts_has_no_path():
    volume, bodies = _cylinder(half_width_mm=90.0)
    assert water_path_cm(find_trunk(volume), bodies) is None


def test_padding_beside_tissue_is_a_cut_and_not_air():
    volume, bodies = _cylinder(half_width_mm=165.0, outside_hu=-1024.0)
    assert water_path_cm(find_trunk(volume), bodies) is None


def test_without_a_body_there_is_no_path():
    volume, _ = _cylinder(half_width_mm=165.0)
    assert water_path_cm(find_trunk(volume), ()) is None


def test_the_path_does_not_depend_on_where_the_scanner_s_zero_lies():
    volume, bodies = _cylinder(half_width_mm=165.0)
    affine = volume.geometry.affine_lps.copy()
    affine[:3, 3] += (40.0, -25.0, 700.0)
    moved = replace(volume, geometry=Geometry(shape=volume.geometry.shape, affine_lps=affine))
    labels = np.zeros(volume.geometry.shape, dtype=np.uint8)
    labels[bodies[0].box][bodies[0].mask] = 20
    again = find_bodies(segmentation_of(labels, moved.geometry))
    assert water_path_cm(find_trunk(moved), again) == pytest.approx(water_path_cm(find_trunk(volume), bodies))
