"""vBMD from a crop around one body: a mean and its uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

#: Grid of the input in mm, isotropic, LPS axes: a crop of 128 x 128 x 64 mm around the body.
GRID_MM = 2.0
SHAPE = (64, 64, 32)
#: Input channels: scaled HU, body fraction, scaled tube voltage.
IN_CHANNELS = 3
#: Output channels, in order: vBMD (mg/cm3), standardised by TARGET_MEAN and TARGET_SD.
CLASSES = ("mean vBMD (mg/cm3)", "log variance")
TARGET_MEAN_MG_CM3, TARGET_SD_MG_CM3 = 110.0, 40.0


def build() -> nn.Module:
    """DenseNet-121 (Huang 2017) in three dimensions: (N, 3, 64, 64, 32) to (N, 2)."""
    from monai.networks.nets.densenet import DenseNet121

    return DenseNet121(spatial_dims=3, in_channels=IN_CHANNELS, out_channels=len(CLASSES))
