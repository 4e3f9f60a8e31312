"""Cheap random fields on a grid of voxels (I, J, K)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatVolume = NDArray[np.float32]


def upsample(coarse: NDArray[np.floating], shape: tuple[int, ...]) -> FloatVolume:
    """Linear interpolation of a small grid (3 axes) up to ``shape``, end points kept."""
    full = np.asarray(coarse, dtype=np.float32)
    for axis, n in enumerate(shape):
        at = np.linspace(0, full.shape[axis] - 1, n, dtype=np.float32)
        low = np.minimum(at.astype(int), max(full.shape[axis] - 2, 0))
        share = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        high = np.minimum(low + 1, full.shape[axis] - 1)
        below = np.take(full, low, axis)
        full = below + share * (np.take(full, high, axis) - below)
    return full


def blobs(rng: np.random.Generator, shape: tuple[int, ...], *, cell: float) -> FloatVolume:
    """Smooth noise of unit variance at its nodes, one node every ``cell`` voxels."""
    nodes = tuple(max(2, int(np.ceil(n / cell)) + 1) for n in shape)
    return upsample(rng.standard_normal(nodes, dtype=np.float32), shape)


def white(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatVolume:
    """White noise of unit variance."""
    return rng.standard_normal(shape, dtype=np.float32)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """One uniform draw."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in ``share`` of the draws."""
    return bool(rng.random() < share)
