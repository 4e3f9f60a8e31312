"""Analytic spines: bodies of known size, HU and shell as elliptic cylinders, on any grid.

All positions are in millimetres of the patient (LPS); ``build_spine`` samples the spine on a grid, each voxel
averaged over its own extent, as in a scanner. The truth (HU, heights, volumes) is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from osteo_core.records import Geometry, Segmentation, SegmentedLevel, Volume
from osteo_core.terms import Anchor, Level

FAT_HU, MUSCLE_HU, DISC_HU, AIR_HU = -100.0, 50.0, 80.0, -1000.0


@dataclass(frozen=True, kw_only=True)
class BodySpec:
    """One body: elliptic cylinder (half width, half depth) between two endplates, in its own axes."""

    level: Level
    trabecular_hu: float = 150.0
    cortical_hu: float = 500.0
    half_width_mm: float = 21.0
    half_depth_mm: float = 16.0
    anterior_mm: float = 27.0
    middle_mm: float = 27.0
    posterior_mm: float = 27.0
    shell_mm: float = 1.5
    vein_hu: float | None = None


@dataclass(frozen=True, kw_only=True)
class SpineSpec:
    """A patient: bodies from head to foot, disc gaps, surroundings, and the lordotic tilt of each body."""

    bodies: tuple[BodySpec, ...] = tuple(BodySpec(level=level) for level in (Level.L1, Level.L2, Level.L3, Level.L4))
    disc_mm: float = 9.0
    tilt_deg: tuple[float, ...] = ()
    axial_turn_deg: float = 0.0
    aorta_hu: float | None = 40.0
    torso_half_mm: tuple[float, float] = (150.0, 100.0)
    skin_fat_mm: float = 20.0
    noise_hu: float = 0.0
    seed: int = 0
    confidence: float = 0.95
    cut: dict[Level, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.bodies, self.tilt_deg, self.seed))  # a dictionary has none


def grid(
    *,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    extent_mm: tuple[float, float, float] = (90.0, 90.0, 170.0),
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    rotation: np.ndarray | None = None,
) -> Geometry:
    """A grid centred at ``centre_mm``; axes along L, P, S unless a rotation (3, 3) is given."""
    shape = tuple(max(round(e / s), 1) for e, s in zip(extent_mm, spacing_mm, strict=True))
    directions = (np.eye(3) if rotation is None else rotation) * np.array(spacing_mm)
    affine = np.eye(4)
    affine[:3, :3] = directions
    affine[:3, 3] = np.array(centre_mm) - directions @ ((np.array(shape) - 1) / 2)
    return Geometry(shape=shape, affine_lps=affine)  # type: ignore[arg-type]


def build_spine(spec: SpineSpec, geometry: Geometry, *, part_mm: float = 1.3) -> tuple[Volume, Segmentation]:
    """The spine sampled on the grid: volume in HU (float32) and the true labels of its bodies.

    Voxels longer than ``part_mm`` are averaged over parts of about that size (partial volume).
    """
    still = replace(spec, noise_hu=0.0, seed=0, confidence=1.0, cut={})
    hu = _averaged(still, geometry.shape, tuple(geometry.affine_lps.ravel()), part_mm)
    if spec.noise_hu:
        hu = hu + np.random.default_rng(spec.seed).normal(0.0, spec.noise_hu, hu.shape).astype(np.float32)
    return Volume(voxels_hu=hu, geometry=geometry), outline_spine(spec, geometry)


def outline_spine(spec: SpineSpec, geometry: Geometry) -> Segmentation:
    """The true labels of its bodies on the grid."""
    return segmentation_of(_sample(spec, geometry, shift=np.zeros(3))[1], geometry, spec=spec)


@lru_cache(maxsize=8)  # many tests want the same patient, often with another noise
def _averaged(spec: SpineSpec, shape: tuple[int, int, int], affine: tuple[float, ...], part_mm: float) -> np.ndarray:
    geometry = Geometry(shape=shape, affine_lps=np.array(affine).reshape(4, 4))
    parts = [max(1, min(5, int(np.ceil(s / part_mm)))) for s in geometry.spacing_mm]
    total = np.zeros(geometry.shape, dtype=np.float32)
    offsets = [((np.arange(n) + 0.5) / n - 0.5) for n in parts]
    for di in offsets[0]:
        for dj in offsets[1]:
            for dk in offsets[2]:
                total += _sample(spec, geometry, shift=np.array([di, dj, dk]))[0]
    return total / float(np.prod(parts))


def segmentation_of(labels: np.ndarray, geometry: Geometry, *, spec: SpineSpec | None = None) -> Segmentation:
    """A Segmentation record around any label array; nothing is cut unless the spec says so."""
    levels = []
    for value in sorted(set(np.unique(labels)) - {0}):
        where = np.argwhere(labels == value)
        centre = geometry.to_world_mm(where.mean(axis=0))
        levels.append(
            SegmentedLevel(
                level=Level(int(value)),
                confidence=spec.confidence if spec else 0.95,
                voxels=len(where),
                centroid_mm=tuple(float(x) for x in centre),  # type: ignore[arg-type]
                cut=spec.cut.get(Level(int(value)), "") if spec else "",
            )
        )
    return Segmentation(
        labels=labels.astype(np.uint8),
        geometry=geometry,
        levels=tuple(levels),
        anchor=Anchor.BOTH,
        engine="truth",
        model_hash="0" * 12,
    )


def reoriented(volume: Volume, segmentation: Segmentation, *, axes: tuple[int, int, int], flips: tuple[bool, ...]):
    """The same patient on a permuted and flipped grid: (Volume, Segmentation)."""
    affine = volume.geometry.affine_lps.copy()
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (volume.geometry.shape[axis] - 1)
            affine[:3, axis] *= -1
    affine[:3, :3] = affine[:3, list(axes)]

    def turn(array: np.ndarray) -> np.ndarray:
        turned = np.flip(array, axis=[a for a, flip in enumerate(flips) if flip])
        return np.ascontiguousarray(np.transpose(turned, axes))

    hu, labels = turn(volume.voxels_hu), turn(segmentation.labels)
    geometry = Geometry(shape=hu.shape, affine_lps=affine)
    return replace(volume, voxels_hu=hu, geometry=geometry), replace(segmentation, labels=labels, geometry=geometry)


def rotation(axis: str, degrees: float) -> np.ndarray:
    """(3, 3) rotation about the patient's x, y or z axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = c
    turn[i, j], turn[j, i] = -s, s
    return turn


def _body_placements(spec: SpineSpec) -> list[tuple[BodySpec, np.ndarray, np.ndarray]]:
    """Each body with its centre (3,) and axes (3, 3) columns left, anterior, superior, stacked head to foot."""
    tilts = spec.tilt_deg or (0.0,) * len(spec.bodies)
    heights = [max(b.anterior_mm, b.middle_mm, b.posterior_mm) for b in spec.bodies]
    top = (sum(heights) + spec.disc_mm * (len(heights) - 1)) / 2
    placed = []
    for body, tilt, height in zip(spec.bodies, tilts, heights, strict=True):
        axes = rotation("z", spec.axial_turn_deg) @ rotation("x", tilt) @ np.diag([1.0, -1.0, 1.0])
        placed.append((body, np.array([0.0, 0.0, top - height / 2]), axes))
        top -= height + spec.disc_mm
    return placed


def _sample(spec: SpineSpec, geometry: Geometry, *, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), axis=-1) + shift
    world = geometry.to_world_mm(index)
    hu = _torso(spec, world)
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    for body, centre, axes in _body_placements(spec):
        local = (world - centre) @ axes
        inside, core = _inside_body(body, local), _inside_body(body, local, shrink=body.shell_mm)
        hu[inside] = body.cortical_hu
        hu[core] = body.trabecular_hu
        if body.vein_hu is not None:
            vein = core & (np.abs(local[..., 2]) < 3) & (local[..., 1] < 0) & (np.abs(local[..., 0]) < 4)
            hu[vein] = body.vein_hu
        labels[inside] = body.level
    return hu, labels


def _torso(spec: SpineSpec, world: np.ndarray) -> np.ndarray:
    """Air, fat under the skin, muscle, discs and an aorta in front of the spine, to the patient's left."""
    x, y = world[..., 0], world[..., 1] + 40.0
    half_x, half_y = spec.torso_half_mm
    torso = (x / half_x) ** 2 + (y / half_y) ** 2 <= 1
    wall = (x / (half_x - spec.skin_fat_mm)) ** 2 + (y / (half_y - spec.skin_fat_mm)) ** 2 <= 1
    hu = np.full(x.shape, AIR_HU, dtype=np.float32)
    hu[torso] = FAT_HU
    hu[wall] = MUSCLE_HU
    hu[(x / 20) ** 2 + (world[..., 1] / 15) ** 2 <= 1] = DISC_HU
    if spec.aorta_hu is not None:
        hu[(x - 14) ** 2 + (world[..., 1] + 32) ** 2 <= 11**2] = spec.aorta_hu
    return hu


def _inside_body(body: BodySpec, local: np.ndarray, *, shrink: float = 0.0) -> np.ndarray:
    """Inside the elliptic cylinder; endplates pass through posterior, middle and anterior height (parabola)."""
    left, front, up = local[..., 0], local[..., 1], local[..., 2]
    half_w, half_d = body.half_width_mm - shrink, body.half_depth_mm - shrink
    t = np.clip(front / body.half_depth_mm, -1.0, 1.0)
    mean = (body.anterior_mm + body.posterior_mm) / 2
    height = body.middle_mm + (body.anterior_mm - body.posterior_mm) / 2 * t + (mean - body.middle_mm) * t**2
    return ((left / half_w) ** 2 + (front / half_d) ** 2 <= 1) & (np.abs(up) <= height / 2 - shrink)
