"""The fine network: the tissue class of each voxel near the spine, at 1.25 mm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.unet import residual_unet

if TYPE_CHECKING:
    from torch import nn

#: Grid of the input in mm, isotropic, LPS axes.
GRID_MM = 1.25
#: Output channels, in order.
CLASSES = ("background", "body", "posterior elements", "disc", "sacrum", "other bone")
CHANNELS = (32, 64, 128, 256)


def build() -> nn.Module:
    """The fine network: sides divisible by 8, 6 classes."""
    return residual_unet(classes=len(CLASSES), channels=CHANNELS, residual_units=1)
