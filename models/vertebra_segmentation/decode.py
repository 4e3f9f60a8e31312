"""Probabilities of both networks to numbered bodies on the source grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.grids import FloatVolume, Grid, back_to_source, box_in_source
from models.spine_localiser.locate import BODIES, RIB, SACRUM, Located
from models.vertebra_segmentation.instances import IntVolume, split_bodies
from models.vertebra_segmentation.network import CLASSES
from models.vertebra_segmentation.numbering import BEYOND, number
from osteo_core.records import Geometry
from osteo_core.terms import MASK_LEVELS, Anchor, Level

_BODY = CLASSES.index("body")
#: A piece whose coarse probability of being spine is lower is no vertebra.
_LEAST_SPINE = 0.25
_POINTS = 400
_SACRUM_ML, _RIB_ML = 12.0, 2.0
_RIB_REACH_MM = 60.0
#: Without sacrum or ribs in view the numbers rest on shape alone.
_UNANCHORED = 0.75
_ON_GRID = 0.5


@dataclass(frozen=True, kw_only=True)
class Found:
    """One body before it goes back to the source grid."""

    level: Level
    confidence: float
    instance: int


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Numbered bodies with the fields from which they are drawn."""

    found: tuple[Found, ...]
    instances: IntVolume
    region: IntVolume
    anchor: Anchor


def _centres_mm(instances: IntVolume, grid: Grid, numbers: list[int]) -> NDArray[np.float64]:
    centres = ndimage.center_of_mass(instances > 0, instances, numbers)
    return grid.to_world_mm(np.array(centres).reshape(-1, 3))


def _class_means(instances: IntVolume, grid: Grid, located: Located, numbers: list[int]) -> NDArray[np.float64]:
    """Mean coarse probability of each class over each instance, (N, 16)."""
    boxes = ndimage.find_objects(instances)
    rows = []
    for n in numbers:
        box = boxes[n - 1]
        index = np.argwhere(instances[box] == n) + [s.start for s in box]
        index = index[:: max(1, len(index) // _POINTS)]
        rows.append(located.at(grid.to_world_mm(index)).mean(1))
    return np.array(rows, dtype=np.float64)


def _near_volume_ml(located: Located, channel: int, centre_mm: NDArray[np.float64], *, reach_mm: float) -> float:
    """Volume of one coarse class within a cube around a point."""
    index = located.grid.to_index(centre_mm)
    reach = reach_mm / located.grid.step_mm
    box = tuple(slice(max(0, int(c - reach)), max(0, int(c + reach) + 1)) for c in index)
    return float((located.probability[channel][box] > 0.5).sum()) * located.grid.step_mm**3 / 1000


def _anchor(levels: list[int], centres: NDArray[np.float64], located: Located) -> Anchor:
    """Which landmark the chain reaches: sacrum below L5, ribs at T11 or T12 with lumbar bodies below."""
    low = [c for level, c in zip(levels, centres, strict=True) if level in (Level.L4, Level.L5, BEYOND)]
    sacrum = any(_near_volume_ml(located, SACRUM, c, reach_mm=70.0) > _SACRUM_ML for c in low)
    high = [c for level, c in zip(levels, centres, strict=True) if level in (Level.T11, Level.T12)]
    ribs = any(_near_volume_ml(located, RIB, c, reach_mm=_RIB_REACH_MM) > _RIB_ML for c in high) and Level.L1 in levels
    if sacrum and ribs:
        return Anchor.BOTH
    if sacrum:
        return Anchor.SACRUM
    return Anchor.LAST_RIB if ribs else Anchor.NONE


def decode(probability: FloatVolume, grid: Grid, located: Located) -> Decoded:
    """Fine class probabilities (6, I, J, K) and the coarse ones to numbered instances."""
    body = probability[_BODY]
    instances, region = split_bodies(body, step_mm=grid.step_mm)
    numbers = [int(n) for n in np.unique(instances) if n]
    if not numbers:
        return Decoded(found=(), instances=instances, region=region, anchor=Anchor.NONE)
    means = _class_means(instances, grid, located, numbers)
    spine = means[:, [*BODIES, SACRUM]].sum(1) > _LEAST_SPINE
    numbers = [n for n, keep in zip(numbers, spine, strict=True) if keep]
    means = means[spine]
    if not numbers:
        return Decoded(found=(), instances=instances, region=region, anchor=Anchor.NONE)
    centres = _centres_mm(instances, grid, numbers)
    order = np.argsort(-centres[:, 2])
    chain = number(means[order], centres[order])
    anchor = _anchor(list(chain.levels), centres[order], located)
    sure = chain.probability * (_UNANCHORED if anchor is Anchor.NONE else 1.0)
    found: list[Found] = []
    for level, n in zip(chain.levels, (numbers[int(i)] for i in order), strict=True):
        if level in MASK_LEVELS and Level(level) not in [f.level for f in found]:
            inside = body[instances == n]
            crisp = float(np.clip(2 * inside.mean() - 1, 0, 1))
            found.append(Found(level=Level(level), confidence=sure * crisp**0.5, instance=n))
    return Decoded(found=tuple(found), instances=instances, region=region, anchor=anchor)


def draw_level(
    body: FloatVolume, decoded: Decoded, grid: Grid, found: Found, geometry: Geometry
) -> tuple[tuple[slice, slice, slice], NDArray[np.bool_]]:
    """One body on the source grid by its probability, not by its labels, so that the cortex stays smooth."""
    own = ndimage.find_objects(decoded.instances)[found.instance - 1]
    box = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in own)
    inside = decoded.instances[box] == found.instance
    near = ndimage.binary_dilation(inside, iterations=2) & (decoded.region[box] == found.instance)
    field = np.where(inside, np.maximum(body[box], _ON_GRID + 0.01), np.where(near, np.minimum(body[box], 0.5), 0.0))
    start = np.array([s.start for s in box])
    part = Grid(origin_mm=grid.to_world_mm(start), shape=field.shape, step_mm=grid.step_mm)
    ends = np.stack(np.meshgrid(*[(0, n - 1) for n in field.shape], indexing="ij"), -1).reshape(-1, 3)
    where = box_in_source(part.to_world_mm(ends), geometry)
    return where, back_to_source(field.astype(np.float32), part, geometry, where) >= _ON_GRID
