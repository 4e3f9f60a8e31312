"""Connected pieces of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def largest_piece(mask: NDArray[np.bool_], *, by_corners: bool = False) -> NDArray[np.bool_]:
    """The largest connected piece of a mask (I, J, K); the mask itself where it is empty or one piece.

    Voxels are connected by their faces; ``by_corners`` by edges and corners too.
    """
    pieces, count = ndimage.label(mask, structure=np.ones((3,) * mask.ndim) if by_corners else None)
    if count < 2:
        return mask
    largest: NDArray[np.bool_] = pieces == int(np.bincount(pieces[mask]).argmax())
    return largest
