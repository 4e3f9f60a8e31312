"""Paint the vertebrae, discs and canal of a placed spine on a fine layer of their own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from osteo_core.simulate.curve import Placed, Spine
from osteo_core.simulate.palette import Palette
from osteo_core.simulate.shapes import (
    Array,
    Canvas,
    Capsule,
    Frame,
    Grid,
    Patch,
    capsule,
    smooth_max,
    smooth_min,
    superellipse,
)
from osteo_core.simulate.vertebra import body_distance, posterior_rods

#: Distance of the canal's middle behind the body's posterior wall.
CANAL_BEHIND_MM = 8.8
#: Thickness of the body's cortex, and its increase with trabecular HU: it is thinner in poor bone.
_CORTEX_MM, _CORTEX_MM_PER_HU = 0.42, 0.0009
#: Depth below the surface from which bone counts as core.
_CORE_MM = 4.0
_POSTERIOR_CORTEX_MM = 1.05
_FAR_MM = 5.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinePaint:
    """Input of the painting; ``trabecular_hu`` in the order of ``spine.vertebrae``."""

    spine: Spine
    palette: Palette
    trabecular_hu: tuple[float, ...]
    texture_hu: float


def paint_spine(canvas: Canvas, labels: NDArray[np.uint8], paint: SpinePaint) -> None:
    """Paint discs, canal, posterior elements and bodies; ``labels`` (same grid) receives the bodies' VerSe numbers."""
    vertebrae = paint.spine.vertebrae
    for upper, lower in zip(vertebrae, (*vertebrae[1:], None), strict=True):
        _paint_disc(canvas, upper, lower, paint)
    _paint_canal(canvas, paint)
    for placed, hu in zip(vertebrae, paint.trabecular_hu, strict=True):
        _paint_posterior(canvas, placed, hu, paint.palette)
        _paint_body(canvas, labels, placed, _BodyHu(trabecular=hu, texture=paint.texture_hu, palette=paint.palette))
        _paint_hardware(canvas, placed, paint.palette)


@dataclass(frozen=True, kw_only=True)
class _BodyHu:
    trabecular: float
    texture: float
    palette: Palette


def _corners(frame: Frame, low: tuple[float, float, float], high: tuple[float, float, float]) -> NDArray[np.float64]:
    grid = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    return np.array([frame.to_world(corner) for corner in grid])


def _body_patch(canvas: Canvas, placed: Placed, *, margin: float = 2.0) -> Patch:
    shape, half = placed.shape, placed.shape.mean_height_mm / 2 + 4
    extra = placed.level.osteophyte_mm
    low = (-shape.half_width - extra, shape.front - extra, -half)
    return canvas.around(_corners(placed.frame, low, (-low[0], shape.back + 1, half)), margin)


def _paint_body(canvas: Canvas, labels: NDArray[np.uint8], placed: Placed, hu: _BodyHu) -> None:
    patch = _body_patch(canvas, placed)
    if patch.empty:
        return
    u, v, w = patch.local(placed.frame)
    distance = body_distance(u, v, w, placed.shape)
    patch.paint(distance, hu.palette.cortex)
    cortex = _CORTEX_MM + _CORTEX_MM_PER_HU * max(hu.trabecular, 0.0)
    patch.paint(
        distance + np.float32(cortex), _trabecular(patch, (u, v, w), placed, hu) + _texture(patch, distance, hu)
    )
    labels[canvas.window_of(patch)][distance < 0] = int(placed.level.level)


def _trabecular(patch: Patch, local: tuple[Array, Array, Array], placed: Placed, hu: _BodyHu) -> Array:
    """Trabecular HU: denser bone next to the endplates, the basivertebral vein behind the middle."""
    u, v, w = local
    half = placed.shape.mean_height_mm / 2
    to_endplate = np.maximum(half - np.abs(w), 0)
    subchondral = (30.0 + placed.level.sclerosis_hu) * np.exp(-((to_endplate / 2.6) ** 2))
    vein = np.exp(-((u / 4.0) ** 2) - ((v - placed.shape.back) / 6.0) ** 2 - (w / 3.0) ** 2)
    return np.asarray(hu.trabecular + subchondral - 60.0 * vein, dtype=np.float32)


def _texture(patch: Patch, distance: Array, hu: _BodyHu) -> Array:
    """Coarse and fine texture of trabecular bone; its mean is zero in each core, so that the true HU hold."""
    texture = hu.texture * (0.8 * patch.fields[1] + 0.45 * patch.fields[0])
    core = distance < -_CORE_MM
    return np.asarray(texture - texture[core].mean() if core.any() else texture, dtype=np.float32)


def _paint_posterior(canvas: Canvas, placed: Placed, trabecular_hu: float, palette: Palette) -> None:
    rods = posterior_rods(placed.level)
    distance, patch = _rods_distance(canvas, placed.frame, rods)
    if patch.empty:
        return
    distance = distance + np.float32(0.5) * patch.fields[0]
    patch.paint(distance, 0.85 * palette.cortex)
    patch.paint(distance + np.float32(_POSTERIOR_CORTEX_MM), trabecular_hu + 90.0)


def _rods_distance(canvas: Canvas, frame: Frame, rods: tuple[Capsule, ...]) -> tuple[Array, Patch]:
    """Distance to the union of rods, each evaluated only near itself."""
    ends = np.array([frame.to_world(p) for rod in rods for p in (rod.start, rod.end)])
    patch = canvas.around(ends, max(r.start_mm * r.flat for r in rods) + 2)
    distance = np.full(patch.hu.shape, _FAR_MM, dtype=np.float32)
    if patch.empty:
        return distance, patch
    u, v, w = patch.local(frame)
    grid = Grid(x=patch.x.ravel(), y=patch.y.ravel(), z=patch.z.ravel())
    for rod in rods:
        reach = max(rod.start_mm, rod.end_mm) * rod.flat + 2.5
        points = np.array([frame.to_world(rod.start), frame.to_world(rod.end)])
        low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
        box = grid.window((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        if distance[box].size:
            distance[box] = smooth_min(distance[box], capsule(u[box], v[box], w[box], rod), round_mm=1.4)
    return distance, patch


def _paint_disc(canvas: Canvas, upper: Placed, lower: Placed | None, paint: SpinePaint) -> None:
    """The disc below a vertebra, thick enough that the bodies, painted later, trim it on both sides."""
    below = lower.frame if lower is not None else paint.spine.sacrum
    top = upper.frame.to_world((0, 0, -upper.shape.mean_height_mm / 2))
    foot = below.to_world((0, 0, lower.shape.mean_height_mm / 2)) if lower is not None else below.origin
    up = top - foot
    axes = _frame_along(up / max(float(np.linalg.norm(up)), 1e-6), upper.frame.axes[0] + below.axes[0])
    frame = Frame(origin=(top + foot) / 2, axes=axes)
    half_width, half_depth = upper.shape.half_width * 0.99, upper.level.depth_mm / 2 * 0.99
    half = upper.level.disc_below_mm / 2 + (3.5 if lower is not None else 2.0)
    patch = canvas.around(_corners(frame, (-half_width, -half_depth, -half), (half_width, half_depth, half)), 2)
    if patch.empty:
        return
    u, v, w = patch.local(frame)
    unit = superellipse(u / half_width, v / half_depth, square=0.4)
    side = np.sqrt(u * u + v * v) * (1 - 1 / unit)
    distance = smooth_max(side, np.abs(w) - np.float32(half), round_mm=1.0)
    ring = 14.0 * np.clip(unit, 0, 1) ** 3
    patch.paint(distance, np.float32(paint.palette.disc - 16) + ring + 6 * patch.fields[0])


def _frame_along(up: NDArray[np.float64], left: NDArray[np.float64]) -> NDArray[np.float64]:
    left = left - up * (left @ up)
    left = left / np.linalg.norm(left)
    return np.array([left, np.cross(up, left), up])


def _paint_canal(canvas: Canvas, paint: SpinePaint) -> None:
    """Epidural fat, the thecal sac and, down to L1, the cord."""
    vertebrae = paint.spine.vertebrae
    middle = [p.frame.to_world((0, p.shape.back + CANAL_BEHIND_MM, 0)) for p in vertebrae]
    middle.append(paint.spine.sacrum.to_world((0, vertebrae[-1].shape.back + 7, -8)))
    for index, (a, b) in enumerate(pairwise(middle)):
        patch = canvas.around([a, b], 14)
        if patch.empty:
            continue
        start, end = ((float(p[0]), float(p[1]), float(p[2])) for p in (a, b))
        x, y, z = np.broadcast_arrays(patch.x, patch.y, patch.z)
        tube = capsule(x, y, z, Capsule(start=start, end=end, start_mm=0.0, end_mm=0.0))
        patch.paint(tube - np.float32(10.5), paint.palette.fat * 0.75)
        patch.paint(tube - np.float32(8.0), paint.palette.sac)
        if index < len(vertebrae) - 4:
            patch.paint(tube - np.float32(4.6), paint.palette.cord)
        else:
            patch.paint(tube - np.float32(5.0), (paint.palette.sac + paint.palette.cord) / 2)


def _paint_hardware(canvas: Canvas, placed: Placed, palette: Palette) -> None:
    level, half = placed.level, placed.shape
    rods: list[tuple[Capsule, float]] = []
    if level.cement_ml > 0:
        radius = 10.0 * (level.cement_ml / 4.2) ** (1 / 3) * 0.8
        blob = Capsule(start=(-6, -4, 0), end=(5, -2, 1), start_mm=radius, end_mm=radius * 0.8, flat=0.75)
        rods.append((blob, 1900.0))
    if level.screws:
        for side in (-1.0, 1.0):
            back = half.back
            screw = Capsule(start=(side * 19, back + 14, 5), end=(side * 10, -4, 4), start_mm=3.0, end_mm=2.6)
            rod = Capsule(start=(side * 21, back + 20, -22), end=(side * 21, back + 20, 22), start_mm=2.8, end_mm=2.8)
            rods += [(screw, palette.metal), (rod, palette.metal)]
    for shape, hu in rods:
        distance, patch = _rods_distance(canvas, placed.frame, (shape,))
        if not patch.empty:
            patch.paint(distance, hu)
