"""The work of TotalSegmentator's ``--fast`` mode on one series, with random weights: same network, same windows.

From its published plan (Wasserthal 2023, Radiol Artif Intell 5:e230024; model "total, 3 mm", Dataset297, nnU-Net
``3d_fullres``): 3 mm grid, patch 112 x 112 x 128, one channel, 118 classes, a plain convolutional U-Net with two 3x3x3
convolutions per stage, instance norm and leaky ReLU. Stages follow from the patch by nnU-Net's rule (Isensee 2021, Nat
Methods 18:203): halve an axis while its features keep at least 4 voxels, but not a single axis alone below 12;
features from 32, doubled at each stage, at most 320. Windows overlap by half and are blended by a Gaussian; no
mirroring; float32 on a CPU. HU are resampled by a cubic spline, labels by nearest neighbour (scipy's zoom).
All other work (reading and writing files, saving, cleaning) is left out, in its favour.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from torch import nn

GRID_MM = 3.0
PATCH = (112, 112, 128)
CLASSES = 118
FIRST_FEATURES, MOST_FEATURES = 32, 320
OVERLAP = 0.5
_LEAST_EDGE, _LEAST_LONE_EDGE = 4, 12
_CT_MEAN_HU, _CT_SD_HU = 0.0, 400.0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU seconds by stage, of which ``windows_timed`` of ``windows`` were run and the rest scaled."""

    resampling_s: float
    network_s: float
    decode_s: float
    windows: int
    windows_timed: int

    @property
    def total_s(self) -> float:
        """All stages."""
        return self.resampling_s + self.network_s + self.decode_s


def strides(patch: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Stride of each stage, with 1 for the first, by nnU-Net's rule for an isotropic grid."""
    edges, found = list(patch), [(1,) * len(patch)]
    while True:
        axes = [n for n, edge in enumerate(edges) if edge >= 2 * _LEAST_EDGE]
        if not axes or (len(axes) == 1 and edges[axes[0]] < _LEAST_LONE_EDGE):
            return found
        found.append(tuple(2 if n in axes else 1 for n in range(len(patch))))
        edges = [-(-edge // 2) if n in axes else edge for n, edge in enumerate(edges)]


def build() -> nn.Module:
    """The network, random weights: (N, 1, I, J, K) to (N, 118, I, J, K)."""
    from monai.networks.nets import DynUNet

    steps = strides(PATCH)
    features = [min(FIRST_FEATURES * 2**n, MOST_FEATURES) for n in range(len(steps))]
    return DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=CLASSES,
        kernel_size=[(3, 3, 3)] * len(steps),
        strides=steps,
        upsample_kernel_size=steps[1:],
        filters=features,
        norm_name=("INSTANCE", {"affine": True}),
        act_name=("leakyrelu", {"negative_slope": 0.01, "inplace": True}),
    ).eval()


def window_starts(shape: tuple[int, ...], patch: tuple[int, ...] = PATCH) -> list[tuple[int, ...]]:
    """Start positions of windows in a grid at least as large as the patch: even steps of at most half a patch."""
    axes = []
    for size, edge in zip(shape, patch, strict=True):
        count = int(np.ceil((size - edge) / (edge * OVERLAP))) + 1
        last = size - edge
        axes.append([round(last * n / max(count - 1, 1)) for n in range(count)])
    return list(product(*axes))


def _gaussian() -> NDArray[np.float32]:
    bell = np.zeros(PATCH, dtype=np.float32)
    bell[tuple(edge // 2 for edge in PATCH)] = 1
    bell = ndimage.gaussian_filter(bell, [edge / 8 for edge in PATCH], mode="constant")
    return np.maximum(bell / bell.max(), 1e-3)


def cost(
    hu: NDArray[np.int16], spacing_mm: tuple[float, float, float], *, windows: int, bfloat16: bool = False
) -> Cost:
    """Run the stages on HU (x, y, z). ``windows`` 0 runs every window, otherwise this many, with the rest scaled."""
    import torch

    network, started = build(), time.process_time()
    small = ndimage.zoom(hu.astype(np.float32), [step / GRID_MM for step in spacing_mm], order=3)
    image = np.ascontiguousarray(small.transpose(2, 1, 0))
    pads = [max(edge - size, 0) for size, edge in zip(image.shape, PATCH, strict=True)]
    image = np.pad((image - _CT_MEAN_HU) / _CT_SD_HU, [(p // 2, p - p // 2) for p in pads])
    resampled = time.process_time()
    starts = window_starts(image.shape)
    timed = starts[: windows or len(starts)]
    logits = torch.zeros((CLASSES, *image.shape), dtype=torch.half)
    weight = torch.zeros(image.shape, dtype=torch.half)
    bell = torch.from_numpy(_gaussian()).half()
    precision = torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext()
    with torch.inference_mode(), precision:
        for start in timed:
            box = tuple(slice(first, first + edge) for first, edge in zip(start, PATCH, strict=True))
            found = network(torch.from_numpy(image[box])[None, None])[0].half()
            logits[(slice(None), *box)] += found * bell
            weight[box] += bell
    ran = time.process_time()
    logits /= weight.clamp(min=1e-3)
    labels = logits.argmax(0).byte().numpy().transpose(2, 1, 0)
    inner = tuple(slice(p // 2, p // 2 + size) for p, size in zip(reversed(pads), small.shape, strict=True))
    decoded = time.process_time()
    ndimage.zoom(labels[inner], np.array(hu.shape) / small.shape, order=0)
    back = time.process_time()
    return Cost(
        resampling_s=resampled - started + back - decoded,
        network_s=(ran - resampled) * len(starts) / len(timed),
        decode_s=decoded - ran,
        windows=len(starts),
        windows_timed=len(timed),
    )
