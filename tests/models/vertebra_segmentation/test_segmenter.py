"""The whole engine on real crops: a result in world space independent of orientation, and nothing without a spine."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from models.registry import load_segmenter
from osteo_core.records import Geometry, Volume
from osteo_core.terms import Anchor
from tests.shared_data import shared_data


def real_crop() -> Volume:
    """verse007, voxels of 3 mm from left to right: T8-L4."""
    image = nibabel.load(shared_data("labels", "pairs", "verse007_ct.nii.gz"))
    voxels = np.maximum(np.asarray(image.dataobj), -1024).astype(np.int16)
    return Volume(
        voxels_hu=voxels,
        geometry=Geometry(shape=voxels.shape, affine_lps=np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine),
    )


def turned(volume: Volume, order: tuple[int, int, int], flips: tuple[int, ...]) -> Volume:
    """The same patient with the array's axes permuted and flipped."""
    voxels = np.transpose(volume.voxels_hu, order)
    affine = np.array(volume.geometry.affine_lps)
    affine[:, :3] = affine[:, list(order)]
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
        affine[:3, axis] *= -1
    voxels = np.flip(voxels, flips)
    return Volume(voxels_hu=voxels.copy(), geometry=Geometry(shape=voxels.shape, affine_lps=affine))


@pytest.mark.slow
def test_orientation_changes_neither_levels_nor_places() -> None:
    volume = real_crop()
    plain = load_segmenter().segment(volume)
    assert len(plain.levels) >= 4
    for order, flips in (((2, 0, 1), (0, 2)), ((1, 2, 0), (1,))):
        other = load_segmenter().segment(turned(volume, order, flips))
        assert [f.level for f in other.levels] == [f.level for f in plain.levels]
        assert [f.cut for f in other.levels] == [f.cut for f in plain.levels]
        for a, b in zip(plain.levels, other.levels, strict=True):
            np.testing.assert_allclose(a.centroid_mm, b.centroid_mm, atol=0.5)
            assert b.voxels == pytest.approx(a.voxels, rel=0.03)


def test_air_and_noise_hold_no_vertebra() -> None:
    geometry = Geometry(shape=(60, 60, 40), affine_lps=np.diag([2.0, 2.0, 3.0, 1.0]))
    noise = np.random.default_rng(1).normal(0, 30, geometry.shape)
    for hu in (np.full(geometry.shape, -1024.0), noise):
        found = load_segmenter().segment(Volume(voxels_hu=hu.astype(np.int16), geometry=geometry))
        assert found.levels == ()
        assert found.labels.max() == 0
        assert found.anchor is Anchor.NONE
