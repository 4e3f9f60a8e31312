"""The coarse network: the position of each level in the whole volume, at 5 mm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.unet import residual_unet

if TYPE_CHECKING:
    from torch import nn

#: Grid of the input in mm, isotropic, LPS axes.
GRID_MM = 5.0
#: Output channels, in order. "upper" is every body above T8; T8-L5 are bodies.
CLASSES = (
    "background",
    "upper",
    "T8",
    "T9",
    "T10",
    "T11",
    "T12",
    "L1",
    "L2",
    "L3",
    "L4",
    "L5",
    "sacrum",
    "posterior elements",
    "rib or upper bone",
    "pelvis",
)
CHANNELS = (16, 32, 64, 128, 256)


def build() -> nn.Module:
    """The coarse network: sides divisible by 16, 16 classes."""
    return residual_unet(classes=len(CLASSES), channels=CHANNELS, residual_units=2)
