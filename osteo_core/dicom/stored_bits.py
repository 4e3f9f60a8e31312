"""Pixels that need more bits than their header states (0028,0101), as programs write that copy another file's header.

A decoder cuts such values: metal of 3000 HU in 12 signed bits reads as air. So do unsigned values that the header
declares signed, from half of their range.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import config, dcmread

from osteo_core.dicom.values import DAMAGE, number
from osteo_core.imaging.hounsfield import AIR_HU, PADDING_BELOW_HU

_ALLOCATED = 16
#: Old overlays lie in the bits above the stored ones (retired in DICOM 2004); those bits are no part of a value.
_OVERLAY_BITS = [(0x6000 + 2 * group, 0x0102) for group in range(16)]
_KEYWORDS = ("BitsAllocated", "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "PixelData")
_TAGS: list[Any] = [*_KEYWORDS, *_OVERLAY_BITS]
#: Larger files have many frames, whose rescale lies elsewhere.
_MOST_BYTES = 2**24


def needs_more_bits(path: Path) -> bool:
    """Whether the values of an uncompressed slice exceed the stated bits, and the bits above are part of them.

    Signed values without any negative one may be written without sign extension; they are left to the decoder, unless
    it would make padding of values inside the image.
    """
    try:
        with config.disable_value_validation():
            if path.stat().st_size > _MOST_BYTES:
                return False
            dataset = dcmread(path, specific_tags=_TAGS)
            bits = int(number(dataset, "BitsStored") or _ALLOCATED)
            is_odd = "RescaleSlope" not in dataset or any(tag in dataset for tag in _OVERLAY_BITS)
            if is_odd or number(dataset, "BitsAllocated") != _ALLOCATED or not 8 <= bits < _ALLOCATED:
                return False
            order = "<" if dataset.original_encoding[1] else ">"
            values = np.frombuffer(dataset.PixelData, dtype=f"{order}i2")
    except DAMAGE:  # reported by the decoder
        return False
    low, high = int(values.min()), int(values.max())
    if number(dataset, "PixelRepresentation") == 1:
        if low >= 0:
            return _would_be_padding(values, bits, number(dataset, "RescaleIntercept") or 0.0)
        return low < 0 and (high >= 2 ** (bits - 1) or low < -(2 ** (bits - 1)))
    return low >= 0 and high >= 2**bits


def _would_be_padding(values: NDArray[np.int16], bits: int, intercept: float) -> bool:
    """Whether, read as signed, values from half of the range lie below all noise of air, and are no padding.

    Padding would include the first pixel, in the corner.
    """
    half = 2 ** (bits - 1)
    upper = values[values >= half]
    if intercept > AIR_HU or upper.size == 0 or values[0] >= half or upper.max() >= 2 * half:
        return False
    return bool(int(upper.min()) - 2 * half + intercept < PADDING_BELOW_HU)
