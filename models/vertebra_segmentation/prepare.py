"""Input of the fine network: a tube around the coarse spine at 1.25 mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.grids import FloatVolume, Grid, grid_over, sample
from models.spine_localiser.locate import Located
from models.vertebra_segmentation.network import GRID_MM
from osteo_core.records import Volume

#: Half width of the tube, and its extension beyond the ends of the coarse spine.
_BEYOND_MM = 30.0
_MARGIN_MM = np.array([52.0, 52.0, _BEYOND_MM])
#: Windows of 100 x 100 x 120 mm follow the centre line in steps.
WINDOW = (80, 80, 96)
_WINDOW_STEP_MM = 60.0
_LEAST_SPINE_ML = 3.0


@dataclass(frozen=True, kw_only=True)
class Tube:
    """HU (I, J, K) around the spine, its grid, and where the windows begin."""

    hu: FloatVolume
    grid: Grid
    starts: tuple[tuple[int, int, int], ...]


def _spine_mask(located: Located) -> NDArray[np.bool_]:
    """The coarse bodies of the largest chain; gaps from a disc or a crushed body are bridged."""
    mask = located.bodies > 0.4
    joined, count = ndimage.label(ndimage.binary_dilation(mask, iterations=2))
    if count > 1:
        sizes = np.bincount(joined[mask], minlength=count + 1)
        mask &= joined == sizes.argmax()
    return mask


def centre_line(located: Located) -> NDArray[np.float64]:
    """Points (N, 3) in LPS mm from the lowest to the highest coarse slice of the spine; (0, 3) without a spine."""
    mask = _spine_mask(located)
    step = located.grid.step_mm
    if mask.sum() * step**3 / 1000 < _LEAST_SPINE_ML:
        return np.zeros((0, 3))
    index = np.argwhere(mask)
    heights = np.arange(index[:, 2].min(), index[:, 2].max() + 1)
    present = np.unique(index[:, 2])
    middle = np.array([index[index[:, 2] == k, :2].mean(0) for k in present])
    x, y = (ndimage.gaussian_filter1d(np.interp(heights, present, middle[:, a]), 2.5, mode="nearest") for a in (0, 1))
    return located.grid.to_world_mm(np.stack([x, y, heights], -1))


def _window_starts(line_mm: NDArray[np.float64], grid: Grid) -> tuple[tuple[int, int, int], ...]:
    low, high = line_mm[0, 2] - _BEYOND_MM, line_mm[-1, 2] + _BEYOND_MM
    half = WINDOW[2] * GRID_MM / 2
    count = max(1, int(np.ceil((high - low - 2 * half) / _WINDOW_STEP_MM)) + 1)
    middles = np.linspace(low + half, high - half, count) if count > 1 else [(low + high) / 2]
    starts = []
    for z in middles:
        near = line_mm[np.abs(line_mm[:, 2] - z) <= half]
        centre = near.mean(0) if len(near) else line_mm[np.abs(line_mm[:, 2] - z).argmin()]
        first = np.rint(grid.to_index(np.array([centre[0], centre[1], z]))).astype(int) - np.array(WINDOW) // 2
        first = np.clip(first, 0, np.maximum(np.array(grid.shape) - WINDOW, 0))
        starts.append((int(first[0]), int(first[1]), int(first[2])))
    return tuple(starts)


def prepare(volume: Volume, located: Located) -> Tube | None:
    """The tube around the coarse spine, or None if no spine was found."""
    line = centre_line(located)
    if not len(line):
        return None
    grid = grid_over(line.min(0) - _MARGIN_MM, line.max(0) + _MARGIN_MM, step_mm=GRID_MM)
    return Tube(hu=sample(volume, grid), grid=grid, starts=_window_starts(line, grid))
