"""Draw a patch from a packed map with a random affine transform, elastic warp and crushed bodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.fields import between, blobs, chance


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Tissue of one patch, all (I, J, K): part and material uint8, depth below the bone's surface in mm."""

    part: NDArray[np.uint8]
    material: NDArray[np.uint8]
    depth_mm: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How strongly the geometry is varied."""

    degrees: float = 18.0
    scale: tuple[float, float] = (0.8, 1.25)
    elastic_mm: float = 3.0
    bend_mm: float = 8.0
    crush_share: float = 0.3


def random_matrix(rng: np.random.Generator, pose: Pose) -> NDArray[np.float64]:
    """(3, 3): rotation, anisotropic scale, shear, and a left-right mirror in half the draws."""
    a, b, c = np.deg2rad(rng.normal(0, pose.degrees / 2, 3))
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    scale = np.diag(between(rng, *pose.scale) * rng.uniform(0.9, 1.1, 3))
    shear = np.eye(3) + np.triu(rng.normal(0, 0.05, (3, 3)), 1)
    mirror = np.diag([-1.0 if chance(rng, 0.5) else 1.0, 1.0, 1.0])
    return rx @ ry @ rz @ shear @ np.linalg.inv(scale) @ mirror


def _grid_mm(shape: tuple[int, ...], step_mm: float) -> list[NDArray[np.float32]]:
    return [
        ((np.arange(n) - (n - 1) / 2) * step_mm).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, n in enumerate(shape)
    ]


def _crush(rng: np.random.Generator, y: NDArray, z: NDArray) -> NDArray[np.float32]:
    """Source offset along z (mm) that compresses a slab at the centre, evenly or more in front."""
    half = between(rng, 10, 14)
    centre = between(rng, -20, 20)
    loss = between(rng, -0.15, 0.5)
    ramp = np.clip(0.5 - y / 40, 0, 1) if chance(rng, 0.6) else np.ones_like(y)
    stretch = 1 / (1 - loss * ramp) - 1
    inside = np.clip(z - centre, -half * (1 - loss * ramp), half * (1 - loss * ramp))
    return (inside * stretch).astype(np.float32)


def positions_mm(
    rng: np.random.Generator, shape: tuple[int, ...], *, step_mm: float, pose: Pose
) -> list[NDArray[np.float32]]:
    """Source positions of the voxels of a patch relative to its centre: three (I, J, K) arrays in mm."""
    x, y, z = _grid_mm(shape, step_mm)
    offsets: list[NDArray | float] = [0.0, 0.0, 0.0]
    if chance(rng, pose.crush_share):
        offsets[2] = _crush(rng, y, z)
    wave = between(rng, 160, 420)
    for axis in (0, 1):
        swing = rng.normal(0, pose.bend_mm / 2)
        offsets[axis] = offsets[axis] + np.float32(swing) * np.sin(2 * np.pi * z / wave + between(rng, 0, 6.3)).astype(
            np.float32
        )
    strength = pose.elastic_mm * abs(rng.normal(0, 0.6))
    cell = between(rng, 18, 45) / step_mm
    grid = [g + o + strength * blobs(rng, shape, cell=cell) for g, o in zip((x, y, z), offsets, strict=True)]
    matrix = random_matrix(rng, pose).astype(np.float32)
    return [sum(matrix[row, col] * grid[col] for col in range(3)) for row in range(3)]


def draw(
    packed: NDArray[np.uint32], *, centre_mm: NDArray, relative_mm: list[NDArray[np.float32]], source_mm: float
) -> Patch:
    """Gather one patch; anything beyond the map is outside air."""
    inside: NDArray | bool = True
    flat: NDArray | int = 0
    for axis, n in enumerate(packed.shape):
        index = np.rint((relative_mm[axis] + np.float32(centre_mm[axis])) / np.float32(source_mm)).astype(np.int32)
        inside = inside & (index >= 0) & (index < n)
        flat = flat * n + np.clip(index, 0, n - 1)
    values = np.where(inside, packed.reshape(-1)[flat], 0).astype(np.uint32)
    return Patch(
        part=(values & 255).astype(np.uint8),
        material=((values >> 8) & 255).astype(np.uint8),
        depth_mm=((values >> 16) & 255).astype(np.float32) * np.float32(0.1),
    )
