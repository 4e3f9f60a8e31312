"""Position of the spine and of each level in the whole volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.grids import FloatVolume, Grid
from models.runtime import in_windows, mirrored_probabilities
from models.spine_localiser.network import CLASSES
from models.spine_localiser.prepare import prepare
from osteo_core.records import Volume

if TYPE_CHECKING:
    from torch import nn

_MULTIPLE = 16
#: Volumes with more coarse voxels than this (about 500 x 500 x 800 mm) are run in overlapping pieces along z.
_WHOLE = 1_600_000
_PIECE, _PIECE_STEP = 128, 80
BODIES = tuple(range(CLASSES.index("upper"), CLASSES.index("L5") + 1))
SACRUM = CLASSES.index("sacrum")
RIB = CLASSES.index("rib or upper bone")
PELVIS = CLASSES.index("pelvis")


@dataclass(frozen=True, kw_only=True)
class Located:
    """Class probabilities (16, I, J, K) on a 5 mm grid."""

    probability: FloatVolume
    grid: Grid

    @property
    def bodies(self) -> FloatVolume:
        """Probability of any vertebral body, (I, J, K)."""
        return np.asarray(self.probability[list(BODIES)].sum(0), dtype=np.float32)

    def at(self, world_mm: NDArray[np.floating]) -> NDArray[np.float32]:
        """Class probabilities at points in LPS mm: (N, 3) to (16, N)."""
        index = self.grid.to_index(world_mm).T
        return np.stack([ndimage.map_coordinates(p, index, order=1, mode="nearest") for p in self.probability])


def locate(net: nn.Module, volume: Volume) -> Located:
    """Run the coarse network over a volume."""
    hu, grid = prepare(volume)
    if hu.size <= _WHOLE:
        return Located(probability=mirrored_probabilities(net, hu, multiple=_MULTIPLE), grid=grid)
    i, j, k = hu.shape
    starts = [(0, 0, z) for z in range(0, max(1, k - _PIECE + _PIECE_STEP), _PIECE_STEP)]
    blended = in_windows(net, hu, starts, window=(i, j, _PIECE), classes=len(CLASSES), multiple=_MULTIPLE)
    return Located(probability=blended, grid=grid)
