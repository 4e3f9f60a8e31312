"""Ribs, sacrum and hip bones: the surroundings of the lumbar spine, painted on the body's own grid."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from osteo_core.simulate.curve import Placed
from osteo_core.simulate.shapes import Array, Canvas, Capsule, Patch, capsule, smooth_max, smooth_min, superellipse
from osteo_core.simulate.torso import Torso, muscle_hu
from osteo_core.terms import Level

#: Angle from the back (degrees) to which each rib reaches; the last two float.
_RIB_END_DEG = {Level.L1: 42.0, Level.T12: 58.0, Level.T11: 96.0, Level.T10: 140.0, Level.T9: 148.0, Level.T8: 150.0}
_RIB_START_DEG = 19.0
_RIB_DROP_MM = 88.0  # by which a rib has descended a quarter turn from its start
_RIB_MM = 3.4
_CORTEX_MM = 1.2
#: Height of the iliac crest above the sacral endplate: from the posterior spine (S2) over the top (L4-L5) to the front.
_CREST_ALONG = (0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 1.0)
_CREST_MM = (-38.0, -18.0, 8.0, 34.0, 26.0, -12.0, -40.0)


def paint_skeleton(canvas: Canvas, torso: Torso, *, trabecular_hu: float) -> None:
    """Gluteal muscles, hip bones, sacrum, ribs; ``trabecular_hu`` is that of L5."""
    hip_hu = 0.75 * trabecular_hu + 10
    for side in (-1.0, 1.0):
        _paint_hip(canvas, torso, side=side, hu=hip_hu)
    _paint_sacrum(canvas, torso, hu=0.6 * trabecular_hu)
    for placed in torso.spine.vertebrae:
        for side in (-1.0, 1.0):
            _paint_rib(canvas, torso, placed, side=side)


def _paint_rib(canvas: Canvas, torso: Torso, placed: Placed, *, side: float) -> None:
    points = _rib_points(torso, placed, side)
    grid_z = canvas.grid.z
    for start, end in pairwise(points):
        if max(start[2], end[2]) < grid_z[0] - 12 or min(start[2], end[2]) > grid_z[-1] + 12:
            continue
        patch = canvas.around([start, end], 9.0)
        if patch.empty:
            continue
        x, y, z = np.broadcast_arrays(patch.x, patch.y, patch.z)
        rod = Capsule(start=_point(start), end=_point(end), start_mm=_RIB_MM, end_mm=_RIB_MM, flat=1.75)
        distance = capsule(x, y, z, rod)
        patch.paint(distance, torso.palette.cortex * 0.85)
        patch.paint(distance + np.float32(_CORTEX_MM), 120.0)


def _point(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _rib_points(torso: Torso, placed: Placed, side: float) -> NDArray[np.float64]:
    """(n, 3) mm from the vertebra round the chest wall, descending towards the front; empty below the last rib."""
    level = placed.level.level
    if level > torso.patient.spine.last_rib:
        return np.empty((0, 3))
    shape = placed.shape
    head = placed.frame.to_world((side * (shape.half_width + 2), shape.back + 3, 7))
    neck = placed.frame.to_world((side * 30.0, shape.back + 19, 8))
    end = _RIB_END_DEG.get(level, 150.0)
    angles = np.radians(np.arange(_RIB_START_DEG + 6, end, 5.0))
    sunk = neck[2] - _RIB_DROP_MM * (angles - np.radians(_RIB_START_DEG)) / (np.pi / 2)
    arc = []
    for angle, z in zip(angles, sunk, strict=True):
        x, y = _wall_point(torso, float(angle), float(z), side)
        arc.append([x, y, z])
    return np.array([head, neck, *arc])


def _wall_point(torso: Torso, angle: float, z: float, side: float) -> tuple[float, float]:
    """x and y of a point in the chest wall, ``angle`` in radians from the back."""
    z_array = np.array([[[z]]], dtype=np.float32)
    direction = np.array([side * np.sin(angle), np.cos(angle)])
    half = np.array([float(torso.half_width(z_array).item()), float(torso.half_depth(z_array).item())])
    unit = superellipse(
        *(np.array([d / h], dtype=np.float32) for d, h in zip(direction, half, strict=True)), square=0.42
    )
    radius = 1.0 / float(unit[0])
    along = (direction[1] * radius / half[1]) ** 2
    depth = torso.patient.habitus.fat_thickness_mm * (0.55 + 0.5 * along) + 7.5
    x, y = direction * (radius - depth)
    return float(x), float(min(y, half[1] - depth - 6)) + float(torso.middle_y(z_array).item())


def _sacrum_rods() -> tuple[Capsule, ...]:
    paired = []
    for side in (-1.0, 1.0):
        paired += [
            Capsule(start=(side * 20, 5, -13), end=(side * 43, 11, -16), start_mm=12.5, end_mm=15.0, flat=1.15),
            Capsule(start=(side * 17, 13, -42), end=(side * 34, 17, -38), start_mm=9.5, end_mm=13.0, flat=1.5),
            Capsule(start=(side * 13, 22, -72), end=(side * 20, 22, -66), start_mm=6.5, end_mm=8.5, flat=1.6),
            Capsule(start=(side * 17, 18, -14), end=(side * 15, 30, -40), start_mm=4.5, end_mm=4.5),
            Capsule(start=(side * 15, 30, -20), end=(0, 35, -26), start_mm=3.6, end_mm=3.6, flat=2.2),
            Capsule(start=(side * 12, 32, -50), end=(0, 37, -52), start_mm=3.2, end_mm=3.2, flat=2.2),
        ]
    return (*paired, Capsule(start=(0, 36, -20), end=(0, 40, -58), start_mm=4.0, end_mm=3.4))


def _paint_sacrum(canvas: Canvas, torso: Torso, *, hu: float) -> None:
    frame = torso.spine.sacrum
    k = torso.spine.vertebrae[-1].level.width_mm / 52.0
    corners = [frame.to_world((u * k, v * k, w * k)) for u in (-60, 60) for v in (-20, 44) for w in (-105, 4)]
    patch = canvas.around(corners, 2.0)
    if patch.empty:
        return
    u, v, w = (axis / np.float32(k) for axis in patch.local(frame))
    distance = _sacrum_bodies(u, v, w)
    for rod in _sacrum_rods():
        distance = smooth_min(distance, capsule(u, v, w, rod), round_mm=2.5)
    distance = (
        smooth_max(distance, w + 0.25 * np.maximum(np.abs(u) - 22, 0), round_mm=2.0) * np.float32(k)
        + 0.5 * patch.fields[2]
    )
    patch.paint(distance, torso.palette.cortex)
    patch.paint(distance + np.float32(_CORTEX_MM), np.float32(hu) + 25 * patch.fields[2])
    _paint_remnant_discs(patch, (u, v, w), torso)
    for hole in _sacrum_holes():
        patch.paint(capsule(u, v, w, hole), torso.palette.fat * 0.7)


def _sacrum_bodies(u: Array, v: Array, w: Array) -> Array:
    down = -w
    half_width = np.interp(down, [0, 28, 60, 100], [25.5, 19, 15, 9]).astype(np.float32)
    half_depth = np.interp(down, [0, 28, 60, 100], [17, 11.5, 8.5, 6]).astype(np.float32)
    centre = np.interp(down, [0, 28, 60, 100], [0, 7, 17, 20]).astype(np.float32)
    back = v - centre
    unit = superellipse(u / half_width, back / half_depth, square=0.3)
    side = np.sqrt(u * u + back * back) * (1 - 1 / unit)
    return smooth_max(smooth_max(side, w, round_mm=2.0), down - np.float32(100), round_mm=3.0)


def _paint_remnant_discs(patch: Patch, local: tuple[Array, Array, Array], torso: Torso) -> None:
    """The remnants of the discs between S1, S2 and S3."""
    u, v, w = local
    for depth, centre, half in ((-31.0, 8.0, 13.0), (-57.0, 16.0, 9.0)):
        flat = np.maximum(np.abs(w - np.float32(depth)) - 1.4, np.sqrt(u * u + ((v - centre) * 1.6) ** 2) - half)
        patch.blend(0.7 * patch.share(flat), torso.palette.disc)


def _sacrum_holes() -> tuple[Capsule, ...]:
    canal = Capsule(start=(0, 23, 4), end=(0, 29, -62), start_mm=8.0, end_mm=4.5)
    foramina = [
        Capsule(start=(side * 18, -6 + 0.3 * d, -d), end=(side * 15.5, 26, -d + 3), start_mm=4.6, end_mm=3.4)
        for side in (-1.0, 1.0)
        for d in (29.0, 55.0)
    ]
    return (canal, *foramina)


def _paint_hip(canvas: Canvas, torso: Torso, *, side: float, hu: float) -> None:
    """Iliac wing with the iliacus inside and the gluteal muscles outside, within the fascia."""
    origin = torso.spine.sacrum.origin
    k = torso.spine.vertebrae[-1].level.width_mm / 52.0
    ends = np.array([[side * 30 * k, 95, -125], [side * 175 * k, -100, 60]]) + origin
    patch = canvas.around(ends, 2.0)
    if patch.empty:
        return
    plate = _hip_frame(patch, origin, side=side, k=k)
    along, out, z = plate
    crest = np.interp(along, _CREST_ALONG, _CREST_MM).astype(np.float32)
    bend = -9.0 * np.sin(np.pi * np.clip(along, 0, 1)) + 7.0 * np.clip(along - 0.75, 0, 1) * 4
    middle = out - bend - 0.22 * (z - 10)
    ends_mm = (np.abs(along - 0.5) - 0.5) * 140.0
    half = 2.6 + 3.4 * np.exp(-(((z - crest) / 9) ** 2)) + 6.0 * np.exp(-((along / 0.22) ** 2))
    half = half + 5 * np.clip(-z / 80, 0, 2)
    bone = smooth_max(np.abs(middle) - half, smooth_max(z - crest, ends_mm, round_mm=8.0), round_mm=3.0)
    _paint_hip_muscles(patch, torso, canvas, (middle, z - crest, ends_mm))
    patch.paint(bone, torso.palette.cortex)
    patch.paint(bone + np.float32(1.5), np.float32(hu) + 25 * patch.fields[2])


def _hip_frame(patch: Patch, origin: NDArray[np.float64], *, side: float, k: float) -> tuple[Array, Array, Array]:
    """Along the wing (0 posterior spine, 1 anterior spine), outwards in mm, and height in mm, each over the patch."""
    x = (patch.x - np.float32(origin[0])) * np.float32(side / k)
    y = (patch.y - np.float32(origin[1])) / np.float32(k)
    back, front = np.array([46.0, 62.0]), np.array([122.0, -56.0])
    direction = (front - back) / np.linalg.norm(front - back)
    length = float(np.linalg.norm(front - back))
    dx, dy = x - back[0], y - back[1]
    along = (dx * direction[0] + dy * direction[1]) / length
    out = dx * -direction[1] + dy * direction[0]
    z = patch.z - np.float32(origin[2])
    a, b, c = np.broadcast_arrays(along, out, z)
    return np.asarray(a, np.float32), np.asarray(b, np.float32), np.asarray(c, np.float32)


def _paint_hip_muscles(patch: Patch, torso: Torso, canvas: Canvas, plate: tuple[Array, Array, Array]) -> None:
    middle, over_crest, ends_mm = plate
    cavity = torso.cavity_of(canvas, patch)
    thick = np.clip(-over_crest * 0.55, 0, 34)
    outer = smooth_max(np.abs(middle - thick / 2) - thick / 2, ends_mm - 22, round_mm=4.0)
    outer = smooth_max(outer, cavity - np.float32(10), round_mm=3.0)
    inner = smooth_max(np.abs(middle + 7) - np.clip(-over_crest * 0.3, 0, 8), ends_mm + 12, round_mm=4.0)
    for muscle in (outer, inner):
        distance = smooth_max(muscle, over_crest + np.float32(6), round_mm=3.0)
        patch.paint(distance - np.float32(1.0), torso.palette.fat * 0.8)
        patch.paint(distance, muscle_hu(patch, torso, extra=0.02))
