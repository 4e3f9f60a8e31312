"""Whether two levels of a mask share one body: half a body with its neighbour's number looks like a fracture.

Eroding two neighbouring vertebrae leaves their bodies: arches and joints vanish, and the disc separates the bodies. A
piece with the height of one body and two numbers is one body with two numbers.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.outcomes import Exclusion
from osteo_core.records import FloatArray
from osteo_core.segmentation.bodies import Box
from osteo_core.segmentation.find_masks import refused
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import MASK_LEVELS, Level

#: Depth of the erosion: pedicles and processes are thinner than twice this, half of a low body is not.
_SHAVED_MM = 5.0
#: Least share of a piece that a second number must have: less is the ragged edge of a mask.
_SHARE = 0.05
#: Largest height of one eroded body (35 mm before erosion, or 45 mm tilted); two touching bodies are higher.
_ONE_BODY_MM = 34.0
#: Two eroded bodies with the disc between them are higher than this; single levels of nine real masks reach 36 mm.
_TWO_BODIES_MM = 40.0
#: A mask is sampled in steps of up to this.
_FINE_MM = 1.5
#: Pieces with less than this share of the largest one are joints and arches, not bodies.
_LEAST_OF_LARGEST = 0.35
#: A number has a body of its own elsewhere if another piece holds more of it than this share of this piece.
_OWN_BODY = 0.05


def shared_body(mask: WholeVertebrae) -> Exclusion | None:
    """Why the levels of a mask disagree; None if each body has one number."""
    levels = [level for level in MASK_LEVELS if level in mask.boxes]
    for upper, lower in itertools.pairwise(levels):
        share = _second_share(mask, int(upper), int(lower))
        if share >= _SHARE:
            found = f"its levels disagree: one body bears the numbers of {upper.name} and {lower.name}"
            return refused(found)
    for level in levels:
        if _height_of_bodies_mm(mask, level) > _TWO_BODIES_MM:
            return refused(f"its levels disagree: two bodies bear the number of {level.name}")
    return None


def _height_of_bodies_mm(mask: WholeVertebrae, level: Level) -> float:
    """Height in mm from the lowest to the highest point of a level's bodies after erosion."""
    pieces, n, up_mm = _shaved(mask, mask.boxes[level], (int(level),))
    sizes = np.bincount(pieces.ravel(), minlength=n + 1)[1:]
    large = np.flatnonzero(sizes >= _LEAST_OF_LARGEST * sizes.max(initial=0)) + 1
    return float(np.ptp(np.argwhere(np.isin(pieces, large)) @ up_mm)) if n else 0.0


def _shaved(mask: WholeVertebrae, box: Box, numbers: tuple[int, ...]) -> tuple[NDArray[np.int32], int, FloatArray]:
    """The eroded voxels of these numbers in a box as numbered pieces, the count, and (3,) mm upwards per index step."""
    stride = _stride(mask)
    sampling = np.array(mask.geometry.spacing_mm) * stride
    part = np.pad(np.isin(mask.labels[box][:: stride[0], :: stride[1], :: stride[2]], numbers), 1)
    pieces, n = ndimage.label(ndimage.distance_transform_edt(part, sampling=sampling) > _SHAVED_MM)
    return pieces, n, mask.geometry.affine_lps[2, :3] * stride


def _stride(mask: WholeVertebrae) -> NDArray[np.int_]:
    stride: NDArray[np.int_] = np.maximum(1, (_FINE_MM / np.array(mask.geometry.spacing_mm)).astype(int))
    return stride


def _second_share(mask: WholeVertebrae, upper: int, lower: int) -> float:
    """The largest share of another number's body taken by a number that has a body of its own elsewhere."""
    box = _joined(mask.boxes[upper], mask.boxes[lower])  # type: ignore[index]
    pieces, n, up_mm = _shaved(mask, box, (upper, lower))
    stride = _stride(mask)
    part = np.pad(mask.labels[box][:: stride[0], :: stride[1], :: stride[2]], 1)
    counts = np.stack([np.bincount(pieces[part == m], minlength=n + 1)[1:] for m in (upper, lower)], axis=1)
    largest = counts.sum(axis=1).max(initial=0)
    worst = 0.0
    for p, own in enumerate(counts):
        height_mm = float(np.ptp(np.argwhere(pieces == p + 1) @ up_mm))
        elsewhere = np.delete(counts, p, axis=0).max(axis=0, initial=0)
        if own.sum() < _LEAST_OF_LARGEST * largest or height_mm > _ONE_BODY_MM:
            continue
        # A number with a body of its own elsewhere has taken its voxels here from the other number.
        taken = [own[m] / own.sum() for m in (0, 1) if elsewhere[m] > _OWN_BODY * own.sum()]
        worst = max([worst, *(share for share in taken if share < 1.0)])
    return worst


def _joined(first: Box, second: Box) -> Box:
    i, j, k = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True))
    return i, j, k
