"""Run a network on the CPU: number format, padding, windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

FloatVolume = NDArray[np.float32]

#: The networks' input is (HU - 100) / 300, so that soft tissue lies near 0 and cortex near 3.
HU_CENTRE, HU_WIDTH = 100.0, 300.0
_AIR_SCALED = (-1000.0 - HU_CENTRE) / HU_WIDTH


def has_fast_bfloat16() -> bool:
    """True if the CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX)."""
    import torch

    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe()) if probe else False


def probabilities(net: nn.Module, hu: FloatVolume, *, multiple: int) -> FloatVolume:
    """Class probabilities (C, I, J, K) of HU (I, J, K); sides are padded with air to a multiple of ``multiple``."""
    import torch

    shape = hu.shape
    pads = [(-n) % multiple for n in shape]
    if all(n <= multiple for n in shape):
        pads[2] += multiple  # the coarsest level needs more than one voxel to be normalised
    scaled = (hu - HU_CENTRE) / HU_WIDTH
    padded = np.pad(scaled, [(p // 2, p - p // 2) for p in pads], constant_values=_AIR_SCALED)
    x = torch.from_numpy(padded.astype(np.float32))[None, None].contiguous(memory_format=torch.channels_last_3d)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
        logits = net(x)
    out = logits[0].float().softmax(0)
    keep = [slice(p // 2, p // 2 + n) for p, n in zip(pads, shape, strict=True)]
    return np.asarray(out[(slice(None), *keep)].numpy())


def mirrored_probabilities(net: nn.Module, hu: FloatVolume, *, multiple: int) -> FloatVolume:
    """Mean probabilities of a volume and its mirror image (axis 0, left and right): no class has a side."""
    plain = probabilities(net, hu, multiple=multiple)
    mirror = probabilities(net, np.ascontiguousarray(hu[::-1]), multiple=multiple)
    return np.asarray((plain + mirror[:, ::-1]) / 2, dtype=np.float32)


def window_weight(shape: tuple[int, int, int]) -> FloatVolume:
    """A bell-shaped weight over a window (I, J, K): 1 in the middle, small at the edges, never 0."""
    axes = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (0.25 * n)) ** 2) for n in shape]
    bell = axes[0][:, None, None] * axes[1][None, :, None] * axes[2][None, None, :]
    found: FloatVolume = np.maximum(bell, 1e-3).astype(np.float32)
    return found


def in_windows(
    net: nn.Module,
    hu: FloatVolume,
    starts: Sequence[tuple[int, int, int]],
    *,
    window: tuple[int, int, int],
    classes: int,
    multiple: int,
) -> FloatVolume:
    """Class probabilities (C, I, J, K), blended over windows that begin at ``starts``; class 0 outside all windows."""
    total = np.zeros((classes, *hu.shape), dtype=np.float32)
    weight = np.zeros(hu.shape, dtype=np.float32)
    bell = window_weight(window)
    for start in starts:
        box = tuple(slice(s, min(s + w, n)) for s, w, n in zip(start, window, hu.shape, strict=True))
        size = tuple(slice(0, b.stop - b.start) for b in box)
        part = mirrored_probabilities(net, hu[box], multiple=multiple)
        total[(slice(None), *box)] += part * bell[size]
        weight[box] += bell[size]
    total /= np.maximum(weight, 1e-6)
    total[0] += weight == 0
    return total
