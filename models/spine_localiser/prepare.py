"""Input of the coarse network: the whole volume at 5 mm along the patient's axes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from models.grids import FloatVolume, Grid, grid_of, sample
from models.spine_localiser.network import GRID_MM
from osteo_core.records import Volume

#: Anything denser than this is the patient (or the table).
_TISSUE_HU = -500.0
_MARGIN = 3


def prepare(volume: Volume) -> tuple[FloatVolume, Grid]:
    """HU (I, J, K) at 5 mm around everything denser than lung, and its grid."""
    grid = grid_of(volume.geometry, step_mm=GRID_MM)
    hu = sample(volume, grid)
    where = ndimage.find_objects((hu > _TISSUE_HU).astype(np.uint8))
    if not where:
        return hu, grid
    box = tuple(slice(max(s.start - _MARGIN, 0), s.stop + _MARGIN) for s in where[0])
    part = np.ascontiguousarray(hu[box])
    origin = grid.to_world_mm(np.array([s.start for s in box]))
    i, j, k = part.shape
    return part, Grid(origin_mm=origin, shape=(i, j, k), step_mm=GRID_MM)
