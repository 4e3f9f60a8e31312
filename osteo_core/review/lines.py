"""The heights of a vertebral body as lines for display."""

from __future__ import annotations

from typing import Any

import numpy as np

from osteo_core.morphometry.endplates import endplates_mm
from osteo_core.morphometry.frame import Body, chords_mm, find_bodies
from osteo_core.records import Segmentation

#: Where each height is drawn between posterior (0) and anterior rim (1): the middle of the averaged positions.
_SHARES = {"posterior": 0.125, "middle": 0.50, "anterior": 0.875}


def height_lines(segmentation: Segmentation) -> list[dict[str, Any]]:
    """Level number, height name, and both ends as indices (i, j, k) of the segmentation's grid.

    Drawn in the middle sagittal plane of each body; the number reported is the median of seven such planes.
    """
    lines: list[dict[str, Any]] = []
    for body in find_bodies(segmentation):
        lines += _lines_of(body, segmentation)
    return lines


def _lines_of(body: Body, segmentation: Segmentation) -> list[dict[str, Any]]:
    if not np.isfinite(body.frame.upper_plane).all():
        return []
    back, front = chords_mm(body, starts_mm=np.zeros((1, 3)), direction=1)
    if not np.isfinite(back[0]):
        return []
    starts = np.array([[0.0, back[0] + share * (front[0] - back[0]), 0.0] for share in _SHARES.values()])
    low, high = endplates_mm(body, None, starts_mm=starts)
    found = []
    for name, start, bottom, top in zip(_SHARES, starts, low, high, strict=True):
        if np.isfinite([bottom, top]).all():
            ends = body.frame.to_world_mm(np.array([[*start[:2], bottom], [*start[:2], top]]))
            index = np.round(segmentation.geometry.to_index(ends), 2)
            found.append({"level": int(body.level), "name": name, "ends": index.tolist()})
    return found
