"""Cut the vertebral body out of a whole vertebra, by the rule that also cut the references."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Depth that survives the erosion: pedicles are thinner, bodies thicker.
DEPTH_LUMBAR_MM = 6.5
DEPTH_THORACIC_MM = 5.5
GROW_BACK_EXTRA_MM = 1.5
#: A lumbar body is 58-68 % of its vertebra; less than this means that the erosion took too much.
LEAST_SHARE = 0.30
_T12 = 19


def largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest 6-connected piece of a mask (I, J, K); the mask itself if it is empty."""
    pieces, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return pieces == sizes.argmax()


def _opened(whole: NDArray[np.bool_], *, radius_mm: float, spacing_mm: float) -> NDArray[np.bool_]:
    depth = ndimage.distance_transform_edt(whole, sampling=spacing_mm)
    core = largest_piece(depth > radius_mm)
    if not core.any():
        return core
    distance = ndimage.distance_transform_edt(~core, sampling=spacing_mm)
    return whole & (distance <= radius_mm + GROW_BACK_EXTRA_MM)


def cut_body(whole: NDArray[np.bool_], *, level: int, spacing_mm: float) -> NDArray[np.bool_]:
    """Body of one vertebra, (I, J, K) on an isotropic LPS grid (j grows to the back)."""
    first = DEPTH_LUMBAR_MM if level >= _T12 else DEPTH_THORACIC_MM
    padded = np.pad(whole, 2)
    body = np.zeros_like(padded)
    for radius in (first, first - 1, first - 2, first - 3):
        body = _opened(padded, radius_mm=radius, spacing_mm=spacing_mm)
        if body.sum() >= LEAST_SHARE * padded.sum():
            break
    if not body.any():
        return whole
    centre = ndimage.center_of_mass(body)[1]
    in_front = np.arange(padded.shape[1])[None, :, None] < centre
    body |= largest_piece(padded) & in_front
    return body[2:-2, 2:-2, 2:-2]
