"""Slices without an image of their own, as a failed transfer leaves them: blank, or with a neighbour's pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteo_core.imaging.hounsfield import is_in_pieces


def lost_planes(planes: NDArray[Any]) -> list[int]:
    """Indices of planes (n, rows, columns) that are blank between images, or equal to a neighbour.

    Blank planes at either end are padding. Two slices of a real scan never have the same noise, so which of two equal
    ones is in its place is unknown, and both are named; images without noise (simulated ones) may repeat.
    """
    middle = planes[:, planes.shape[1] // 2]  # compared first: a tenth of the time of whole planes
    is_level = (middle == middle[:, :1]).all(axis=1)
    blank = {int(k) for k in np.flatnonzero(is_level) if (planes[k] == planes[k].flat[0]).all()}
    images = [k for k in range(len(planes)) if k not in blank]
    alike = [int(k) for k in np.flatnonzero((middle[1:] == middle[:-1]).all(axis=1)) if not {k, k + 1} & blank]
    same = [k for k in alike if np.array_equal(planes[k], planes[k + 1]) and not is_in_pieces(planes[k : k + 1])]
    inner = {k for k in blank if images and images[0] < k < images[-1]}
    return sorted(inner.union(same, (k + 1 for k in same)))
