"""The part of a CT that a reader sees and corrects: cut to the spine, on the voxels of the source.

Axes are in LPS order (`imaging.resample.canonical`), so a screen draws radiological planes without reorientation.
Nothing is interpolated or averaged: corrections apply to exactly the voxels that are measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteo_core.imaging.resample import canonical, cropped_grid
from osteo_core.records import Geometry, HuArray, LabelArray

#: Voxels that browser and server can handle comfortably: 80 MB of int16.
LARGEST = 40_000_000
#: Margins around the outlined bodies, across and along the body (None: all slices); the widest that fits is used.
_MARGINS_MM: tuple[tuple[float, float | None], ...] = ((70.0, None), (45.0, None), (45.0, 60.0), (25.0, 40.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """HU and labels (I, J, K) of the part that is shown, and its geometry.

    ``is_whole_resolution`` is False where even the narrowest crop was too large, so that every second voxel of an axis
    is shown: such a series can be viewed but not corrected here.
    """

    voxels_hu: HuArray
    labels: LabelArray
    geometry: Geometry
    is_whole_resolution: bool


def show_part(voxels: HuArray, labels: LabelArray | None, geometry: Geometry, *, largest: int = LARGEST) -> Shown:
    """The shown part of a volume (I, J, K) with its labels; the whole volume without outlines."""
    hu, grid = canonical(voxels, geometry)
    outlined = np.zeros(hu.shape, dtype=np.uint8) if labels is None else canonical(labels, geometry)[0]
    for margins in _MARGINS_MM:
        box = _box(outlined, grid, margins)
        if int(np.prod([part.stop - part.start for part in box])) <= largest:
            break
    hu, outlined, grid = hu[box], outlined[box], cut_grid(grid, box)
    is_whole = hu.size <= largest
    while hu.size > largest:
        axis = int(np.argmin(grid.spacing_mm))
        every = tuple(slice(None, None, 2 if one == axis else 1) for one in range(3))
        hu, outlined = hu[every], outlined[every]
        affine = np.array(grid.affine_lps)
        affine[:3, axis] *= 2
        grid = Geometry(shape=hu.shape, affine_lps=affine)
    return Shown(
        voxels_hu=np.asfortranarray(hu),
        labels=np.asfortranarray(outlined),
        geometry=grid,
        is_whole_resolution=is_whole,
    )


def cut_grid(geometry: Geometry, box: tuple[slice, slice, slice]) -> Geometry:
    """The grid of ``array[box]``."""
    start = (box[0].start, box[1].start, box[2].start)
    shape = (box[0].stop - start[0], box[1].stop - start[1], box[2].stop - start[2])
    return cropped_grid(geometry, start, shape)


def _box(labels: LabelArray, geometry: Geometry, margins_mm: tuple[float, float | None]) -> tuple[slice, slice, slice]:
    """The box of the outlined bodies with this margin; axes are canonical, so the last runs along the body."""
    across_mm, along_mm = margins_mm
    held = [np.flatnonzero(labels.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    parts = []
    for axis, (places, step_mm, size) in enumerate(zip(held, geometry.spacing_mm, labels.shape, strict=True)):
        margin_mm = along_mm if axis == 2 else across_mm
        if margin_mm is None or not len(places):
            parts.append(slice(0, size))
            continue
        around = int(np.ceil(margin_mm / step_mm))
        parts.append(slice(max(0, int(places[0]) - around), min(size, int(places[-1]) + 1 + around)))
    return parts[0], parts[1], parts[2]


def to_source(labels: LabelArray, shown: Geometry, source: Geometry) -> LabelArray:
    """Labels of the shown part on the whole source grid, zero elsewhere; voxels map one to one.

    Raises ValueError when the shown grid is not a crop of the source grid.
    """
    start = source.to_index(shown.to_world_mm(np.zeros(3)))
    steps = source.to_index(shown.to_world_mm(np.eye(3))) - start
    order = np.abs(np.rint(steps)).argmax(axis=1)
    signs = np.sign(np.rint(steps[range(3), order])).astype(int)
    exact = np.zeros((3, 3))
    exact[range(3), order] = signs
    if np.abs(steps - exact).max() > 1e-3 or np.abs(start - np.rint(start)).max() > 1e-2 or len(set(order)) < 3:
        raise ValueError("the shown part does not lie on the voxels of its source")
    first = np.rint(start).astype(int)
    whole = np.zeros(source.shape, dtype=np.uint8)
    turned: NDArray[np.uint8] = labels
    places: list[slice] = [slice(0)] * 3
    for axis, (target, sign) in enumerate(zip(order, signs, strict=True)):
        size = labels.shape[axis]
        begin = first[target] if sign > 0 else first[target] - size + 1
        places[target] = slice(begin, begin + size)
        turned = turned if sign > 0 else np.flip(turned, axis)
    back = [int(np.flatnonzero(order == axis)[0]) for axis in range(3)]
    whole[tuple(places)] = turned.transpose(back)
    return whole
