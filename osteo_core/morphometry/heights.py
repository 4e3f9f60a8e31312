"""Six-point morphometry: anterior, middle and posterior height of a body in its own axes.

Heights are measured on several sagittal slices near the middle, 10-15 % inside the rims (where osteophytes and
lipping occur), each as the mean of three positions; the median over the slices is reported. The surface is
located between the CT slices (`endplates.py`), so that a height does not jump by a whole slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteo_core.morphometry.endplates import endplates_mm
from osteo_core.morphometry.frame import Body, chords_mm
from osteo_core.records import FloatArray, Volume

#: Sagittal slices, as a share of the body's width to either side of its middle.
_SLICES = np.linspace(-0.12, 0.12, 7)
#: Positions of each height, from the posterior rim (0) to the anterior rim (1).
_POSTERIOR = (0.10, 0.125, 0.15)
_MIDDLE = (0.45, 0.50, 0.55)
_ANTERIOR = (0.85, 0.875, 0.90)


@dataclass(frozen=True, kw_only=True)
class Heights:
    """Heights of one body in mm."""

    anterior_mm: float
    middle_mm: float
    posterior_mm: float


def measure_heights(body: Body, volume: Volume | None = None) -> Heights | None:
    """Median anterior, middle and posterior height; None if too little is outlined to find the rims.

    Without a volume the mask's edges alone are used.
    """
    if not np.isfinite(body.frame.upper_plane).all():
        return None
    slices_mm = _SLICES * body_width_mm(body)
    starts = np.column_stack([slices_mm, np.zeros((len(slices_mm), 2))])
    back, front = chords_mm(body, starts_mm=starts, direction=1)
    found = np.isfinite(back)
    if not found.any():
        return None
    rims = (slices_mm[found], back[found], front[found])
    values = [_median_height(body, volume, rims=rims, shares=shares) for shares in (_ANTERIOR, _MIDDLE, _POSTERIOR)]
    if not np.isfinite(values).all():
        return None
    return Heights(anterior_mm=values[0], middle_mm=values[1], posterior_mm=values[2])


def body_width_mm(body: Body) -> float:
    """Left-right extent of the body through its centre, in mm; 0 if the centre lies outside the mask."""
    left, right = chords_mm(body, starts_mm=np.zeros((1, 3)), direction=0)
    return float(right[0] - left[0]) if np.isfinite(left[0]) else 0.0


def _median_height(
    body: Body, volume: Volume | None, *, rims: tuple[FloatArray, FloatArray, FloatArray], shares: tuple[float, ...]
) -> float:
    slices_mm, back, front = rims
    starts = [np.column_stack([slices_mm, back + share * (front - back), np.zeros_like(back)]) for share in shares]
    low, high = endplates_mm(body, volume, starts_mm=np.concatenate(starts))
    heights = (high - low).reshape(len(shares), -1)
    heights = heights[:, np.isfinite(heights).any(axis=0)]
    return float(np.median(np.nanmean(heights, axis=0))) if heights.size else float("nan")
