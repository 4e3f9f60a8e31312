"""Aorta, vena cava, iliac and small vessels, and calcification in the wall of the aorta."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from osteo_core.simulate.shapes import Array, Canvas, Capsule, Patch, capsule, smooth_max
from osteo_core.simulate.torso import Column, Torso, column_distance
from osteo_core.terms import Level

#: Offsets from the spine's centre: the aorta a little left in front, the vena cava right.
_AORTA = Column(
    x=((12, 16), (18, 9), (21, 7), (23.4, 3)),
    y=((12, -16), (17, -23), (20, -30), (23.4, -31)),
    radius_x=((12, 12.5), (18, 11.5), (21, 10), (23.2, 9), (23.5, 0)),
    radius_y=((12, 12.5), (18, 11.5), (21, 10), (23.2, 9), (23.5, 0)),
)
_CAVA = Column(
    x=((16, -24), (19, -24), (21, -19), (23.7, -14)),
    y=((16, -44), (19, -36), (21, -29), (23.7, -29)),
    radius_x=((14, 12), (19, 13), (21, 12.5), (23.6, 11), (24, 0)),
    radius_y=((14, 11), (19, 11), (21, 9.5), (23.6, 8.5), (24, 0)),
)
_CALCIUM_HU = 750.0


def paint_vessels(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    """Paint all vessels, with the patient's amount of calcification."""
    _paint_small(canvas, torso, rng)
    _paint_iliacs(canvas, torso)
    low = (-75.0, -110.0, float(canvas.grid.z[0]))
    patch = canvas.patch(low, (75.0, 60.0, float(canvas.grid.z[-1]) + 1))
    if patch.empty:
        return
    cava = column_distance(patch, torso, _CAVA, side=1.0) + 0.7 * patch.fields[1]
    patch.paint(cava, torso.palette.vein)
    aorta = column_distance(patch, torso, _AORTA, side=1.0) - np.float32(0.04 * (torso.patient.age_years - 60))
    patch.paint(aorta - np.float32(1.2), torso.palette.muscle)
    patch.paint(aorta, torso.palette.aorta)
    if torso.patient.habitus.calcification > 0.05:
        _paint_calcium(patch, torso, aorta)


def _paint_calcium(patch: Patch, torso: Torso, aorta: Array) -> None:
    where = 0.6 * patch.fields[1] + patch.fields[2] + np.clip((-patch.z + 40) / 120, -0.4, 0.7)
    plaque = np.clip((where - np.float32(2.0 - 1.5 * torso.patient.habitus.calcification)) * 3, 0, 1)
    wall = np.clip(1.3 - np.abs(aorta) / 1.3, 0, 1)
    patch.blend((plaque * wall).astype(np.float32), _CALCIUM_HU)


def _paint_iliacs(canvas: Canvas, torso: Torso) -> None:
    fork = torso.height(23.4)
    x0, y0 = torso.spine.centre_at(np.array([fork]))
    foot = torso.spine.sacrum.origin
    for side in (-1.0, 1.0):
        for kind, hu, start_x in (("artery", torso.palette.aorta, 4.0), ("vein", torso.palette.vein, -13.0)):
            back = 0.0 if kind == "artery" else 9.0
            points = [
                (float(x0[0]) + start_x, float(y0[0]) - 31 + back * 0.5, fork),
                (foot[0] + side * 26, foot[1] - 30 + back, foot[2] + 5),
                (foot[0] + side * 46, foot[1] - 10 + back, foot[2] - 35),
                (foot[0] + side * 62, foot[1] - 38 + back, foot[2] - 90),
            ]
            for start, end in pairwise(points):
                paint_tube(canvas, (start, end), 6.0 if kind == "artery" else 7.0, hu)


def paint_tube(
    canvas: Canvas, ends: Sequence[Sequence[float]], radius: float, hu: float, *, torso: Torso | None = None
) -> None:
    """A straight vessel; with a torso, only where it lies in the cavity."""
    patch = canvas.around(ends, radius + 3)
    if patch.empty:
        return
    start, end = ((float(p[0]), float(p[1]), float(p[2])) for p in ends)
    x, y, z = np.broadcast_arrays(patch.x, patch.y, patch.z)
    distance = capsule(x, y, z, Capsule(start=start, end=end, start_mm=radius, end_mm=radius))
    if torso is not None:
        distance = smooth_max(distance, torso.cavity_of(canvas, patch) + np.float32(2), round_mm=2.0)
    patch.paint(distance, hu)


def _paint_small(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    """Renal, mesenteric and portal branches: short tubes in the fat of the cavity."""
    z1 = torso.z_of(Level.L1)
    _, y0 = torso.spine.centre_at(np.array([z1]))
    y = float(y0[0])
    for side in (-1.0, 1.0):
        hilum = (side * 52.0, y + 2, z1 - 10 - 14 * (side < 0))
        paint_tube(canvas, ((6.0 * side, y - 30, z1 - 12), hilum), 4.0, torso.palette.vein)
        paint_tube(canvas, ((8.0, y - 28, z1 - 8), hilum), 2.6, torso.palette.aorta)
    paint_tube(canvas, ((8.0, y - 42, z1 + 4), (4.0, y - 62, z1 - 90)), 3.6, torso.palette.aorta)
    paint_tube(canvas, ((-2.0, y - 62, z1 + 4), (-8.0, y - 66, z1 - 85)), 5.0, torso.palette.vein)
    paint_tube(canvas, ((-4.0, y - 60, z1 + 4), (-40.0, y - 62, z1 + 48)), 6.5, torso.palette.vein)
    for _ in range(46):
        start = np.array([rng.uniform(-75, 75), y - rng.uniform(45, 105), z1 - rng.uniform(10, 170)])
        end = start + rng.normal(0, 13, 3)
        hu = torso.palette.vein if rng.random() < 0.5 else torso.palette.aorta
        paint_tube(canvas, (start.tolist(), end.tolist()), float(rng.uniform(1.0, 2.2)), hu, torso=torso)
