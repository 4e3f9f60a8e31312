"""Where in a scan a tissue was measured: a mask on its own grid, and the mask resampled to another grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.records import Geometry, LabelArray, TissueSample


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """The samples that were measured, (I, J, K) bool on the grid on which they were taken."""

    mask: NDArray[np.bool_]
    geometry: Geometry


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredTissue:
    """One tissue of a scan and the regions in which its HU were measured."""

    sample: TissueSample
    regions: tuple[Region, ...]


def mark_regions(tissues: Iterable[MeasuredTissue], numbers: Mapping[str, int], geometry: Geometry) -> LabelArray:
    """(I, J, K) labels on another grid: a voxel has the number of a tissue if its nearest sample was measured.

    Tissues without a number are left out; where two overlap, the later one counts.
    """
    labels = np.zeros(geometry.shape, dtype=np.uint8, order="F")
    for tissue in tissues:
        if tissue.sample.name not in numbers:
            continue
        for region in tissue.regions:
            box = _box(region, geometry)
            labels[box][_on_grid(region, geometry, box)] = numbers[tissue.sample.name]
    return labels


def _box(region: Region, geometry: Geometry) -> tuple[slice, slice, slice]:
    """Slices of the grid that enclose the measured samples."""
    held = np.argwhere(region.mask)
    if not len(held):
        return slice(0, 0), slice(0, 0), slice(0, 0)
    ends = np.array([held.min(axis=0) - 0.5, held.max(axis=0) + 0.5])
    corners = np.array(np.meshgrid(*ends.T, indexing="ij")).reshape(3, -1).T
    index = geometry.to_index(region.geometry.to_world_mm(corners))
    low = np.clip(np.floor(index.min(axis=0)).astype(int), 0, geometry.shape)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, geometry.shape)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k


def _on_grid(region: Region, geometry: Geometry, box: tuple[slice, slice, slice]) -> NDArray[np.bool_]:
    """The mask on the voxels of the box, by nearest neighbour."""
    shape = tuple(part.stop - part.start for part in box)
    if 0 in shape:
        return np.zeros(shape, dtype=bool)
    to_region = np.linalg.inv(region.geometry.affine_lps) @ geometry.affine_lps
    start = to_region[:3, :3] @ [part.start for part in box] + to_region[:3, 3]
    samples = region.mask.astype(np.uint8)
    found: NDArray[np.bool_] = (
        ndimage.affine_transform(samples, to_region[:3, :3], offset=start, output_shape=shape, order=0) > 0
    )
    return found
