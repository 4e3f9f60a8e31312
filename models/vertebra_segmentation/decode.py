"""From the probabilities of both networks to numbered bodies on the source grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.grids import FloatVolume, Grid, back_to_source, box_in_source
from models.spine_localiser.locate import BODIES, RIB, SACRUM, Located
from models.vertebra_segmentation.instances import IntVolume, split_bodies
from models.vertebra_segmentation.network import CLASSES
from models.vertebra_segmentation.numbering import BEYOND, SacralEvidence, is_usual, number
from models.vertebra_segmentation.prepare import Tube
from models.vertebra_segmentation.ribs import lowest_rib_mm
from osteo_core.imaging.pieces import largest_piece
from osteo_core.records import Geometry, Volume
from osteo_core.terms import Anchor, Level

_BODY = CLASSES.index("body")
_DISC = CLASSES.index("disc")
_SACRUM_FINE = CLASSES.index("sacrum")
#: Fine bodies count within this many coarse voxels (5 mm) of a body seen by the coarse network, even faintly.
_REACH_VOXELS, _LEAST_NEAR = 2, 0.3
#: A piece with a lower coarse probability of spine is not a vertebra.
_LEAST_SPINE = 0.25
_POINTS = 400
#: A tilted body's corners reach beyond its endplates: these percentiles of its voxels mark its ends.
_ENDS = (4, 96)
#: A piece less than half the size of a body and closer to it than this share of the usual spacing is a stray.
_STRAY_GAP = 0.65
_SACRUM_ML, _RIB_ML = 12.0, 2.0
_RIB_REACH_MM = 60.0
#: The fine network's sacrum counts if it is this near to the lowest body.
_SACRUM_REACH_MM = 45.0
#: Trust in a chain's numbers by the landmark they were counted from, as a factor on the chain's own probability.
#: Without sacrum or ribs they rest on shape alone; if the two disagree, a reader must count.
_BELIEF = {Anchor.BOTH: 1.0, Anchor.SACRUM: 1.0, Anchor.LAST_RIB: 0.9, Anchor.NONE: 0.75, Anchor.AT_ODDS: 0.6}
#: Probability at a body's surface. References of real scans call for 0.5, simulated patients (cortex thinner than a
#: voxel, true surface known) for nearly 0.7. The value is a compromise; CARD.md names the scans it was chosen on.
_ON_GRID = 0.55
#: Depth below the surface, in voxels, from which a body is filled whatever the network says there (cement, holes).
_CORE_VOXELS = 2


@dataclass(frozen=True, kw_only=True)
class Found:
    """One body before it is drawn on the source grid."""

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


def _lengths_mm(
    instances: IntVolume, grid: Grid, numbers: list[int], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Length (N,) of each body along the line through its neighbours' centres (N, 3; top down)."""
    boxes = ndimage.find_objects(instances)
    lengths = []
    for n, number_ in enumerate(numbers):
        box = boxes[number_ - 1]
        world = grid.to_world_mm(np.argwhere(instances[box] == number_) + [s.start for s in box])
        along = centres[max(n - 1, 0)] - centres[min(n + 1, len(centres) - 1)]
        axis = along / np.linalg.norm(along) if along.any() else np.array([0.0, 0.0, 1.0])
        low, high = np.percentile(world @ axis, _ENDS)
        lengths.append(float(high - low))
    return np.array(lengths)


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


def _without_strays(centres: NDArray[np.float64], voxels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True for bodies of the chain (top down), False for strays: small pieces next to a larger body."""
    keep = np.ones(len(voxels), dtype=bool)
    usual = float(np.median(-np.diff(centres[:, 2]))) if len(voxels) > 2 else 30.0
    for n in np.argsort(voxels):
        others = [m for m in range(len(voxels)) if m != n and keep[m] and voxels[m] > 2 * voxels[n]]
        keep[n] = all(abs(centres[m, 2] - centres[n, 2]) > _STRAY_GAP * usual for m in others)
    return keep


def _near_volume_ml(located: Located, channel: int, centre_mm: NDArray[np.float64], *, reach_mm: float) -> float:
    """Volume of one coarse class within a cube around a point."""
    index = located.grid.to_index(centre_mm)
    reach = reach_mm / located.grid.step_mm
    box = tuple(slice(max(0, int(c - reach)), max(0, int(c + reach) + 1)) for c in index)
    return float((located.probability[channel][box] > 0.5).sum()) * located.grid.step_mm**3 / 1000


def _anchor(levels: list[int], centres: NDArray[np.float64], located: Located, *, has_rib: bool, usual: bool) -> Anchor:
    """The landmark that the chain reaches: sacrum below L5, or ribs at T11 or T12 with lumbar bodies below."""
    low = [c for level, c in zip(levels, centres, strict=True) if level in (Level.L4, Level.L5, BEYOND)]
    sacrum = any(_near_volume_ml(located, SACRUM, c, reach_mm=70.0) > _SACRUM_ML for c in low)
    high = [c for level, c in zip(levels, centres, strict=True) if level in (Level.T11, Level.T12)]
    near = any(_near_volume_ml(located, RIB, c, reach_mm=_RIB_REACH_MM) > _RIB_ML for c in high)
    ribs = (has_rib or near) and Level.L1 in levels
    if sacrum and not usual:
        return Anchor.AT_ODDS
    if sacrum and ribs:
        return Anchor.BOTH
    if sacrum:
        return Anchor.SACRUM
    return Anchor.LAST_RIB if ribs else Anchor.NONE


def body_field(probability: FloatVolume, grid: Grid, located: Located) -> FloatVolume:
    """Probability of body (I, J, K) from both networks.

    The fine network draws the outlines. The coarse one, which sees the whole volume, removes everything far from its
    own bodies (vessels, hips, table) and decides between body and sacrum.
    """
    bodies = located.bodies
    near = ndimage.grey_dilation(bodies, footprint=_ball(_REACH_VOXELS))
    sacrum = located.probability[SACRUM]
    gate = _on(np.clip(near / _LEAST_NEAR, 0, 1), located.grid, grid)
    lumbar = _on(bodies / np.maximum(bodies + sacrum, 1e-3), located.grid, grid)
    doubtful = probability[_SACRUM_FINE] * np.clip(2 * lumbar - 1, 0, 1)
    return np.asarray((probability[_BODY] + doubtful) * gate, dtype=np.float32)


def _ball(radius: int) -> NDArray[np.bool_]:
    grid = np.mgrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
    return np.asarray((grid**2).sum(0) <= radius**2 + 1)


def _on(field: FloatVolume, source: Grid, target: Grid) -> FloatVolume:
    """A coarse field, interpolated on a finer grid."""
    offset = source.to_index(target.origin_mm)
    scale = np.full(3, target.step_mm / source.step_mm)
    out = ndimage.affine_transform(
        np.asarray(field, dtype=np.float32), scale, offset=offset, output_shape=target.shape, order=1, mode="nearest"
    )
    return np.asarray(out, dtype=np.float32)


def _sacral_evidence(
    fine: FloatVolume, instances: IntVolume, chain: list[int], lowest_index: NDArray[np.float64], *, step_mm: float
) -> SacralEvidence:
    """The evidence of the fine classes (6, I, J, K) on the sacrum for a chain of instances, top down."""
    sacrum = fine[_SACRUM_FINE]
    free = []
    for n in chain:
        inside = instances == n
        share = float(sacrum[inside].mean())
        free.append(1 - share / max(share + float(fine[_BODY][inside].mean()), 1e-3))
    reach = int(_SACRUM_REACH_MM / step_mm)
    i, j, k = (int(c) for c in lowest_index)
    below = sacrum[max(0, i - reach) : i + reach, max(0, j - reach) : j + reach, max(0, k - reach) : max(0, k)]
    return SacralEvidence(free=tuple(free), below_ml=float((below > 0.5).sum()) * step_mm**3 / 1000)


def decode(fine: FloatVolume, body: FloatVolume, tube: Tube, located: Located, volume: Volume) -> Decoded:
    """Numbered instances from the fine classes (6, I, J, K), the field of bodies and the coarse classes."""
    grid = tube.grid
    instances, region = split_bodies(body, fine[_DISC], step_mm=grid.step_mm)
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
    sizes = np.bincount(instances.ravel())[numbers].astype(float)
    order = order[_without_strays(centres[order], sizes[order])]
    lowest = grid.to_index(centres[order[-1]])
    evidence = _sacral_evidence(fine, instances, [numbers[int(i)] for i in order], lowest, step_mm=grid.step_mm)
    rib_mm = lowest_rib_mm(volume, centres[order], located)
    lengths = _lengths_mm(instances, grid, [numbers[int(i)] for i in order], centres[order])
    chain = number(means[order], centres[order], lengths, evidence, rib_mm)
    usual = is_usual(chain.levels, centres[order], means[order], evidence, rib_mm)
    anchor = _anchor(list(chain.levels), centres[order], located, has_rib=rib_mm is not None, usual=usual)
    sure = chain.probability * _BELIEF[anchor]
    found: list[Found] = []
    for level, n in zip(chain.levels, (numbers[int(i)] for i in order), strict=True):
        if level <= Level.L5 and Level(level) not in [f.level for f in found]:
            inside = body[instances == n]
            crisp = float(np.clip(2 * inside.mean() - 1, 0, 1))
            found.append(Found(level=Level(level), confidence=sure * crisp**0.5, instance=n))
    return Decoded(found=tuple(found), instances=instances, region=region, anchor=anchor)


def draw_level(
    body: FloatVolume, decoded: Decoded, grid: Grid, found: Found, geometry: Geometry
) -> tuple[tuple[slice, slice, slice], NDArray[np.bool_]]:
    """One body on the source grid, drawn from its probability rather than its labels to keep the cortex smooth."""
    own = ndimage.find_objects(decoded.instances)[found.instance - 1]
    box = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in own)
    inside = decoded.instances[box] == found.instance
    near = ndimage.binary_dilation(inside, iterations=2) & (decoded.region[box] == found.instance)
    core = ndimage.binary_erosion(inside, iterations=_CORE_VOXELS)
    field = np.where(core, 1.0, np.where(inside | near, body[box], 0.0))
    start = np.array([s.start for s in box])
    part = Grid(origin_mm=grid.to_world_mm(start), shape=field.shape, step_mm=grid.step_mm)
    ends = np.stack(np.meshgrid(*[(0, n - 1) for n in field.shape], indexing="ij"), -1).reshape(-1, 3)
    where = box_in_source(part.to_world_mm(ends), geometry)
    mask = back_to_source(field.astype(np.float32), part, geometry, where) >= _ON_GRID
    return where, ndimage.binary_fill_holes(largest_piece(mask, by_corners=True))
