"""Input of the regression: a crop around one body with adjacent muscle and fat, its mask, and the tube voltage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bmd_regression.network import GRID_MM, SHAPE
from models.grids import FloatVolume, Grid, sample
from osteo_core.records import Volume
from osteo_core.terms import Level

#: The crop is centred this far behind the body, so that it includes the psoas and the back muscles.
_BEHIND_MM = 12.0
_HU_LOW, _HU_HIGH = -300.0, 700.0
_HU_MIDDLE, _HU_SCALE = 100.0, 200.0
_KVP_MIDDLE, _KVP_SCALE = 120.0, 20.0


def crop(
    volume: Volume, labels: NDArray[np.generic], level: Level, *, margin: int = 0
) -> tuple[FloatVolume, FloatVolume]:
    """HU and body fraction around one level, both (I, J, K): SHAPE plus ``margin`` voxels on every side.

    ``labels`` holds VerSe numbers on the volume's grid. Raises ValueError if the level is not in it.
    """
    index = np.argwhere(np.asarray(labels) == level)
    if not len(index):
        raise ValueError(f"{level.name} is not in the labels")
    shape = np.array(SHAPE) + 2 * margin
    middle = volume.geometry.to_world_mm(index.mean(0)) + np.array([0.0, _BEHIND_MM, 0.0])
    i, j, k = (int(n) for n in shape)
    grid = Grid(origin_mm=middle - (shape - 1) / 2 * GRID_MM, shape=(i, j, k), step_mm=GRID_MM)
    body = Volume(voxels_hu=(np.asarray(labels) == level).astype(np.uint8), geometry=volume.geometry)
    return sample(volume, grid), np.clip(sample(body, grid), 0, 1)


def channels(hu: FloatVolume, body: FloatVolume, kvp: float) -> FloatVolume:
    """The network's input (3, I, J, K) for a crop."""
    scaled = (np.clip(hu, _HU_LOW, _HU_HIGH) - _HU_MIDDLE) / _HU_SCALE
    voltage = np.full_like(scaled, (kvp - _KVP_MIDDLE) / _KVP_SCALE)
    return np.stack([scaled, body, voltage]).astype(np.float32)
