"""Organs, vessels, bowel, lungs: the contents of the cavity, clipped to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from osteo_core.simulate.bowel import paint_bowel
from osteo_core.simulate.patient import stream
from osteo_core.simulate.shapes import Array, Canvas, Capsule, Patch, capsule, ellipsoid, smooth_max, smooth_min
from osteo_core.simulate.torso import Torso, slabs
from osteo_core.simulate.vessels import paint_vessels
from osteo_core.terms import ContrastPhase, Level

Triple = tuple[float, float, float]


def paint_viscera(canvas: Canvas, torso: Torso) -> None:
    """Paint the contents of the cavity; later ones cover earlier ones."""
    rng = stream(torso.patient.seed, "viscera")
    size = torso.patient.habitus.trunk_width_mm / 340
    paint_bowel(canvas, torso, rng)
    _paint_stomach(canvas, torso, rng, size)
    _paint_pancreas(canvas, torso)
    _paint_spleen(canvas, torso, rng, size)
    _paint_liver(canvas, torso, rng, size)
    for side in (-1.0, 1.0):
        _paint_kidney(canvas, torso, rng, side)
    paint_vessels(canvas, torso, rng)
    _paint_chest(canvas, torso, rng)


def organ_patch(canvas: Canvas, torso: Torso, centre: Sequence[float], radii: Sequence[float]) -> tuple[Patch, Array]:
    """The box round an ellipsoid, and the distance to the cavity there."""
    c, r = np.asarray(centre, dtype=np.float64), np.asarray(radii, dtype=np.float64) + 4
    low, high = c - r, c + r
    box = canvas.grid.window((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    return canvas.patch((low[0], low[1], low[2]), (high[0], high[1], high[2])), torso.cavity[box]


def _paint_liver(canvas: Canvas, torso: Torso, rng: np.random.Generator, size: float) -> None:
    z = torso.z_of(Level.T12) + float(rng.normal(8, 6))
    right = ((-78.0 * size, -28.0, z), (76.0 * size, 84.0 * size, 92.0))
    left = ((2.0, -70.0 * size, z + 24), (80.0 * size, 42.0, 46.0))
    patch, cavity = organ_patch(canvas, torso, (-50 * size, -35, z), (135 * size, 120, 95))
    if patch.empty:
        return
    distance = smooth_min(ellipsoid(patch, *right), ellipsoid(patch, *left), round_mm=14.0)
    medial = (patch.x - np.float32(6 * size)) * 0.8 + (patch.y + 40) * np.float32(0.6)  # free of spine and stomach
    distance = smooth_max(distance, medial, round_mm=18.0) + 2.2 * patch.fields[0]
    distance = smooth_max(distance, cavity + np.float32(2.5), round_mm=4.0)
    hu = torso.palette.liver - (25.0 if torso.patient.habitus.bmi > 31 else 0.0)
    patch.paint(distance, np.float32(hu) + 2.5 * patch.fields[2])
    _paint_liver_veins(patch, distance, torso, (-18.0 * size, -12.0, z + 52))
    _paint_gallbladder(canvas, torso, (-48 * size, -75.0, z - 42))


def _paint_liver_veins(patch: Patch, liver: Array, torso: Torso, root: Triple) -> None:
    """Veins that converge under the diaphragm, clipped to the liver."""
    x, y, z = np.broadcast_arrays(patch.x, patch.y, patch.z)
    for dx, dy, dz in (
        (-70, -5, -50),
        (-40, -48, -45),
        (-78, 12, -20),
        (-12, -60, -20),
        (-55, -30, -85),
        (-60, 25, -75),
    ):
        end = (root[0] + dx, root[1] + dy, root[2] + dz)
        vein = capsule(x, y, z, Capsule(start=root, end=end, start_mm=4.5, end_mm=1.2)) + 1.2 * patch.fields[1]
        patch.paint(np.maximum(vein, liver + 5), torso.palette.vein + 4)


def _paint_gallbladder(canvas: Canvas, torso: Torso, centre: Triple) -> None:
    patch, cavity = organ_patch(canvas, torso, centre, (16, 26, 20))
    if not patch.empty:
        patch.paint(smooth_max(ellipsoid(patch, centre, (14, 24, 18)), cavity + 4, round_mm=3.0), 8.0)


def _paint_spleen(canvas: Canvas, torso: Torso, rng: np.random.Generator, size: float) -> None:
    centre = (104.0 * size, 16.0, torso.z_of(Level.T11) + float(rng.normal(-6, 6)))
    radii = (34.0, 52.0, float(rng.uniform(48, 62)))
    patch, cavity = organ_patch(canvas, torso, centre, radii)
    if patch.empty:
        return
    distance = ellipsoid(patch, centre, radii) + 1.5 * patch.fields[1]
    hollow = ellipsoid(patch, (centre[0] - 44, centre[1] - 16, centre[2]), (38, 42, 60))
    distance = smooth_max(smooth_max(distance, -hollow, round_mm=6.0), cavity + np.float32(3), round_mm=4.0)
    arterial = torso.patient.contrast.phase == ContrastPhase.ARTERIAL
    patch.paint(distance, np.float32(torso.palette.spleen) + (14.0 if arterial else 2.0) * patch.fields[2])


def _paint_stomach(canvas: Canvas, torso: Torso, rng: np.random.Generator, size: float) -> None:
    z = torso.z_of(Level.T12) + float(rng.normal(10, 8))
    centre, radii = (58.0 * size, -52.0, z), (42.0 * size, 40.0, 58.0)
    patch, cavity = organ_patch(canvas, torso, centre, (70, 60, 70))
    if patch.empty:
        return
    body = ellipsoid(patch, centre, radii)
    antrum = ellipsoid(patch, (22.0 * size, -74.0, z - 42), (46.0, 22.0, 20.0))
    distance = smooth_max(smooth_min(body, antrum, round_mm=10.0) + 2 * patch.fields[1], cavity + 4, round_mm=4.0)
    patch.paint(distance, torso.palette.bowel)
    lumen = distance + np.float32(4.5)
    patch.paint(lumen, np.float32(rng.uniform(5, 40)) + 8 * patch.fields[2])
    level = centre[1] - float(rng.uniform(4, 26))  # gas rises to the front of a supine patient
    patch.paint(np.maximum(lumen, (patch.y - np.float32(level))), -990.0)


def _paint_pancreas(canvas: Canvas, torso: Torso) -> None:
    z = torso.z_of(Level.L1)
    head = ((-34.0, -48.0, z - 22), (-18.0, -50.0, z - 8))
    points = (*head, (6.0, -58.0, z), (40.0, -42.0, z + 8), (74.0, -22.0, z + 16))
    for start, end in pairwise(points):
        patch = canvas.around([start, end], 16)
        if patch.empty:
            continue
        x, y, w = np.broadcast_arrays(patch.x, patch.y, patch.z)
        rod = Capsule(start=start, end=end, start_mm=11.5, end_mm=10.0)
        lobes = capsule(x, y, w, rod) + 2.6 * patch.fields[2] + 1.5 * patch.fields[1]
        patch.paint(lobes, torso.palette.bowel - 4)


def _paint_kidney(canvas: Canvas, torso: Torso, rng: np.random.Generator, side: float) -> None:
    z = torso.z_of(Level.L1 if side > 0 else Level.L2) + float(rng.normal(6, 7))
    x0, y0 = torso.spine.centre_at(np.array([z]))
    centre = (float(x0[0]) + side * (68.0 + float(rng.normal(0, 3))), float(y0[0]) + 6.0, z)
    radii = (27.0, 30.0, float(rng.uniform(48, 58)))
    patch, _ = organ_patch(canvas, torso, centre, (48, 50, 74))
    if patch.empty:
        return
    lean = (patch.z - np.float32(z)) * np.float32(-0.22 * side)
    shifted = replace(patch, x=patch.x - lean)
    outer = ellipsoid(shifted, centre, radii) + 1.2 * patch.fields[1]
    sinus = ellipsoid(shifted, (centre[0] - side * 20, centre[1] - 5, z), (14.0, 9.0, 20.0)) + 2.5 * patch.fields[2]
    patch.paint(outer - np.float32(9), torso.palette.fat)
    patch.paint(outer, torso.palette.kidney)
    if torso.patient.contrast.phase == ContrastPhase.ARTERIAL:
        pyramids = np.clip(patch.fields[2] * 1.2 + 0.4, 0, 1) * patch.share(outer + np.float32(7))
        patch.blend(0.75 * pyramids, 0.55 * torso.palette.kidney + 15)
    patch.paint(smooth_max(sinus, outer - 6, round_mm=3.0), torso.palette.fat * 0.9)
    if torso.patient.contrast.urine_hu > 0:
        pelvis = ellipsoid(shifted, (centre[0] - side * 21, centre[1] - 5, z), (8.0, 5.0, 12.0)) + patch.fields[2]
        patch.paint(pelvis, torso.palette.urine)


def _paint_chest(canvas: Canvas, torso: Torso, rng: np.random.Generator) -> None:
    """Lungs above the diaphragm, the heart between them."""
    base = torso.z_of(Level.T11) + float(rng.normal(-4, 8))
    if canvas.grid.z[-1] < base - 45:
        return
    size = torso.patient.habitus.trunk_width_mm / 340
    vessels = rng.uniform(0.9, 1.1)
    for part, patch in slabs(canvas):
        if float(patch.z.max()) < base - 50:
            continue
        dome = _dome(patch, base, size)
        aside = np.float32(30) - np.abs(patch.x) - 0.35 * np.clip(patch.y + 20, -40, 40)
        lung = smooth_max(torso.cavity[part] + np.float32(2), dome - patch.z, round_mm=3.0)
        lung = smooth_max(lung, aside, round_mm=8.0)
        heart = ellipsoid(patch, (24.0 * size, -62.0, base + 78), (62.0 * size, 50.0, 46.0))
        texture = 130 * np.clip(patch.fields[2] - np.float32(1.35 * vessels), 0, 2) * 4
        patch.paint(lung, torso.palette.lung + 22 * patch.fields[1] + texture)
        blood = (torso.palette.aorta + torso.palette.vein) / 2
        patch.paint(smooth_max(heart, torso.cavity[part] + 6, round_mm=4.0), blood * 0.8 + 10)


def _dome(patch: Patch, base: float, size: float) -> Array:
    """Height of the diaphragm: two domes, low at the rim and behind."""
    right = 1 - ((patch.x + 68 * size) / (78 * size)) ** 2 - ((patch.y + 38) / 92) ** 2
    left = 1 - ((patch.x - 68 * size) / (78 * size)) ** 2 - ((patch.y + 38) / 92) ** 2
    height = np.maximum(np.clip(right, -0.6, 1) * 82, np.clip(left, -0.6, 1) * 68)
    return np.asarray(np.float32(base) + height, dtype=np.float32)
