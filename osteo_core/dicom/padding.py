"""Padding outside the reconstructed circle: found by its declared value or by being below all tissue, made air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from osteo_core.dicom.header import SliceHeader
from osteo_core.dicom.values import number
from osteo_core.imaging.hounsfield import AIR_HU, PADDING_BELOW_HU
from osteo_core.limits.hounsfield import AIR_HU_HIGH
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.terms import Step


@dataclass(frozen=True, kw_only=True)
class Padding:
    """Stored values (0028,0120) to (0028,0121), as the pixels' own sign has them; None where not declared."""

    low: float | None = None
    high: float | None = None


def declared_padding(dataset: Dataset) -> Padding:
    """The declared padding range; a value written with the wrong sign (63536 for -2000) is put right."""
    value = number(dataset, "PixelPaddingValue")
    if value is None:
        return Padding()
    limit = number(dataset, "PixelPaddingRangeLimit")
    is_signed = number(dataset, "PixelRepresentation") == 1
    ends = sorted(_signed(v, is_signed) for v in (value, value if limit is None else limit))
    return Padding(low=ends[0], high=ends[1])


def _signed(value: float, is_signed: bool) -> float:
    if is_signed and value > np.iinfo(np.int16).max:
        return value - 65536
    return value + 65536 if not is_signed and value < 0 else value


def replace_padding(plane_hu: NDArray, header: SliceHeader, padding: Padding) -> tuple[int, float]:
    """Turn padding in one slice (HU, changed in place) to air; how many voxels, and their lowest value.

    A declared value that would be tissue (0 in unsigned files without shift) is not believed. Voxels
    that were -1024 already are not counted.
    """
    mask = plane_hu < PADDING_BELOW_HU
    if padding.low is not None and padding.high is not None:
        slope, intercept = header.rescale_slope or 1.0, header.rescale_intercept or 0.0
        low, high = sorted((padding.low * slope + intercept, padding.high * slope + intercept))
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
