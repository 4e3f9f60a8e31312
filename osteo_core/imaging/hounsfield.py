"""Checks whether values are Hounsfield units: air, fat and soft tissue have their expected values.

HU are defined by water (0) and air (-1000), so a scan can be checked against itself. Only gross errors are
detected here, before anything is outlined (a lost rescale intercept, a label map, a parameter map);
`density/tissues.py` checks again inside outlined tissues.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.limits.hounsfield import AIR_HU_HIGH, AIR_HU_LOW, DARKEST_HU, SOFT_TISSUE_HU_HIGH, SOFT_TISSUE_HU_LOW
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import FloatArray, HuArray
from osteo_core.terms import Step

#: Lower values are neither tissue nor noise but padding outside the reconstruction circle
#: (GE -3024 and -2000, Toshiba -2048, Hitachi -2000).
PADDING_BELOW_HU = -1500.0
#: Replaces padding.
AIR_HU = -1024

#: Labels are below this (AustinMan has 64 tissues, TotalSegmentator 117).
_MOST_LABELS = 256
#: Largest sample of voxels; a few hundred thousand suffice for a histogram.
_SAMPLE_VOXELS = 2_000_000
#: Share of equal neighbours: at least 0.8 in label maps, below 0.3 in 8-bit images (real CT, windows of 400 HU).
_PIECES_SHARE, _FEW_PAIRS = 0.5, 100
#: Display windows end below this; higher maxima are a scanner's own, reached only by metal.
_HIGHEST_BOUND_HU = 1300.0
#: A clipping bound has more voxels than this share, and more than the adjacent range of HU.
_BOUND_SHARE, _BOUND_REACH_HU = 1e-4, 10.0
_SMOOTHING_HU = 8.0
#: A peak counts if it contains at least this share of the voxels (within 20 HU).
_PEAK_SHARE = 0.003
_PEAK_HALF_WIDTH_HU = 20
#: Search ranges for the peaks, wide enough to find shifted ones.
_AIR_WINDOW_HU = (-1200, -800)
_SOFT_WINDOW_HU = (-40, 250)


def as_int16_if_lossless(voxels: NDArray[Any]) -> HuArray:
    """The same values as int16 if all are whole and in range, else as float32."""
    if voxels.dtype == np.int16:
        return voxels
    whole = voxels.astype(np.int16) if _fits_int16(voxels) else None
    if whole is not None and np.array_equal(whole, voxels):
        return whole
    return voxels.astype(np.float32, copy=False)


def describe_labels(voxels: NDArray[Any]) -> str:
    """Why this is a label map ('7 whole numbers from 0 to 26'), or '' for an image.

    Labels are whole numbers from 0 to 255 and form pieces of one value; 8-bit images, as exported with a
    display window, vary from voxel to voxel.
    """
    low, high = voxels.min(), voxels.max()
    if not (low >= 0 and high < _MOST_LABELS):
        return ""
    sample = _sample(voxels)
    if not np.array_equal(sample, np.round(sample)):
        return ""
    if not is_in_pieces(voxels):
        return ""
    values = np.unique(voxels)
    return f"{len(values)} whole numbers from {int(low)} to {int(high)}"


def is_in_pieces(voxels: NDArray[Any]) -> bool:
    """True if most neighbours, the extreme values excepted, are equal, as in a label map."""
    low, high = voxels.min(), voxels.max()
    same, pairs = 0, 0
    for axis in range(3):
        middle = voxels.shape[axis] // 2
        plane = voxels.take(range(middle, min(middle + 1, voxels.shape[axis])), axis=axis).squeeze(axis)
        first, second = plane[:-1].ravel(), plane[1:].ravel()
        inside = (first > low) & (first < high)
        same += int(np.count_nonzero(first[inside] == second[inside]))
        pairs += int(np.count_nonzero(inside))
    return pairs < _FEW_PAIRS or same / pairs > _PIECES_SHARE


def check_hu(voxels: NDArray[Any]) -> tuple[Caution, ...] | Exclusion:
    """Cautions if air or soft tissue is off, an Exclusion if the values cannot be HU.

    ``voxels``: (I, J, K) with padding already replaced. Uses the histogram of the whole grid, so it
    needs no outlines; a crop inside the body, without air, is judged by fat and muscle.
    """
    sample = _sample(voxels)
    sample = sample[sample > AIR_HU]
    if sample.size == 0:
        return _not_hu("nothing but air")
    low, high = float(sample.min()), float(sample.max())
    if low >= 0 and high < _MOST_LABELS:
        is_scaled = high <= 1.0
        return _not_hu(f"values from {low:g} to {high:g}, {'scaled' if is_scaled else 'as in an 8-bit image'}")
    darkest = float(np.percentile(sample, 1))
    if darkest > DARKEST_HU.value:
        return _not_hu(f"the darkest hundredth begins at {darkest:.0f}")
    air = _peak(sample, _AIR_WINDOW_HU)
    soft = _peak(sample, _SOFT_WINDOW_HU)
    if soft is None:
        return _not_hu(f"no soft tissue between {_SOFT_WINDOW_HU[0]} and {_SOFT_WINDOW_HU[1]}")
    return (*_clipped(sample), *_shift(air, soft))


def _clipped(sample: FloatArray) -> tuple[Caution, ...]:
    """A caution if values accumulate at the minimum or maximum: a display window was saved instead of HU."""
    low, high = float(sample.min()), float(sample.max())
    bounds = [
        f"{'below' if bound == low else 'above'} {bound:.0f} HU"
        for bound, inward, is_possible in (
            (low, 1.0, low > AIR_HU_HIGH.value),
            (high, -1.0, high < _HIGHEST_BOUND_HU),
        )
        if is_possible and _is_bound(sample, bound, inward)
    ]
    found = "nothing " + " and nothing ".join(bounds)
    return (Caution(code=CautionCode.WINDOW_CLIPPED, step=Step.READ, found=found),) if bounds else ()


def _is_bound(sample: FloatArray, bound: float, inward: float) -> bool:
    from_bound = (sample - bound) * inward
    at = np.mean(from_bound == 0.0)
    near = np.mean((from_bound > 0.0) & (from_bound <= _BOUND_REACH_HU))
    return bool(at > _BOUND_SHARE and at > near)


def _shift(air: float | None, soft: float) -> tuple[Caution, ...]:
    wrong = []
    if air is not None and not AIR_HU_LOW.value <= air <= AIR_HU_HIGH.value:
        wrong.append(f"air {air:.0f} HU, expected {AIR_HU_LOW.value:g} to {AIR_HU_HIGH.value:g}")
    if not SOFT_TISSUE_HU_LOW.value <= soft <= SOFT_TISSUE_HU_HIGH.value:
        expected = f"{SOFT_TISSUE_HU_LOW.value:g} to {SOFT_TISSUE_HU_HIGH.value:g}"
        wrong.append(f"soft tissue {soft:.0f} HU, expected {expected}")
    return (Caution(code=CautionCode.HU_SHIFT, step=Step.READ, found="; ".join(wrong)),) if wrong else ()


def _peak(sample: FloatArray, window: tuple[int, int]) -> float | None:
    """The maximum of the smoothed histogram in the window, or None if it has too few voxels."""
    counts, edges = np.histogram(sample, bins=window[1] - window[0], range=window)
    smooth = ndimage.gaussian_filter1d(counts.astype(float), _SMOOTHING_HU, mode="constant")
    at = int(smooth.argmax())
    near = counts[max(0, at - _PEAK_HALF_WIDTH_HU) : at + _PEAK_HALF_WIDTH_HU + 1].sum()
    return float(edges[at] + 0.5) if near >= _PEAK_SHARE * sample.size else None


def _not_hu(found: str) -> Exclusion:
    return Exclusion(code=ExclusionCode.NOT_HU, step=Step.READ, found=found, limit="air, fat and soft tissue as in CT")


def _sample(voxels: NDArray[Any]) -> FloatArray:
    """Every n-th voxel along each axis as a flat float array; all voxels if they are few."""
    step = max(1, int(np.ceil((voxels.size / _SAMPLE_VOXELS) ** (1 / 3))))
    return voxels[::step, ::step, ::step].astype(np.float64).ravel()


def _fits_int16(voxels: NDArray[Any]) -> bool:
    info = np.iinfo(np.int16)
    return bool(np.isfinite(voxels).all() and voxels.min() >= info.min and voxels.max() <= info.max)
