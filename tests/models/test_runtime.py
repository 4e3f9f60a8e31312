"""Running a network: a part smaller than its coarsest voxel."""

from __future__ import annotations

import numpy as np
from torch import nn

from models.runtime import probabilities


def test_a_part_within_one_coarse_voxel_is_run() -> None:
    """A field of view of 60 mm or less: the coarsest level would have one voxel, which cannot be normalised."""
    coarse = nn.Conv3d(1, 2, kernel_size=16, stride=16)
    net = nn.Sequential(coarse, nn.InstanceNorm3d(2), nn.Upsample(scale_factor=16)).eval()
    for shape in ((6, 7, 16), (16, 16, 16), (6, 7, 17)):
        found = probabilities(net, np.full(shape, 40.0, np.float32), multiple=16)
        assert found.shape == (2, *shape)
        assert np.allclose(found.sum(0), 1.0)
