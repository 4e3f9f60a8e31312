"""Overlap and surface distance of two masks on the same grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.errors import StatisticsError

Mask = NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class SurfaceDistance:
    """Distances between two surfaces in mm, both directions together."""

    mean_mm: float
    hausdorff95_mm: float
    hausdorff_mm: float


def dice(a: Mask, b: Mask) -> float:
    """Dice coefficient 2 |A and B| / (|A| + |B|) of two masks (non-zero is inside).

    L. R. Dice, Ecology 1945;26:297. Raises StatisticsError when shapes differ or both are empty; one
    empty mask gives 0.

    >>> round(dice(np.array([1, 1, 0]), np.array([0, 1, 0])), 3)  # 2 * 1 / (2 + 1)
    0.667
    """
    first, second = _pair(a, b)
    total = int(first.sum()) + int(second.sum())
    if total == 0:
        raise StatisticsError("both masks are empty; their overlap is not defined")
    return 2.0 * int((first & second).sum()) / total


def surface_distance(a: Mask, b: Mask, *, spacing_mm: Sequence[float]) -> SurfaceDistance:
    """Mean, 95th percentile and maximum of the distances from each surface voxel to the other surface.

    ``spacing_mm``: length of one step along each axis of the arrays, in the arrays' order. Surface: inside
    voxels with a face neighbour outside; the grid's edge is outside. Mean over both directions pooled
    (average symmetric surface distance); hausdorff95 is the larger of both directed 95th percentiles.
    Distances are between voxel centres, so shifts below one voxel are not resolved.
    Raises StatisticsError when shapes differ, a mask is empty, or the spacing is not positive.

    >>> one, other = np.zeros((9, 9)), np.zeros((9, 9))
    >>> one[2:7, 2:7] = other[3:8, 2:7] = 1
    >>> surface_distance(one, other, spacing_mm=(1.0, 1.0)).hausdorff_mm
    1.0
    """
    first, second = _pair(a, b)
    steps = tuple(float(step) for step in spacing_mm)
    if len(steps) != first.ndim or min(steps, default=0.0) <= 0:
        raise StatisticsError(f"spacing must be {first.ndim} positive lengths in mm, found {steps}")
    if not first.any() or not second.any():
        raise StatisticsError("a mask is empty; it has no surface to measure from")
    box = _bounding_box(first | second)
    edge_a, edge_b = _surface(first[box]), _surface(second[box])
    to_b = ndimage.distance_transform_edt(~edge_b, sampling=steps)[edge_a]
    to_a = ndimage.distance_transform_edt(~edge_a, sampling=steps)[edge_b]
    return SurfaceDistance(
        mean_mm=float(np.concatenate([to_b, to_a]).mean()),
        hausdorff95_mm=float(max(np.percentile(to_b, 95), np.percentile(to_a, 95))),
        hausdorff_mm=float(max(to_b.max(), to_a.max())),
    )


def _pair(a: Mask, b: Mask) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    first, second = np.asarray(a) != 0, np.asarray(b) != 0
    if first.shape != second.shape:
        raise StatisticsError(f"masks must have the same shape, found {first.shape} and {second.shape}")
    return first, second


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The box around the mask; everything that the distances need lies in it."""
    found: tuple[slice, ...] = ndimage.find_objects(mask.astype(np.uint8))[0]
    return found


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    cross = ndimage.generate_binary_structure(mask.ndim, 1)
    edge: NDArray[np.bool_] = mask & ~ndimage.binary_erosion(mask, structure=cross, border_value=0)
    return edge
