"""The crop surrounds the body along the patient's axes, however the volume is stored."""

from __future__ import annotations

import numpy as np
import pytest

from models.bmd_regression.network import GRID_MM, IN_CHANNELS, SHAPE, build
from models.bmd_regression.prepare import channels, crop
from osteo_core.records import Geometry, Volume
from osteo_core.terms import Level


def scene() -> tuple[Volume, np.ndarray]:
    """A body of 200 HU in soft tissue of 40 HU, 1 x 1 x 2 mm."""
    shape = (160, 160, 50)
    hu = np.full(shape, 40, dtype=np.int16)
    labels = np.zeros(shape, dtype=np.uint8)
    body = (slice(60, 100), slice(70, 100), slice(18, 32))
    hu[body], labels[body] = 200, Level.L2
    return Volume(voxels_hu=hu, geometry=Geometry(shape=shape, affine_lps=np.diag([1.0, 1.0, 2.0, 1.0]))), labels


def test_the_share_of_body_adds_up_to_its_volume() -> None:
    volume, labels = scene()
    hu, body = crop(volume, labels, Level.L2)
    assert hu.shape == body.shape == SHAPE
    assert body.sum() * GRID_MM**3 == pytest.approx(40 * 30 * 28, rel=0.02)
    assert hu[body > 0.99].mean() == pytest.approx(200, abs=0.5)


def test_a_turned_volume_gives_the_same_crop() -> None:
    volume, labels = scene()
    affine = np.array(volume.geometry.affine_lps)
    affine[2, 3], affine[2, 2] = affine[2, 2] * 49, -affine[2, 2]
    flipped = np.ascontiguousarray(np.flip(volume.voxels_hu, 2))
    other = Volume(voxels_hu=flipped, geometry=Geometry(shape=flipped.shape, affine_lps=affine))
    for a, b in zip(crop(volume, labels, Level.L2), crop(other, np.flip(labels, 2), Level.L2), strict=True):
        assert np.allclose(a, b, atol=1e-3)


def test_a_level_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="L4 is not in the labels"):
        crop(*scene(), Level.L4)


def test_the_network_takes_what_is_prepared() -> None:
    import torch

    x = channels(*crop(*scene(), Level.L2), 100.0)
    assert x.shape == (IN_CHANNELS, *SHAPE)
    assert (x[2] == -1.0).all()
    assert build().eval()(torch.from_numpy(x)[None]).shape == (1, 2)
