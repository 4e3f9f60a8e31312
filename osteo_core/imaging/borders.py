"""Finds the sides on which the field of view cuts a vertebral body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.records import Geometry

_SIDES = {"L": "left", "R": "right", "P": "posterior", "A": "anterior", "S": "superior", "I": "inferior"}
_ORDER = ("superior", "inferior", "anterior", "posterior", "left", "right", "padding beside it")
_OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "S": "I", "I": "S"}
#: A body counts as cut if its area in the outermost slice exceeds this share of its largest cross-section, so that
#: about 1.5 mm (a cortex) is missing. Front and sides are round: a chord 1.5 mm deep in a circle of 32 mm is 0.42 of
#: its diameter. Endplates and back are flat and meet the border at an edge: with 10 degrees of tilt, which raises the
#: far rim by 5.6 mm, 1.5 mm are 0.27 of the section; parallel to the border they meet it entirely.
_LEAST_SHARE = {side: 0.42 for side in ("anterior", "left", "right")} | {
    side: 0.27 for side in ("superior", "inferior", "posterior")
}
#: Padding threshold (no tissue near a vertebra has such low HU), and share of the rim that must border on padding.
_PADDING_HU = -990.0
_PADDING_SHARE = 0.04


def cut_sides(
    mask: NDArray[np.bool_], box: tuple[slice, slice, slice], voxels_hu: NDArray[np.generic], geometry: Geometry
) -> str:
    """Names of the sides where a body (mask within a box of the source array) is cut; '' if it is whole."""
    sides = []
    for axis, code in enumerate(geometry.axis_codes):
        area = mask.sum(axis=tuple(a for a in range(3) if a != axis))
        largest = area.max(initial=0)
        low, high = _SIDES[_OPPOSITE[code]], _SIDES[code]
        if box[axis].start == 0 and area[0] > _LEAST_SHARE[low] * largest:
            sides.append(low)
        if box[axis].stop == geometry.shape[axis] and area[-1] > _LEAST_SHARE[high] * largest:
            sides.append(high)
    rim = ndimage.binary_dilation(mask, iterations=2) & ~mask
    if rim.any() and (np.asarray(voxels_hu[box])[rim] <= _PADDING_HU).mean() > _PADDING_SHARE:
        sides.append("padding beside it")
    return ", ".join(side for side in _ORDER if side in sides)
