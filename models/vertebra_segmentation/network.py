"""The fine network: what each voxel near the spine is made of, at 1.25 mm."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

#: Grid of the input in mm, isotropic, LPS axes.
GRID_MM = 1.25
#: Output channels, in order.
CLASSES = ("background", "body", "posterior elements", "disc", "sacrum", "other bone")
CHANNELS = (32, 64, 128, 256)


def build() -> nn.Module:
    """A residual U-Net: (N, 1, I, J, K) scaled HU to (N, 6, I, J, K) logits; sides divisible by 8."""
    from monai.networks.nets import UNet

    return UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=len(CLASSES),
        channels=CHANNELS,
        strides=(2,) * (len(CHANNELS) - 1),
        num_res_units=1,
        norm="instance",
    )
