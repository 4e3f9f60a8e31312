"""Trunk: skin, subcutaneous fat, abdominal wall, cavity, and the muscles around the spine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteo_core.simulate.curve import Spine
from osteo_core.simulate.palette import Palette
from osteo_core.simulate.scene import back_skin_y, trunk_middle_y
from osteo_core.simulate.shapes import Array, Canvas, Patch, smooth_max, superellipse
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.terms import Level, Sex

_SKIN_MM = 2.0
_SLAB = 8  # slices painted together, so that the work stays in the processor's cache
Knots = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Torso:
    """One patient's trunk; heights come from ``spine``. ``cavity`` is filled while painting."""

    patient: SimulatedPatient
    spine: Spine
    palette: Palette
    cavity: Array

    def cavity_of(self, canvas: Canvas, patch: Patch) -> Array:
        """Distance to the cavity on a patch of the canvas."""
        return self.cavity[canvas.window_of(patch)]

    def half_width(self, z: Array) -> Array:
        """Half width of the trunk at heights z, mm."""
        hips = 0.09 if self.patient.sex == Sex.FEMALE else 0.02
        shape = 1 + hips * np.clip(-z / 130, 0, 1) + 0.05 * np.clip(z / 150, 0, 1)
        return np.asarray(self.patient.habitus.trunk_width_mm / 2 * shape, dtype=np.float32)

    def behind(self, z: Array) -> Array:
        """Distance in mm of the skin of the back behind its place at L3: it follows the spine and the buttocks."""
        _, y = self.spine.centre_at(np.ravel(z))
        below = float(self.spine.sacrum.origin[2]) - np.ravel(z)
        back = 0.75 * np.maximum(y, 0) + 24 * np.clip(below / 60, 0, 1.2)
        return np.asarray(back, dtype=np.float32).reshape(np.shape(z))

    def middle_y(self, z: Array) -> Array:
        """y of the middle of the trunk at heights z, mm."""
        return np.float32(trunk_middle_y(self.patient)) + self.behind(z) / 2

    def half_depth(self, z: Array) -> Array:
        """Half depth of the trunk at heights z, mm."""
        shape = 1 - 0.05 * np.clip((z + 20) / -120, 0, 1) + 0.03 * np.clip(z / 150, 0, 1)
        return np.asarray(self.patient.habitus.trunk_depth_mm / 2 * shape + self.behind(z) / 2, dtype=np.float32)

    def z_of(self, level: Level) -> float:
        """Height of a body's centre, mm."""
        return float(self.spine.at(level).frame.origin[2])

    def along(self, patch: Patch, knots: Knots) -> Array:
        """(z, 1, 1) values of a quantity given by (VerSe number, value), interpolated in height."""
        heights = np.array([self.height(number) for number, _ in knots])
        order = np.argsort(heights)
        values = np.array([value for _, value in knots])
        found: Array = np.interp(patch.z.ravel(), heights[order], values[order]).astype(np.float32)[:, None, None]
        return found

    def height(self, number: float) -> float:
        """Height in mm at a fractional VerSe number, between two levels; beyond 25 it continues downwards."""
        numbers = [int(p.level.level) for p in self.spine.vertebrae] + [25.0]
        heights = [float(p.frame.origin[2]) for p in self.spine.vertebrae] + [float(self.spine.sacrum.origin[2]) - 10]
        if number > 25.0:
            return heights[-1] - (number - 25.0) * 32.0
        return float(np.interp(number, numbers, heights))

    def spine_xy(self, patch: Patch) -> tuple[Array, Array]:
        """x and y of the centre of the spine, each (z, 1, 1) mm."""
        x, y = self.spine.centre_at(patch.z.ravel())
        return x.astype(np.float32)[:, None, None], y.astype(np.float32)[:, None, None]


def make_torso(canvas: Canvas, patient: SimulatedPatient, spine: Spine, palette: Palette) -> Torso:
    """The trunk of a patient, not yet painted."""
    return Torso(patient=patient, spine=spine, palette=palette, cavity=np.empty_like(canvas.hu))


def slabs(canvas: Canvas) -> list[tuple[slice, Patch]]:
    """The whole canvas in slabs of a few slices."""
    grid, found = canvas.grid, []
    low, high = (float(grid.x[0]), float(grid.y[0])), (float(grid.x[-1]) + 1, float(grid.y[-1]) + 1)
    for first in range(0, len(grid.z), _SLAB):
        last = min(first + _SLAB, len(grid.z)) - 1
        patch = canvas.patch((*low, float(grid.z[first])), (*high, float(grid.z[last]) + 1e-2))
        found.append((slice(first, last + 1), patch))
    return found


def outline(patch: Patch, torso: Torso) -> tuple[Array, Array]:
    """Distance to the skin, and depth of the subcutaneous fat at each voxel."""
    x, y = patch.x, patch.y - torso.middle_y(patch.z)
    half_depth = torso.half_depth(patch.z)
    across, along = x / torso.half_width(patch.z), y / half_depth
    unit = superellipse(across, along, square=0.42)
    distance: Array = np.sqrt(x * x + y * y) * (1 - 1 / unit)
    behind = patch.y - (np.float32(back_skin_y(torso.patient)) + torso.behind(patch.z))
    distance = smooth_max(distance, behind, round_mm=16.0)
    groove = 8.0 * np.exp(-((x / 13.0) ** 2)) * np.clip(along, 0, 1)
    distance += groove + 1.8 * patch.fields[0]
    thickness = torso.patient.habitus.fat_thickness_mm
    lower = 1 + 0.25 * np.clip(-patch.z / 100, -1, 1)
    fat = thickness * (0.55 + 0.5 * np.clip(along * along, 0, 1.2)) * lower + _SKIN_MM
    return distance, fat.astype(np.float32)


def paint_trunk(canvas: Canvas, torso: Torso) -> None:
    """Skin, fat, wall and cavity of the whole canvas; fills ``torso.cavity`` with the distance to the cavity."""
    palette = torso.palette
    for part, patch in slabs(canvas):
        distance, fat = outline(patch, torso)
        fascia = distance + fat
        strands = 5 * patch.fields[2] + 4 * patch.fields[1]
        patch.paint(distance, palette.skin)
        patch.paint(distance + np.float32(_SKIN_MM), palette.fat + strands)
        patch.paint(fascia, muscle_hu(patch, torso, extra=0.0))
        wall = _wall(patch, torso)
        _wall_layers(patch, fascia, palette)
        cavity = fascia + wall
        patch.paint(cavity, palette.fat + 6.0 + strands * 1.3)
        torso.cavity[part] = cavity


def _wall(patch: Patch, torso: Torso) -> Array:
    """Thickness of the wall in mm: three muscles at the side, rectus in front, thin in the midline."""
    share = np.float32(torso.patient.habitus.muscle_share)
    rectus = 10.0 - 6.0 * np.exp(-((patch.x / 7.0) ** 2)) - 4.5 * np.exp(-(((np.abs(patch.x) - 72) / 10) ** 2))
    side = 1 / (1 + np.exp(-(np.abs(patch.x) - 80) / 9))
    chest = np.clip((patch.z - torso.z_of(Level.T12)) / 40, 0, 1)
    return np.asarray(share * (rectus * (1 - side) + (17.0 - 5 * chest) * side), dtype=np.float32)


def _wall_layers(patch: Patch, fascia: Array, palette: Palette) -> None:
    """Fat between the three muscles of the side wall."""
    side = np.clip((np.abs(patch.x) - 78) / 12, 0, 1)
    for depth in (5.5, 11.5):
        line = np.clip(1.0 - np.abs(fascia + np.float32(depth)) / 0.9, 0, 1) * side * 0.55
        patch.blend(line.astype(np.float32), palette.fat)


def muscle_hu(patch: Patch, torso: Torso, *, extra: float) -> Array:
    """HU of muscle with fat between its fibres: the patient's share, plus ``extra`` for this muscle."""
    share = torso.patient.habitus.muscle_fat + extra
    grain = 0.75 * patch.fields[2] + 0.45 * patch.fields[1]
    streaks = np.clip(np.float32(0.45) * (grain - np.float32(1.0 - 4.0 * share)), 0, 0.75)
    return np.asarray(torso.palette.muscle + streaks * (torso.palette.fat - torso.palette.muscle), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A muscle or vessel running along the spine: offsets from the spine's centre and radii by VerSe number."""

    x: Knots
    y: Knots
    radius_x: Knots
    radius_y: Knots


#: Columns of the left side; those of the right are mirrored.
_PSOAS = Column(
    x=((19.5, 22), (20.5, 30), (22, 36.5), (24, 44), (25, 51), (27, 66)),
    y=((19.5, 8), (21, 6), (23, 3), (24, -2), (25, -22), (27, -62)),
    radius_x=((19.3, 0), (20, 7), (21, 12), (22, 17), (23.5, 23), (25, 23), (27, 20)),
    radius_y=((19.3, 0), (20, 9), (21, 15), (22, 20), (23.5, 25), (25, 24), (27, 18)),
)
_ERECTOR = Column(
    x=((12, 24), (18, 31), (21, 36), (23, 37), (25, 30), (27, 18)),
    y=((12, 42), (18, 43), (21, 46), (23, 49), (25, 54), (27, 62)),
    radius_x=((12, 22), (18, 29), (21, 33), (23, 33), (25, 28), (26.5, 12), (28, 0)),
    radius_y=((12, 14), (18, 19), (21, 23), (23, 22), (25, 16), (26.5, 9), (28, 0)),
)
_MULTIFIDUS = Column(
    x=((12, 10), (21, 13), (25, 15), (27, 13)),
    y=((12, 36), (21, 40), (25, 46), (27, 60)),
    radius_x=((12, 8), (21, 11), (24, 14), (26.5, 11), (28, 0)),
    radius_y=((12, 10), (21, 15), (24, 19), (26.5, 10), (28, 0)),
)
#: Small muscles between the transverse processes: they fill the gaps around the vertebra.
_DEEP = Column(
    x=((12, 20), (19, 26), (24, 32), (25, 34)),
    y=((12, 26), (19, 26), (24, 24), (25, 26)),
    radius_x=((12, 12), (19, 17), (24, 20), (25, 14), (26, 0)),
    radius_y=((12, 10), (19, 15), (24, 17), (25, 12), (26, 0)),
)
_QUADRATUS = Column(
    x=((19, 50), (21, 58), (24, 66)),
    y=((19, 26), (21, 24), (24, 20)),
    radius_x=((18.6, 0), (19.5, 14), (23.5, 18), (24.5, 0)),
    radius_y=((18.6, 0), (19.5, 7), (23.5, 9), (24.5, 0)),
)


def column_distance(patch: Patch, torso: Torso, column: Column, *, side: float) -> Array:
    """Distance to a column on one side (+1 left, -1 right)."""
    x0, y0 = torso.spine_xy(patch)
    dx = patch.x - (x0 + side * torso.along(patch, column.x))
    dy = patch.y - (y0 + torso.along(patch, column.y))
    rx = np.maximum(torso.along(patch, column.radius_x), 0.05)
    ry = np.maximum(torso.along(patch, column.radius_y), 0.05)
    unit = np.sqrt((dx / rx) ** 2 + (dy / ry) ** 2) + np.float32(1e-3)
    return np.asarray((1 - 1 / unit) * np.sqrt(dx * dx + dy * dy), dtype=np.float32)


def paint_back(canvas: Canvas, torso: Torso) -> None:
    """Erector spinae, multifidus, quadratus lumborum and psoas, with the fat that separates them."""
    x, y = torso.spine.centre_at(canvas.grid.z)
    share = torso.patient.habitus.muscle_share
    slim = 0.5 * (1 - share) * 14
    jobs: tuple[tuple[Column, float, float], ...] = (
        (_DEEP, 0.03, 0.0),
        (_ERECTOR, 0.02, 0.8),
        (_MULTIFIDUS, 0.07, 0.3),
        (_QUADRATUS, 0.0, 0.8),
        (_PSOAS, -0.04, 0.7),
    )
    for side in (-1.0, 1.0):
        for column, extra, rim in jobs:
            patch = _column_patch(canvas, side, (x, y))
            if patch.empty:
                continue
            distance = column_distance(patch, torso, column, side=side) + np.float32(slim) + 0.8 * patch.fields[1]
            patch.paint(distance - np.float32(rim), torso.palette.fat * 0.5)
            patch.paint(distance, muscle_hu(patch, torso, extra=extra))


def _column_patch(canvas: Canvas, side: float, centre: tuple[NDArray[np.float64], NDArray[np.float64]]) -> Patch:
    x, y = centre
    near, far = sorted((-6.0 * side, side * 92.0))
    low = (float(x.min()) + near, float(y.min()) - 90.0, float(canvas.grid.z[0]))
    high = (float(x.max()) + far, float(y.max()) + 90.0, float(canvas.grid.z[-1]) + 1)
    return canvas.patch(low, high)
