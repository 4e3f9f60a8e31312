"""Islets of another number inside a vertebra of a mask: a few wrong voxels, neither a body nor part of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import LabelArray
from osteo_core.segmentation.bodies import boxes_of
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import Level, Step

#: Largest share of an islet in the vertebra round it: half a body is not an islet and is refused (disagreement.py).
_MOST_SHARE = 0.05
#: Least share of the voxels touching an islet that belong to the vertebra round it.
_ROUND_SHARE = 0.6
_TOUCHING = np.ones((3, 3, 3), dtype=bool)


def without_islets(mask: WholeVertebrae) -> tuple[WholeVertebrae, tuple[Caution, ...]]:
    """The mask with every islet given the number of the vertebra round it, and a caution that counts their voxels."""
    labels, found = mask.labels, Counter[tuple[int, int]]()
    volume = {int(level): int(np.count_nonzero(labels[box] == level)) for level, box in mask.boxes.items()}
    for level in sorted(volume):
        labels = _resolved(labels, level, volume, found)
    if not found:
        return mask, ()
    words = ", ".join(f"{n} voxel(s) of {Level(a).name} in {Level(b).name}" for (a, b), n in sorted(found.items()))
    return replace(mask, labels=labels), (Caution(code=CautionCode.MASK_ISLETS, step=Step.SEGMENT, found=words),)


def _resolved(labels: LabelArray, level: int, volume: dict[int, int], found: Counter[tuple[int, int]]) -> LabelArray:
    """The labels without the islets of one level; ``found`` counts their voxels by (level, level round them)."""
    box = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in boxes_of(labels)[Level(level)])
    pieces, n = ndimage.label(labels[box] == level, structure=_TOUCHING)
    if n < 2:
        return labels
    sizes = np.bincount(pieces.ravel())[1:]
    mended = labels.copy()
    for number, where in enumerate(ndimage.find_objects(pieces), start=1):
        if number == int(sizes.argmax()) + 1:
            continue
        near = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in where)
        piece = pieces[near] == number
        around = _level_round(labels[box][near], piece)
        if around in volume and sizes[number - 1] <= _MOST_SHARE * volume[around]:
            mended[box][near][piece] = around
            found[(level, around)] += int(sizes[number - 1])
    return mended


def _level_round(labels: LabelArray, piece: NDArray[np.bool_]) -> int:
    """The commonest number among a piece's neighbours; 0 if that is background or too few of them."""
    ring = ndimage.binary_dilation(piece, structure=_TOUCHING) & ~piece
    counts = np.bincount(labels[ring]) if ring.any() else np.zeros(1, dtype=int)
    most = int(counts.argmax())
    return most if counts[most] >= _ROUND_SHARE * counts.sum() else 0
