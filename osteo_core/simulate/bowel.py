"""Colon with stool and gas, loops of small bowel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from osteo_core.simulate.shapes import Array, Canvas, Capsule, Patch, capsule, smooth_max
from osteo_core.simulate.torso import Torso
from osteo_core.terms import Level

_WALL_MM = 2.4


def paint_bowel(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    """Paint the small bowel first and the colon over it."""
    _paint_loops(canvas, torso, rng)
    for points in _colon(torso):
        filling = float(rng.uniform(-0.9, 1.2))
        for start, end in pairwise(points):
            radius = float(rng.uniform(14, 21))
            _paint_segment(
                canvas, torso, Capsule(start=start, end=end, start_mm=radius, end_mm=radius), filling=filling
            )


def _colon(torso: Torso) -> tuple[tuple[tuple[float, float, float], ...], ...]:
    z = {level: torso.z_of(level) for level in (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)}
    wide = torso.patient.habitus.trunk_width_mm / 340
    deep = torso.patient.habitus.trunk_depth_mm / 228
    front = -92.0 * deep
    right = ((-88 * wide, -28.0, z[Level.L5] - 25), (-98 * wide, -4.0, z[Level.L4]), (-100 * wide, -6.0, z[Level.L3]))
    across = (
        (-96 * wide, -40.0, z[Level.L2] - 8),
        (-55 * wide, front, z[Level.L3] + 10),
        (0.0, front - 8, z[Level.L3] - 5),
        (55 * wide, front + 6, z[Level.L2]),
        (92 * wide, -38.0, z[Level.T12] + 4),
    )
    left = (
        (104 * wide, -2.0, z[Level.L1]),
        (106 * wide, 2.0, z[Level.L3]),
        (96 * wide, -14.0, z[Level.L5] + 10),
        (60 * wide, -40.0, z[Level.L5] - 55),
    )
    return right, across, left


def _paint_segment(canvas: Canvas, torso: Torso, rod: Capsule, *, filling: float) -> None:
    patch = canvas.around([rod.start, rod.end], rod.start_mm + 5)
    if patch.empty:
        return
    cavity = torso.cavity_of(canvas, patch)
    x, y, z = np.broadcast_arrays(patch.x, patch.y, patch.z)
    haustra = capsule(x, y, z, rod) + 3.0 * patch.fields[1] + 1.5 * patch.fields[2]
    distance = smooth_max(haustra, cavity + np.float32(2.5), round_mm=3.0)
    patch.paint(distance, torso.palette.bowel)
    lumen = distance + np.float32(_WALL_MM)
    patch.paint(lumen, 30.0 + 14 * patch.fields[2])
    rising = (np.float32(rod.start[1] + rod.end[1]) / 2 - patch.y) / np.float32(rod.start_mm)
    gas = np.clip((patch.fields[2] * 1.1 + 1.1 * rising + np.float32(filling) - 0.6) * 2.5, 0, 1)
    patch.blend((gas * patch.share(lumen)).astype(np.float32), -920.0)


def _paint_loops(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    top, foot = torso.z_of(Level.L1) - 10, torso.z_of(Level.L5) - 75
    wide = torso.patient.habitus.trunk_width_mm / 340
    deep = torso.patient.habitus.trunk_depth_mm / 228
    for _ in range(88):
        start = np.array([rng.uniform(-74, 82) * wide, rng.uniform(-112, -48) * deep, rng.uniform(foot, top)])
        end = start + rng.normal(0, 1, 3) * (24, 12, 14)
        radius = float(rng.uniform(7.5, 12.5))
        filling, gas, level = float(rng.uniform(5, 40)), rng.random() < 0.15, float(start[1]) - 0.2 * radius
        patch = canvas.around([start, end], radius + 4)
        if patch.empty:
            continue
        wall = _loop_distance(patch, torso.cavity_of(canvas, patch), (start, end), radius)
        patch.paint(wall - np.float32(0.8), torso.palette.fat * 0.8)
        patch.paint(wall, torso.palette.bowel + 4)
        patch.paint(wall + np.float32(_WALL_MM), filling)
        if gas:
            patch.paint(np.maximum(wall + np.float32(_WALL_MM), patch.y - np.float32(level)), -950.0)


def _loop_distance(patch: Patch, cavity: Array, ends: tuple[Array, Array], radius: float) -> Array:
    x, y, z = np.broadcast_arrays(patch.x, patch.y, patch.z)
    a, b = ((float(p[0]), float(p[1]), float(p[2])) for p in ends)
    distance = capsule(x, y, z, Capsule(start=a, end=b, start_mm=radius, end_mm=radius)) + 1.2 * patch.fields[1]
    return smooth_max(distance, cavity + np.float32(2), round_mm=3.0)
