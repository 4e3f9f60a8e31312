"""Isotropic grids along the patient's axes, and resampling to and from them. All arrays are [x, y, z] in LPS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.imaging.resample import canonical
from osteo_core.records import Geometry, Volume

FloatVolume = NDArray[np.float32]

#: Values outside this range are padding or metal; the networks never see them.
HU_LOW, HU_HIGH = -1000.0, 2000.0
_AIR = HU_LOW


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Voxels of ``step_mm`` along the LPS axes; ``origin_mm`` is the centre of voxel (0, 0, 0)."""

    origin_mm: NDArray[np.float64]
    shape: tuple[int, int, int]
    step_mm: float

    def to_world_mm(self, index: NDArray[np.floating]) -> NDArray[np.float64]:
        """Indices (..., 3) to LPS mm."""
        return np.asarray(index, dtype=np.float64) * self.step_mm + self.origin_mm

    def to_index(self, world_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """LPS mm (..., 3) to fractional indices."""
        return (np.asarray(world_mm, dtype=np.float64) - self.origin_mm) / self.step_mm


def corners(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The eight corner indices of a grid, (8, 3), at the outer faces of the voxels."""
    ends = [(-0.5, n - 0.5) for n in shape]
    return np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(-1, 3)


def grid_over(low_mm: NDArray[np.floating], high_mm: NDArray[np.floating], *, step_mm: float) -> Grid:
    """The grid that covers a box in LPS mm."""
    size = np.maximum(np.ceil((high_mm - low_mm) / step_mm - 1e-6), 1).astype(int)
    slack = (size * step_mm - (high_mm - low_mm)) / 2
    i, j, k = (int(n) for n in size)
    return Grid(origin_mm=np.asarray(low_mm - slack + step_mm / 2, dtype=np.float64), shape=(i, j, k), step_mm=step_mm)


def grid_of(geometry: Geometry, *, step_mm: float) -> Grid:
    """The grid that covers a whole volume, along the patient's axes."""
    world = geometry.to_world_mm(corners(geometry.shape))
    return grid_over(world.min(0), world.max(0), step_mm=step_mm)


def _block_means(voxels: NDArray[np.generic], factors: tuple[int, ...]) -> FloatVolume:
    """Means of blocks of ``factors`` voxels; an incomplete last block along an axis is dropped."""
    out = np.asarray(voxels)
    for axis, factor in enumerate(factors):
        if factor > 1:
            whole = out.shape[axis] // factor * factor
            lead = (slice(None),) * axis
            total = out[(*lead, slice(0, whole, factor))].astype(np.float32)
            for first in range(1, factor):
                total += out[(*lead, slice(first, whole, factor))]
            out = total / np.float32(factor)
    return np.asarray(out, dtype=np.float32)


def sample(volume: Volume, grid: Grid) -> FloatVolume:
    """HU on a grid, clipped to the value range; averaged if the grid is coarser, air outside the field of view."""
    voxels, geometry = canonical(volume.voxels_hu, volume.geometry)
    box = box_in_source(grid.to_world_mm(corners(grid.shape)), geometry)
    part = np.asarray(voxels[box])
    factors = tuple(
        min(max(1, int(grid.step_mm / s + 0.25)), n) for s, n in zip(geometry.spacing_mm, part.shape, strict=True)
    )
    blocks = np.clip(_block_means(part, factors), HU_LOW, HU_HIGH)
    start = np.array([s.start for s in box], dtype=np.float64)
    scale = np.array(factors, dtype=np.float64)
    inverse = np.linalg.inv(geometry.affine_lps[:3, :3])
    first = (geometry.to_index(grid.origin_mm) - start - (scale - 1) / 2) / scale
    matrix = (inverse * grid.step_mm) / scale[:, None]
    padded = np.pad(blocks, 1, mode="edge")  # half a voxel beyond the centres still belongs to the volume
    out = ndimage.affine_transform(
        padded, matrix, offset=first + 1, output_shape=grid.shape, order=1, mode="constant", cval=_AIR, prefilter=False
    )
    return np.asarray(out, dtype=np.float32)


def back_to_source(field: FloatVolume, grid: Grid, geometry: Geometry, box: tuple[slice, slice, slice]) -> FloatVolume:
    """A field on a grid, interpolated at the voxels of a box in the source array; 0 beyond the grid."""
    start = np.array([s.start for s in box], dtype=np.float64)
    shape = tuple(int(s.stop - s.start) for s in box)
    matrix = geometry.affine_lps[:3, :3] / grid.step_mm
    offset = grid.to_index(geometry.to_world_mm(start))
    out = ndimage.affine_transform(
        field, matrix, offset=offset, output_shape=shape, order=1, mode="constant", cval=0.0, prefilter=False
    )
    return np.asarray(out, dtype=np.float32)


def box_in_source(
    points_mm: NDArray[np.floating], geometry: Geometry, *, margin: int = 2
) -> tuple[slice, slice, slice]:
    """The smallest box in the source array around points in LPS mm (N, 3), with a margin in voxels."""
    index = geometry.to_index(points_mm)
    low = np.clip(np.floor(index.min(0)) - margin, 0, np.array(geometry.shape) - 1).astype(int)
    high = np.clip(np.ceil(index.max(0)) + margin + 1, low + 1, geometry.shape).astype(int)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k
