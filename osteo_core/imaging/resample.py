"""Maps grids to other grids: reorientation (exact) and resampling (linear for HU, nearest for labels).

All functions preserve the LPS positions of voxels (property tests over all 48 axis
orders). Intensities and labels have separate functions, so labels cannot be interpolated by mistake.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.records import FloatArray, Geometry, LabelArray, Volume

#: Letter -> (LPS axis, sign): the direction in which an array axis with that letter increases.
_LETTERS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}

#: Orientation for direction-dependent methods: x to the left, y to the back, z to the head.
CANONICAL_CODES = "LPS"


def reorient(array: NDArray[Any], geometry: Geometry, codes: str) -> tuple[NDArray[Any], Geometry]:
    """``array`` (I, J, K) with axes reordered and flipped to ``codes`` (such as 'LPS'), and its geometry.

    Nothing is interpolated: axes of an oblique grid match the codes as closely as possible. The array is a view.
    Raises ValueError if ``codes`` does not name three different body axes.
    """
    if array.shape != geometry.shape:
        raise ValueError(f"array {array.shape} does not fit the geometry {geometry.shape}")
    wanted = _axes_of(codes)
    have = _axes_of(geometry.axis_codes)
    order = [[axis for axis, _ in have].index(axis) for axis, _ in wanted]
    flips = [have[source][1] != sign for source, (_, sign) in zip(order, wanted, strict=True)]
    affine = geometry.affine_lps[:, [*order, 3]].copy()
    turned = array.transpose(order)
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (turned.shape[axis] - 1)
            affine[:3, axis] *= -1
            turned = np.flip(turned, axis)
    return turned, Geometry(shape=turned.shape, affine_lps=affine)


def canonical(array: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], Geometry]:
    """``array`` reoriented to LPS: axes increase towards left, back and head."""
    return reorient(array, geometry, CANONICAL_CODES)


def cropped_grid(geometry: Geometry, start: tuple[int, int, int], shape: tuple[int, int, int]) -> Geometry:
    """The grid of ``array[start : start + shape]``; ``start`` may lie outside (a margin)."""
    affine = geometry.affine_lps.copy()
    affine[:3, 3] = geometry.to_world_mm(np.asarray(start, dtype=float))
    return Geometry(shape=shape, affine_lps=affine)


def resample_volume(voxels: NDArray[Any], geometry: Geometry, target: Geometry, *, fill: float = -1024.0) -> FloatArray:
    """HU (I, J, K) on the ``target`` grid as float32, interpolated linearly; ``fill`` outside the source.

    Nothing is smoothed first: for a much coarser grid, callers must average beforehand to avoid aliasing.
    """
    _check_fit(voxels, geometry)
    return _on_grid(np.asarray(voxels, dtype=np.float32), geometry, target, order=1, fill=fill)


def resample_labels(labels: LabelArray, geometry: Geometry, target: Geometry) -> LabelArray:
    """uint8 labels (I, J, K) on the ``target`` grid by nearest neighbour; 0 outside the source."""
    _check_fit(labels, geometry)
    moved: LabelArray = _on_grid(labels, geometry, target, order=0, fill=0)
    return moved


def _on_grid(array: NDArray[Any], geometry: Geometry, target: Geometry, *, order: int, fill: float) -> NDArray[Any]:
    matrix = np.linalg.inv(geometry.affine_lps) @ target.affine_lps
    # Rounding errors in the affines must not put the outermost voxels outside the source.
    linear, offset = np.round(matrix[:3, :3], 9), np.round(matrix[:3, 3], 6)
    is_separable = np.count_nonzero(linear) == 3 and bool((np.diag(linear) != 0).all())
    out: NDArray[Any] = ndimage.affine_transform(
        array,
        np.diag(linear) if is_separable else linear,  # much faster for axis-aligned grids
        offset=offset,
        output_shape=target.shape,
        order=order,
        mode="nearest",
    )
    for axis, size in enumerate(geometry.shape):
        outside = _outside(linear[axis], offset[axis], size=size, shape=target.shape)
        if outside.any():
            out[np.broadcast_to(outside, out.shape)] = fill
    return out


def _outside(row: FloatArray, offset: float, *, size: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Target voxels whose centre lies beyond the outer faces of the source along one of its axes."""
    position = np.full((1, 1, 1), offset)
    for axis in np.flatnonzero(row):
        steps = np.arange(shape[axis]) * row[axis]
        position = position + steps.reshape([-1 if other == axis else 1 for other in range(3)])
    outside: NDArray[np.bool_] = (position < -0.5 - 1e-6) | (position > size - 0.5 + 1e-6)
    return outside


def _axes_of(codes: str) -> list[tuple[int, int]]:
    try:
        axes = [_LETTERS[letter] for letter in codes]
    except KeyError:
        axes = []
    if sorted(axis for axis, _ in axes) != [0, 1, 2]:
        raise ValueError(f"codes must name three different body axes, such as LPS or RAS; got {codes!r}")
    return axes


def _check_fit(array: NDArray[Any], geometry: Geometry) -> None:
    if array.shape != geometry.shape:
        raise ValueError(f"array {array.shape} does not fit the geometry {geometry.shape}")


def sample_hu(volume: Volume, index: FloatArray) -> FloatArray:
    """Linear HU at fractional indices (..., 3), read from the smallest box that holds them; NaN outside."""
    flat = index.reshape(-1, 3)
    if not len(flat):
        return np.empty(index.shape[:-1])
    low = np.maximum(np.floor(flat.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(flat.max(axis=0)).astype(int) + 2, volume.geometry.shape)
    if (high <= low).any():
        return np.full(index.shape[:-1], np.nan)
    box = volume.voxels_hu[low[0] : high[0], low[1] : high[1], low[2] : high[2]].astype(np.float32)
    values = ndimage.map_coordinates(box, (flat - low).T, order=1, mode="constant", cval=np.nan)
    found: FloatArray = values.reshape(index.shape[:-1])
    return found
