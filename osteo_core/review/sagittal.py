"""The midsagittal plane of the vertebral bodies with their outlines, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.errors import UsageError
from osteo_core.imaging.png import png_of
from osteo_core.records import Geometry, HuArray, LabelArray
from osteo_core.terms import Level

#: Black and white of the picture.
_WINDOW_HU = (-150.0, 500.0)
#: Shown around the outlined bodies.
_MARGIN_MM = 28.0


@dataclass(frozen=True, kw_only=True)
class Sagittal:
    """One picture: PNG, size in mm, and for each level the outline as an SVG path and the label position in mm.

    Anterior is left, the head is up.
    """

    png: bytes
    width_mm: float
    height_mm: float
    outlines: Mapping[Level, str]
    names: Mapping[Level, tuple[float, float]]


def mid_sagittal(voxels: HuArray, labels: LabelArray, geometry: Geometry) -> Sagittal:
    """The curved midsagittal plane of a volume (I, J, K) in LPS axis order.

    It follows the line through the centres of the bodies. Raises UsageError where nothing is outlined.
    """
    across = _middle(labels)
    rows = np.arange(labels.shape[2])
    plane, own = voxels[across, :, rows].T, labels[across, :, rows].T  # (J, K)
    step_j, step_k = geometry.spacing_mm[1:]
    box = ndimage.find_objects((own > 0).astype(np.uint8))[0]
    margins = round(_MARGIN_MM / step_j), round(_MARGIN_MM / step_k)
    part = tuple(
        slice(max(0, one.start - margin), min(size, one.stop + margin))
        for one, margin, size in zip(box, margins, own.shape, strict=True)
    )
    plane, own = plane[part].T[::-1], own[part].T[::-1]  # rows from head to foot, columns from front to back
    low, high = _WINDOW_HU
    grey = (np.clip((plane.astype(np.float32) - low) / (high - low), 0.0, 1.0) * 255).astype(np.uint8)
    present = [Level(int(number)) for number in np.unique(own) if number]
    return Sagittal(
        png=png_of(grey),
        width_mm=own.shape[1] * step_j,
        height_mm=own.shape[0] * step_k,
        outlines={level: _path(own == level, step_j, step_k) for level in present},
        names={level: _right_of(own == level, step_j, step_k) for level in present},
    )


def _middle(labels: LabelArray) -> NDArray[np.intp]:
    """Left-right index at every height, interpolated linearly between the centres of the bodies."""
    boxes = ndimage.find_objects(labels)
    centres = []
    for number, box in enumerate(boxes, start=1):
        if box is not None:
            at = np.argwhere(labels[box] == number).mean(axis=0)
            centres.append((at[2] + box[2].start, at[0] + box[0].start))
    if not centres:
        raise UsageError("no vertebra is outlined on this series, so the midsagittal plane cannot be drawn")
    heights, middles = np.array(sorted(centres)).T
    found: NDArray[np.intp] = np.rint(np.interp(np.arange(labels.shape[2]), heights, middles)).astype(np.intp)
    return found


def _path(mask: NDArray[np.bool_], across_mm: float, down_mm: float) -> str:
    """The boundary of a mask as an SVG path in mm."""
    padded = np.pad(mask, 1)
    parts = [
        f"M{x * across_mm:.2f} {y * down_mm:.2f}h{across_mm:.2f}"
        for y, x in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    ]
    parts += [
        f"M{x * across_mm:.2f} {y * down_mm:.2f}v{down_mm:.2f}"
        for y, x in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    ]
    return "".join(parts)


def _right_of(mask: NDArray[np.bool_], across_mm: float, down_mm: float) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float((columns.max() + 3) * across_mm), float((rows.mean() + 0.5) * down_mm)
