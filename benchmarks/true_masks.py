"""Simulated series with their true bodies as a segmentation: the output of a perfect segmenter."""

from __future__ import annotations

import numpy as np

from osteo_core.records import Geometry, LabelArray, Segmentation, SegmentedLevel
from osteo_core.terms import MASK_LEVELS, Anchor, Level

#: First seed of the series reported by these benchmarks; constants were chosen on seeds from 800500.
REPORT_OFFSET = 4000
_MINIMUM_VOXELS = 200


def true_segmentation(labels: LabelArray, geometry: Geometry) -> Segmentation:
    """The bodies T12-L5 of ``labels``; one that touches the first or last slice is cut."""
    kept = np.where((labels >= MASK_LEVELS[0]) & (labels <= MASK_LEVELS[-1]), labels, 0).astype(np.uint8)
    levels = []
    for number in np.unique(kept[kept > 0]):
        index = np.argwhere(kept == number)
        if len(index) < _MINIMUM_VOXELS:
            continue
        centre = geometry.to_world_mm(index.mean(axis=0))
        ends = index[:, 2].min() == 0, index[:, 2].max() == labels.shape[2] - 1
        levels.append(
            SegmentedLevel(
                level=Level(int(number)),
                confidence=1.0,
                voxels=len(index),
                centroid_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                cut="end of the scan" if any(ends) else "",
            )
        )
    return Segmentation(
        labels=kept, geometry=geometry, levels=tuple(levels), anchor=Anchor.BOTH, engine="truth", model_hash="truth"
    )
