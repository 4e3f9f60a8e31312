"""Regions of the calibration tissues contain what was measured, on their own grid and on any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.region import MeasuredTissue, Region, mark_regions
from osteo_core.density.tissues import measure_tissues, mode_hu
from osteo_core.density.trunk import coarse_volume
from osteo_core.imaging.resample import sample_hu
from osteo_core.records import Geometry, TissueSample, Volume
from osteo_core.review.shown import show_part
from tests.builders.spines import SpineSpec, build_spine, grid, reoriented

TORSO = {"spacing_mm": (1.5, 1.5, 3.0), "extent_mm": (340.0, 250.0, 150.0), "centre_mm": (0.0, -40.0, 0.0)}
NUMBERS = {"air": 1, "fat": 2, "muscle": 3, "blood": 4, "cortical": 5}


@pytest.fixture(scope="module")
def torso():
    return build_spine(SpineSpec(noise_hu=12.0), grid(**TORSO), part_mm=3.0)


@pytest.fixture(scope="module")
def measured(torso) -> dict[str, MeasuredTissue]:
    return {tissue.sample.name: tissue for tissue in measure_tissues(*torso)[1]}


@pytest.mark.parametrize("name", ["air", "fat", "muscle"])
def test_a_region_of_coarse_voxels_has_the_hu_of_its_sample(torso, measured, name: str) -> None:
    (region,), sample = measured[name].regions, measured[name].sample
    hu, geometry = coarse_volume(Volume(voxels_hu=torso[0].voxels_hu, geometry=torso[0].geometry))
    assert region.geometry.is_close(geometry)
    assert mode_hu(hu[region.mask]) == sample.mean_hu
    assert hu[region.mask].std() == pytest.approx(sample.sd_hu, rel=0.02)


def test_the_discs_of_a_vessel_have_its_hu(torso, measured) -> None:
    sample, regions = measured["blood"].sample, measured["blood"].regions
    at = [region.geometry.to_index(region.geometry.to_world_mm(np.argwhere(region.mask))) for region in regions]
    assert all(np.allclose(index, np.argwhere(region.mask)) for index, region in zip(at, regions, strict=True))
    means = [
        sample_hu(torso[0], torso[0].geometry.to_index(region.geometry.to_world_mm(np.argwhere(region.mask)))).mean()
        for region in regions
    ]
    assert np.median(means) == pytest.approx(sample.mean_hu, abs=0.01)


def test_on_the_voxels_of_the_scan_every_block_is_whole(torso, measured) -> None:
    (region,) = measured["muscle"].regions
    marked = mark_regions([measured["muscle"]], NUMBERS, torso[0].geometry)
    whole = np.kron(region.mask, np.ones((2, 2, 1))).astype(bool)  # blocks of 2 x 2 x 1 voxels make 3 mm
    assert np.array_equal(marked[tuple(slice(n) for n in whole.shape)] == 3, whole)
    assert marked[whole.shape[0] :].sum() == 0


def test_what_is_shown_of_a_turned_scan_is_marked_at_the_same_places(torso, measured) -> None:
    shown = show_part(torso[0].voxels_hu, torso[1].labels, torso[0].geometry)
    straight = mark_regions(measured.values(), NUMBERS, shown.geometry)
    volume, segmentation = reoriented(*torso, axes=(2, 0, 1), flips=(True, False, True))
    turned = show_part(volume.voxels_hu, segmentation.labels, volume.geometry)
    assert np.array_equal(straight, mark_regions(measure_tissues(volume, segmentation)[1], NUMBERS, turned.geometry))
    assert set(np.unique(straight)) == {0, *NUMBERS.values()}
    for name, number in NUMBERS.items():
        values = shown.voxels_hu[straight == number]
        assert np.median(values) == pytest.approx(measured[name].sample.mean_hu, abs=9.0), name


def test_a_region_outside_the_grid_and_an_unnumbered_tissue_mark_nothing() -> None:
    place = Geometry(shape=(4, 4, 4), affine_lps=np.eye(4))
    sample = TissueSample(name="fat", mean_hu=-100.0, sd_hu=1.0, area_mm2=200.0)
    fat = MeasuredTissue(sample=sample, regions=(Region(mask=np.ones((4, 4, 4), dtype=bool), geometry=place),))
    far = np.eye(4)
    far[:3, 3] = 100.0
    assert mark_regions([fat], {"fat": 2}, Geometry(shape=(5, 5, 5), affine_lps=far)).sum() == 0
    assert mark_regions([fat], {"air": 1}, place).sum() == 0
    assert (mark_regions([fat], {"fat": 2}, place) == 2).all()
    empty = replace(fat, regions=(Region(mask=np.zeros((4, 4, 4), dtype=bool), geometry=place),))
    assert mark_regions([empty], {"fat": 2}, place).sum() == 0
