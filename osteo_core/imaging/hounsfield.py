"""Whether values are Hounsfield units at all: air, fat and soft tissue where they should be.

HU are defined by water (0) and air (-1000), so a scan carries its own check. Only rough faults are
judged here, before anything is outlined (a lost rescale intercept, a label map, a parameter map);
`density/tissues.py` checks again inside outlined tissues.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.limits.hounsfield import AIR_HU_HIGH, AIR_HU_LOW, DARKEST_HU, SOFT_TISSUE_HU_HIGH, SOFT_TISSUE_HU_LOW
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import FloatArray, HuArray
from osteo_core.terms import Step

#: Below this nothing is tissue or noise: it is what scanners write outside the circle that they
#: reconstruct (GE -3024 and -2000, Toshiba -2048, Hitachi -2000).
PADDING_BELOW_HU = -1500.0
#: Air after padding was replaced.
AIR_HU = -1024

#: Labels stay below this (AustinMan has 64 tissues, TotalSegmentator 117).
_MOST_LABELS = 256
#: At most so many voxels are looked at; a few hundred thousand fix a histogram.
_SAMPLE_VOXELS = 2_000_000
_SMOOTHING_HU = 8.0
#: A peak counts when it holds at least this share of the voxels (within 20 HU of it).
_PEAK_SHARE = 0.003
_PEAK_HALF_WIDTH_HU = 20
#: Where to look for the peaks; wide, so that a shifted one is seen.
_AIR_WINDOW_HU = (-1200, -800)
_SOFT_WINDOW_HU = (-40, 250)


def as_int16_if_lossless(voxels: NDArray) -> HuArray:
    """The same values as int16 where all are whole and fit, else as float32."""
    if voxels.dtype == np.int16:
        return voxels
    whole = voxels.astype(np.int16) if _fits_int16(voxels) else None
    if whole is not None and np.array_equal(whole, voxels):
        return whole
    return voxels.astype(np.float32, copy=False)


def describe_labels(voxels: NDArray) -> str:
    """What makes this a label map, in words ('7 whole numbers from 0 to 26'), or '' for an image.

    Labels are whole, never negative and below 256; a CT in HU always has air or fat, which are negative.
    """
    low, high = voxels.min(), voxels.max()
    if not (low >= 0 and high < _MOST_LABELS):
        return ""
    sample = _sample(voxels)
    if not np.array_equal(sample, np.round(sample)):
        return ""
    values = np.unique(voxels)
    return f"{len(values)} whole numbers from {int(low)} to {int(high)}"


def check_hu(voxels: NDArray) -> tuple[Caution, ...] | Exclusion:
    """Cautions where air or soft tissue is off, an Exclusion where the values cannot be HU.

    ``voxels``: (I, J, K) with padding already air. Looks at the whole grid by its histogram, so it
    needs no outline; a crop inside the body, without air, passes by its fat and muscle.
    """
    sample = _sample(voxels)
    sample = sample[sample > AIR_HU]
    if sample.size == 0:
        return _not_hu("nothing but air")
    darkest = float(np.percentile(sample, 1))
    if darkest > DARKEST_HU.value:
        return _not_hu(f"the darkest hundredth begins at {darkest:.0f}")
    air = _peak(sample, _AIR_WINDOW_HU)
    soft = _peak(sample, _SOFT_WINDOW_HU)
    if soft is None:
        return _not_hu(f"no soft tissue between {_SOFT_WINDOW_HU[0]} and {_SOFT_WINDOW_HU[1]}")
    return _shift(air, soft)


def _shift(air: float | None, soft: float) -> tuple[Caution, ...]:
    wrong = []
    if air is not None and not AIR_HU_LOW.value <= air <= AIR_HU_HIGH.value:
        wrong.append(f"air {air:.0f} HU, expected {AIR_HU_LOW.value:g} to {AIR_HU_HIGH.value:g}")
    if not SOFT_TISSUE_HU_LOW.value <= soft <= SOFT_TISSUE_HU_HIGH.value:
        expected = f"{SOFT_TISSUE_HU_LOW.value:g} to {SOFT_TISSUE_HU_HIGH.value:g}"
        wrong.append(f"soft tissue {soft:.0f} HU, expected {expected}")
    return (Caution(code=CautionCode.HU_SHIFT, step=Step.READ, found="; ".join(wrong)),) if wrong else ()


def _peak(sample: FloatArray, window: tuple[int, int]) -> float | None:
    """The highest place of the smoothed histogram in the window, or None where hardly anything lies."""
    counts, edges = np.histogram(sample, bins=window[1] - window[0], range=window)
    smooth = ndimage.gaussian_filter1d(counts.astype(float), _SMOOTHING_HU, mode="constant")
    at = int(smooth.argmax())
    near = counts[max(0, at - _PEAK_HALF_WIDTH_HU) : at + _PEAK_HALF_WIDTH_HU + 1].sum()
    return float(edges[at] + 0.5) if near >= _PEAK_SHARE * sample.size else None


def _not_hu(found: str) -> Exclusion:
    return Exclusion(code=ExclusionCode.NOT_HU, step=Step.READ, found=found, limit="air, fat and soft tissue as in CT")


def _sample(voxels: NDArray) -> FloatArray:
    """Every n-th voxel along each axis as a flat float array; all of them where they are few."""
    step = max(1, int(np.ceil((voxels.size / _SAMPLE_VOXELS) ** (1 / 3))))
    return voxels[::step, ::step, ::step].astype(np.float64).ravel()


def _fits_int16(voxels: NDArray) -> bool:
    info = np.iinfo(np.int16)
    return bool(np.isfinite(voxels).all() and voxels.min() >= info.min and voxels.max() <= info.max)
