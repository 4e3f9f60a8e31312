"""Holes in the vertebrae of a mask: a few voxels are filled; a mask with more is damaged and is refused.

A body with missing slices or voxels would be measured as a smaller or a fractured one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from osteo_core.limits.vertebra import MASK_HOLES
from osteo_core.outcomes import Caution, CautionCode, Exclusion
from osteo_core.segmentation.find_masks import refused
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import MASK_LEVELS, Step


def without_holes(mask: WholeVertebrae) -> tuple[WholeVertebrae, tuple[Caution, ...]] | Exclusion:
    """The mask with the holes enclosed by each vertebra filled, and a caution that counts their voxels.

    An Exclusion if more than ``MASK_HOLES`` of a vertebra is not marked: enclosed by it, or in gaps 1-2 voxels wide.
    """
    labels, words = mask.labels, []
    for level in (level for level in MASK_LEVELS if level in mask.boxes):
        box = mask.boxes[level]
        # A margin of two voxels: closing dilates by one, and erodes what touches the edge of the array.
        own = np.pad(mask.labels[box] == level, 2)
        empty = np.pad(mask.labels[box] == 0, 2)
        enclosed = ndimage.binary_fill_holes(own) & empty
        missing = ndimage.binary_fill_holes(ndimage.binary_closing(own)) & empty
        share = float(missing.sum() / (missing.sum() + own.sum()))
        if share > MASK_HOLES.value:
            return refused(f"{share:.0%} of {level.name} is not marked: its outline has gaps or missing slices")
        if enclosed.any():
            labels = labels.copy() if labels is mask.labels else labels
            labels[box][enclosed[2:-2, 2:-2, 2:-2]] = level
            words.append(f"{int(enclosed.sum())} voxel(s) of {level.name}")
    if not words:
        return mask, ()
    caution = Caution(code=CautionCode.MASK_HOLES, step=Step.SEGMENT, found=", ".join(words))
    return replace(mask, labels=labels), (caution,)
