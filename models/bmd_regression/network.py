"""vBMD from a crop around one body: a mean and how uncertain it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

#: Grid of the input in mm, isotropic, LPS axes; a crop of 64 x 64 x 48 voxels centred on the body.
GRID_MM = 1.0
SHAPE = (64, 64, 48)
#: Output channels, in order.
CLASSES = ("mean vBMD (mg/cm3)", "log variance")


def build() -> nn.Module:
    """DenseNet-121 in three dimensions: (N, 1, 64, 64, 48) scaled HU to (N, 2)."""
    from monai.networks.nets import DenseNet121

    return DenseNet121(spatial_dims=3, in_channels=1, out_channels=len(CLASSES))
