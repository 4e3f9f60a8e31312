"""Padding outside the reconstructed circle, found by its declared value or by its low HU, and replaced by air."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteo_core.dicom.slices import SliceHeader
from osteo_core.imaging.hounsfield import AIR_HU, PADDING_BELOW_HU
from osteo_core.limits.hounsfield import AIR_HU_HIGH
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.terms import Step

#: No CT has higher values (extended scales end at 30,710 HU): these are negative values that the header calls unsigned.
_HIGHEST_HU = 32767.0
_SIXTEEN_BITS = 2**16


def restore_signs(plane_hu: NDArray[Any], header: SliceHeader) -> None:
    """Make the values of one slice (HU, in place) negative again whose header wrongly calls them unsigned."""
    wrong = plane_hu > _HIGHEST_HU
    if wrong.any():
        plane_hu[wrong] -= int(_SIXTEEN_BITS * (header.rescale_slope or 1.0))


def replace_padding(plane_hu: NDArray[Any], header: SliceHeader) -> tuple[int, float]:
    """Replace padding in one slice (HU, in place) by air; returns the voxel count and the lowest value replaced.

    A declared value in the range of tissue (0 in unsigned files without an intercept) is ignored. Voxels
    that already were -1024 are not counted.
    """
    mask = plane_hu < PADDING_BELOW_HU
    if header.pixels.padding is not None:
        slope, intercept = header.rescale_slope or 1.0, header.rescale_intercept or 0.0
        low, high = sorted(value * slope + intercept for value in header.pixels.padding)
        if high < AIR_HU_HIGH.value:
            mask |= (plane_hu >= low) & (plane_hu <= high)
    mask &= plane_hu != AIR_HU
    count = int(np.count_nonzero(mask))
    lowest = float(plane_hu[mask].min()) if count else 0.0
    plane_hu[mask] = AIR_HU
    return count, lowest


def padding_caution(count: int, lowest: float, voxels: int) -> tuple[Caution, ...]:
    """The caution that names what was replaced; none when nothing was."""
    if not count:
        return ()
    found = f"down to {lowest:g} HU, {100 * count / voxels:.1f} % of the voxels"
    return (Caution(code=CautionCode.PADDING_REPLACED, step=Step.READ, found=found),)
