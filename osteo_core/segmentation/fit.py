"""Whether a mask from elsewhere belongs to a CT: it lies in the image, on bone, and its levels are in order.

A NIfTI file does not state to which scan it belongs, and a wrong, mirrored or wrongly numbered mask would give
plausible values of other tissue or other levels.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.limits.vertebra import MASK_ON_BONE
from osteo_core.outcomes import Caution, CautionCode, Exclusion
from osteo_core.records import FloatArray, Geometry, Volume
from osteo_core.segmentation.disagreement import shared_body
from osteo_core.segmentation.find_masks import refused
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import MASK_LEVELS, Level, Step

#: From head to foot; T13 lies between T12 and L1.
_DOWN = (*(Level(n) for n in range(Level.C1, Level.L1)), Level.T13, *(Level(n) for n in range(Level.L1, Level.COCCYX)))
#: Vertebrae that most spines lack; their absence is not a gap.
_VARIANTS = (Level.L6, Level.T13)
#: Least difference between the mean heights of consecutive levels; less is not in order.
_LEAST_STEP_MM = 2.0
#: Two levels farther apart than this times the pairs beside them may have an unmarked vertebra between them. Whole
#: spines of nine people have at most 1.13, and 1.5 to 2.1 with a thoracic or lumbar vertebra taken out.
_FAR_APART = 1.45
#: The ring round a vertebra: farther than the first from every vertebra of the mask, nearer than the second to its own.
_RING_FROM_MM, _RING_TO_MM = 2.0, 7.0
#: A mask is refused if it fits better when it is moved this far along any axis.
_MOVE_MM = 6.0
_POINTS = 4000
_LEAST_POINTS = 200


def misfit(mask: WholeVertebrae, volume: Volume, *, frame_of_reference_uid: str = "") -> Exclusion | None:
    """Why a mask must not be used on a volume; None if no reason is found.

    ``frame_of_reference_uid``: that of the CT, '' if its files do not state it.
    """
    stated = mask.frame_of_reference_uid
    if stated and frame_of_reference_uid and stated != frame_of_reference_uid:
        return refused("it belongs to another frame of reference than the CT")
    if not mask.is_placed and not mask.geometry.is_close(volume.geometry):
        return refused("it does not say where its voxels lie (NIfTI form codes), and its grid is not the CT's")
    if not mask.boxes:
        return None
    if not _is_inside(mask, volume.geometry):
        return refused("no vertebra of it lies in the field of view of the CT")
    return _out_of_order(mask) or shared_body(mask) or _beside_bone(mask, volume)


def cautions_of(mask: WholeVertebrae) -> tuple[Caution, ...]:
    """The source of the mask, and that levels need review if it holds a variant or leaves a level or a vertebra out."""
    own = Caution(code=CautionCode.MASK_FROM_ELSEWHERE, step=Step.SEGMENT, found=mask.source)
    present = mask.boxes
    doubts = [f"the mask holds {level.name}" for level in _VARIANTS if level in present]
    usual = [level for level in _DOWN if level not in _VARIANTS]
    held = [n for n, level in enumerate(usual) if level in present]
    between = range(held[0], held[-1]) if held else range(0)
    doubts += [f"the mask leaves out {usual[n].name}" for n in between if n not in held] or _far_apart(mask)
    if not doubts:
        return (own,)
    return (own, Caution(code=CautionCode.LEVELS_UNSURE, step=Step.SEGMENT, found=", ".join(doubts)))


def _far_apart(mask: WholeVertebrae) -> list[str]:
    """Consecutive whole levels that lie as far apart as if a vertebra between them were not marked, in words."""
    spine = _DOWN[_DOWN.index(Level.T1) : _DOWN.index(Level.SACRUM)]
    held = [level for level in spine if level in mask.boxes and not _is_cut(mask, level)]
    centres = [_centre_mm(mask, level) for level in held]
    steps = [float(np.linalg.norm(lower - upper)) for upper, lower in itertools.pairwise(centres)]
    return [
        f"{held[n].name} and {held[n + 1].name} lie {step:.0f} mm apart, as if a vertebra between them were not marked"
        for n, step in enumerate(steps)
        if (beside := steps[max(0, n - 1) : n] + steps[n + 1 : n + 2]) and step > _FAR_APART * max(beside)
    ]


def _is_cut(mask: WholeVertebrae, level: Level) -> bool:
    """Whether a level reaches the upper or lower end of the grid: of a cut one perhaps only the process is in view."""
    up = int(np.argmax(np.abs(mask.geometry.directions[2])))
    box = mask.boxes[level][up]
    return bool(box.start == 0 or box.stop == mask.labels.shape[up])


def _centre_mm(mask: WholeVertebrae, level: Level) -> FloatArray:
    """Mean position (LPS, mm) of a level of the mask."""
    centre: FloatArray = mask.geometry.to_world_mm(_index_of(mask, level)).mean(axis=0)
    return centre


def _heights_mm(mask: WholeVertebrae) -> dict[Level, float]:
    """Mean height (LPS z, mm) of each level of the mask."""
    return {level: float(_centre_mm(mask, level)[2]) for level in mask.boxes}


def _index_of(mask: WholeVertebrae, level: Level) -> FloatArray:
    """A sample of a level's voxels, (N, 3) indices of the mask's array."""
    box = mask.boxes[level]
    index = np.argwhere(mask.labels[box] == level) + [s.start for s in box]
    return _some(index).astype(float)


def _some(index: NDArray[np.int_]) -> NDArray[np.int_]:
    return index[:: max(1, len(index) // _POINTS)]


def _out_of_order(mask: WholeVertebrae) -> Exclusion | None:
    heights = _heights_mm(mask)
    if Level.T13 in heights and not {Level.T12, Level.L1} & set(heights):
        return refused("it holds T13 and neither T12 nor L1: its numbers are other than was said")
    for upper, lower in itertools.pairwise(level for level in _DOWN if level in heights):
        if heights[upper] < heights[lower] + _LEAST_STEP_MM:
            return refused(f"{upper.name} does not lie above {lower.name}: its numbers are other than was said")
    return None


def _is_inside(mask: WholeVertebrae, geometry: Geometry) -> bool:
    index = np.concatenate([_index_of(mask, level) for level in mask.boxes])
    return bool(_within(geometry.to_index(mask.geometry.to_world_mm(index)), geometry).any())


def _within(index: FloatArray, geometry: Geometry) -> NDArray[np.bool_]:
    return np.asarray(((index > -0.5) & (index < np.array(geometry.shape) - 0.5)).all(axis=1))


def _beside_bone(mask: WholeVertebrae, volume: Volume) -> Exclusion | None:
    """Why the mask is not on bone; None if what it marks is brighter than its surroundings, and most so in place."""
    samples = [_sampled(mask, level) for level in MASK_LEVELS if level in mask.boxes]
    here = _brighter(samples, volume, np.zeros(3))
    least = MASK_ON_BONE.value
    if here is None:
        return None
    if here < least:
        found = f"what it marks is hardly brighter than what lies beside it ({here:.2f}; at least {least:g})"
        return refused(f"it does not lie on the vertebrae of this CT: {found}")
    moves = [sign * _MOVE_MM * direction for direction in np.eye(3) for sign in (-1.0, 1.0)]
    better = [moved for move in moves if (moved := _brighter(samples, volume, move)) is not None and moved > here]
    if better:
        return refused(f"it does not lie on the vertebrae of this CT: it would fit better {_MOVE_MM:g} mm off")
    return None


def _sampled(mask: WholeVertebrae, level: Level) -> tuple[FloatArray, FloatArray]:
    """Points of a vertebra and of a ring beside it, (N, 3) and (M, 3) LPS mm."""
    steps = mask.geometry.spacing_mm
    rims = [int(np.ceil(_RING_TO_MM / step)) + 1 for step in steps]
    box = tuple(slice(max(0, s.start - rim), s.stop + rim) for s, rim in zip(mask.boxes[level], rims, strict=True))
    part = mask.labels[box]
    inside = part == level
    near = ndimage.distance_transform_edt(~inside, sampling=steps) < _RING_TO_MM
    ring = near & (ndimage.distance_transform_edt(part == 0, sampling=steps) > _RING_FROM_MM)
    start = np.array([s.start for s in box])
    bone, rest = (
        mask.geometry.to_world_mm((_some(np.argwhere(where)) + start).astype(float)) for where in (inside, ring)
    )
    return bone, rest


def _brighter(samples: list[tuple[FloatArray, FloatArray]], volume: Volume, move_mm: FloatArray) -> float | None:
    """Probability that a point of a vertebra is brighter than one beside it (Mann-Whitney U over n m).

    The median over the levels, all moved by ``move_mm``; None if too few points of every level lie in the CT.
    """
    shares = []
    for points in samples:
        bone, rest = (_hu_at(part + move_mm, volume) for part in points)
        if min(len(bone), len(rest)) >= _LEAST_POINTS:
            rest.sort()
            below, upto = np.searchsorted(rest, bone, "left"), np.searchsorted(rest, bone, "right")
            shares.append(float((below + upto).mean()) / (2 * len(rest)))
    return float(np.median(shares)) if shares else None


def _hu_at(points_mm: FloatArray, volume: Volume) -> NDArray[np.generic]:
    """HU at the voxels nearest to points (N, 3) in LPS mm; points outside the CT are left out."""
    index = volume.geometry.to_index(points_mm)
    index = np.rint(index[_within(index, volume.geometry)]).astype(int)
    return np.array(volume.voxels_hu[tuple(index.T)])
