"""Splits bodies that no erosion separates, such as bridged ones on thick slices, where bone is least and disc most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatVolume = NDArray[np.float32]
IntVolume = NDArray[np.int32]

#: Distance from one body to the next divided by the diameter of its cross-section; about constant from T8 to L5.
_PITCH_OVER_DIAMETER = 0.87
#: A single body is shorter than the pitch by this share, its disc.
_DISC_SHARE = 0.17
_LARGEST_COUNT = 6
#: No part may be smaller than this share of a usual body: the shell around cement is long but has little volume.
_LEAST_PART = 0.7
#: Cuts are searched for within this share of a pitch around an even division.
_SEARCH = 0.33


def axis_through(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Direction of the spine at each height, (K, 3) unit vectors: the tangent of a parabola through the mask."""
    heights = np.flatnonzero(mask.any(axis=(0, 1)))
    z = np.arange(mask.shape[2])
    slopes = []
    for axis in (0, 1):
        along = np.atleast_2d(mask.any(axis=1 - axis))
        middle = np.array([np.flatnonzero(along[:, k]).mean() for k in heights])
        fit = np.polyfit(heights, middle, min(2, len(heights) - 1))
        slopes.append(np.polyval(np.polyder(fit), z))
    tangent = np.stack([*slopes, np.ones(len(z))], -1)
    return np.asarray(tangent / np.linalg.norm(tangent, axis=1, keepdims=True))


def _cuts(along: NDArray[np.float64], weight: NDArray[np.float64], *, count: int) -> NDArray[np.float64]:
    """Where to cut a length into ``count`` bodies: the thinnest places near an even division."""
    low, high = float(along.min()), float(along.max())
    edges = np.arange(np.floor(low), np.ceil(high) + 1.0)
    profile = np.histogram(along, bins=edges, weights=weight)[0]
    profile = ndimage.gaussian_filter1d(profile, 1.0)
    pitch = (high - low) / count
    cuts = []
    for n in range(1, count):
        middle = low + n * pitch
        near = np.flatnonzero(np.abs(edges[:-1] + 0.5 - middle) <= _SEARCH * pitch)
        cuts.append(edges[near[np.argmin(profile[near])]] + 0.5)
    return np.array(cuts)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Connected voxels (N, 3), their positions along the spine in mm, and how many bodies fit into their length."""

    number: int
    index: NDArray[np.int_]
    axis: NDArray[np.float64]
    along: NDArray[np.float64]
    ends: tuple[float, float]
    count: int


def _part(number: int, index: NDArray[np.int_], tangent: NDArray[np.float64], *, step_mm: float) -> _Part:
    axis = tangent[int(np.median(index[:, 2]))]
    along = index @ axis * step_mm
    low, high = (float(end) for end in np.percentile(along, (1, 99)))
    diameter = np.sqrt(4 / np.pi * len(index) * step_mm**3 / max(high - low, step_mm))
    count = min(_LARGEST_COUNT, max(1, round((high - low) / (_PITCH_OVER_DIAMETER * diameter) + _DISC_SHARE)))
    return _Part(number=number, index=index, axis=axis, along=along, ends=(low, high), count=count)


def split_long(region: IntVolume, mask: NDArray[np.bool_], bone: FloatVolume, *, step_mm: float) -> IntVolume:
    """Divide regions whose body is as long as two or more bodies.

    ``region`` numbers every voxel by its body, ``mask`` holds the bodies, ``bone`` their probability minus the discs'.
    """
    tangent = axis_through(mask)
    parts = [
        _part(
            number, np.argwhere(mask[box] & (region[box] == number)) + [s.start for s in box], tangent, step_mm=step_mm
        )
        for number, box in enumerate(ndimage.find_objects(np.where(mask, region, 0)), start=1)
        if box is not None
    ]
    usual = float(np.median([len(part.index) / part.count for part in parts])) if len(parts) > 2 else 0.0
    out = region.copy()
    following = int(region.max()) + 1
    for part in parts:
        number, index, axis, along = part.number, part.index, part.axis, part.along
        count = min(part.count, int(len(index) / (_LEAST_PART * usual))) if usual else part.count
        if count < 2:
            continue
        low, high = part.ends
        kept = (along >= low) & (along <= high)
        cuts = _cuts(along[kept], bone[tuple(index[kept].T)], count=count)
        own = np.argwhere(region == number)
        piece = np.searchsorted(cuts, own @ axis * step_mm)
        out[tuple(own.T)] = np.where(piece == 0, number, following + piece - 1)
        following += count - 1
    return out
