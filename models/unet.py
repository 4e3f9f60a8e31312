"""The residual U-Net used by both segmentation networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def residual_unet(*, classes: int, channels: Sequence[int], residual_units: int) -> nn.Module:
    """A 3D U-Net: (N, 1, I, J, K) scaled HU to (N, ``classes``, I, J, K) logits.

    The sides must be divisible by 2 to the power of ``len(channels) - 1``.
    """
    from monai.networks.nets.unet import UNet

    return UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=classes,
        channels=channels,
        strides=(2,) * (len(channels) - 1),
        num_res_units=residual_units,
        norm="instance",
    )
