"""Where the lowest ribs begin in the image: the landmark for T12 if the sacrum is not in view.

The last rib is often thinner than the coarse grid, so it is searched for at 1.5 mm: bone that runs without a gap from
beside the vertebra to beyond the reach of any transverse process, downwards and behind the kidneys. Readers count in
the same way: L1 is the first level without a rib of about 4 cm (Sekuboyina 2021, VerSe 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.grids import FloatVolume, Grid, grid_over, sample
from models.spine_localiser.locate import PELVIS, Located
from osteo_core.records import Volume

_STEP_MM = 1.5
_BONE_HU, _SMOOTHING_MM = 130.0, 1.0
#: Range beside the vertebra, up to beyond the longest transverse process, mm from the middle of the bodies.
_NEAR_MM, _FAR_MM = 34.0, 62.0
_BEGINS_BY_MM, _REACHES_MM, _HEAD_MM = 39.0, 54.0, 41.0
#: Range behind the middle of the bodies, mm: kidneys lie in front of it, the muscles of the spinous processes behind.
_FRONT_MM, _BACK_MM = 10.0, 80.0
_BEYOND_MM = 45.0
#: A piece of rib this long has 1-4 ml; anything larger is kidney, pelvis or contrast.
_LARGEST_ML = 14.0
_LEAST_ML = 0.12
_PELVIS = 0.3
#: A rib measures at most 26 mm from head to foot (six real series), slope included; the edge of a kidney far more.
_THICK_MM = 32.0
#: A rib rises from the spine by no more than this.
_RISE_MM = 4.0
#: A body this far below the lowest rib would show its own rib if it had one.
_BODY_BELOW_MM = 15.0


def lowest_rib_mm(volume: Volume, centres_mm: NDArray[np.float64], located: Located) -> float | None:
    """Height (LPS z, mm) at which the lowest rib beside a chain of bodies (N, 3; top down) leaves the spine.

    None if no rib is seen, or if a lower one may lie out of view. The lower of the two sides counts: a thin rib is
    missed more easily than a false one is found.
    """
    low, high = centres_mm.min(0), centres_mm.max(0)
    margin = np.array([_FAR_MM + 4, 0.0, _BEYOND_MM])
    grid = grid_over(low - margin, high + margin + np.array([0.0, _BACK_MM, 0.0]), step_mm=_STEP_MM)
    hu = ndimage.gaussian_filter(sample(volume, grid), _SMOOTHING_MM / _STEP_MM)
    across, behind = _beside(grid, centres_mm)
    zone = (np.abs(across) >= _NEAR_MM) & (np.abs(across) <= _FAR_MM) & (behind >= _FRONT_MM) & (behind <= _BACK_MM)
    bone = (hu > _BONE_HU) & zone
    sides = [_begins(bone & (across * side > 0), across, grid, located) for side in (-1, 1)]
    lowest = min((z for side in sides for z in side), default=None)
    return lowest if lowest is not None and low[2] < lowest - _BODY_BELOW_MM else None


def _beside(grid: Grid, centres_mm: NDArray[np.float64]) -> tuple[FloatVolume, FloatVolume]:
    """Distance to the left of the bodies' middle and behind it, mm, for every voxel of the grid."""
    heights = grid.origin_mm[2] + np.arange(grid.shape[2]) * grid.step_mm
    up = np.argsort(centres_mm[:, 2])
    x, y = (np.interp(heights, centres_mm[up, 2], centres_mm[up, axis]) for axis in (0, 1))
    left = grid.origin_mm[0] + np.arange(grid.shape[0])[:, None, None] * grid.step_mm - x
    back = grid.origin_mm[1] + np.arange(grid.shape[1])[None, :, None] * grid.step_mm - y
    ones = np.ones(grid.shape, dtype=np.float32)
    return np.asarray(left * ones, dtype=np.float32), np.asarray(back * ones, dtype=np.float32)


def _begins(bone: NDArray[np.bool_], across: FloatVolume, grid: Grid, located: Located) -> list[float]:
    """Heights at which the ribs on one side begin, among its pieces of bone."""
    pieces, _ = ndimage.label(bone, structure=np.ones((3, 3, 3)))
    begins = []
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        index = np.argwhere(pieces[box] == number) + [s.start for s in box]
        away = np.abs(across[tuple(index.T)])
        volume_ml = len(index) * grid.step_mm**3 / 1000
        if not _LEAST_ML <= volume_ml <= _LARGEST_ML or away.min() > _BEGINS_BY_MM or away.max() < _REACHES_MM:
            continue
        world = grid.to_world_mm(index)
        near, far = world[away <= _HEAD_MM, 2], world[away >= _REACHES_MM, 2]
        is_thin = max(np.ptp(near), np.ptp(far)) <= _THICK_MM
        head, tail = float(near.mean()), float(far.mean())
        if is_thin and tail <= head + _RISE_MM and located.at(world)[PELVIS].mean() < _PELVIS:
            begins.append(head)
    return begins
