"""Shape of one vertebra as signed distances in its own frame: u left, v back, w up, origin at the body's centre.

The body ends as in the reference masks: at its posterior wall, in front of the pedicles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteo_core.simulate.shapes import Array, Capsule, smooth_max, superellipse
from osteo_core.simulate.truth import FractureKind, SimulatedLevel
from osteo_core.terms import Level

#: Share by which the body's waist is narrower than its endplates.
WAIST = 0.11
#: The body is widest this share of its half-depth behind its middle, rounder in front than behind.
_WIDEST_SHARE = 0.22
_SQUARE_FRONT, _SQUARE_BACK = np.float32(0.18), np.float32(0.5)
_ROUND_MM = 1.3
#: Rounding the rims reduces the half-widths by about this much; it is added back.
_RIM_MM = 0.8


@dataclass(frozen=True, kw_only=True)
class BodyShape:
    """Half-widths in mm and the two endplates; ``top_share`` of every height loss lies in the upper one."""

    level: SimulatedLevel
    half_width: float
    front: float
    back: float
    top_share: float

    @property
    def mean_height_mm(self) -> float:
        """Mean of anterior and posterior height in mm, by which the bodies are stacked."""
        return 0.5 * (self.level.anterior_height_mm + self.level.posterior_height_mm)


def body_shape(level: SimulatedLevel) -> BodyShape:
    """Shape of the body of a level."""
    half = level.depth_mm / 2
    fractured = level.fracture is not None and level.fracture.kind != FractureKind.CRUSH
    return BodyShape(
        level=level,
        half_width=level.width_mm / 2 + _RIM_MM,
        front=-half - _RIM_MM / 2,
        back=half,
        top_share=0.68 if fractured else 0.5,
    )


def _endplate(u: Array, v: Array, shape: BodyShape, share: float) -> Array:
    """Height in mm of one endplate above the body's centre: straight from rim to rim, concave in between."""
    level = shape.level
    depth = np.clip((v - shape.front) / (shape.back - shape.front), -0.05, 1.05)
    posterior = level.posterior_height_mm / 2
    anterior = posterior + (level.anterior_height_mm - level.posterior_height_mm) * share
    rim = anterior + depth * (posterior - anterior)
    hollow = max(0.5 * (level.anterior_height_mm + level.posterior_height_mm) - level.middle_height_mm, 0.0) * share
    across = np.clip(1 - (u / (0.86 * shape.half_width)) ** 2, 0, 1)
    along = np.clip(1 - (2.0 * (depth - 0.52) / 0.8) ** 2, 0, 1)
    found: Array = rim - np.float32(hollow) * across * along
    return found


def body_distance(u: Array, v: Array, w: Array, shape: BodyShape) -> Array:
    """Approximate signed distance in mm to the body's outer surface, cortex included."""
    half_height = shape.mean_height_mm / 2
    t2 = np.clip((w / half_height) ** 2, 0, 1.2)
    waist = np.float32(1 - WAIST) + np.float32(WAIST) * t2
    across = u / (waist * shape.half_width)
    behind = v - np.float32(_WIDEST_SHARE * shape.back)
    front = (shape.back * _WIDEST_SHARE - shape.front) * (waist * 0.5 + 0.5)
    half_depth = np.where(behind < 0, front, np.float32(shape.back * (1.12 - _WIDEST_SHARE)))
    unit = superellipse(across, behind / half_depth, square=np.where(behind < 0, _SQUARE_FRONT, _SQUARE_BACK))
    radius = np.sqrt(u * u + behind * behind) + np.float32(1e-3)
    side: Array = radius * (1 - 1 / unit)
    if shape.level.osteophyte_mm > 0.3:
        side = side - _osteophytes(behind, radius, w, shape)
    hollow = np.float32(2.4) * np.clip(1 - (u / (0.5 * shape.half_width)) ** 2, 0, 1)
    side = smooth_max(side, v - (shape.back - hollow), round_mm=2.5)
    top = w - _endplate(u, v, shape, shape.top_share)
    bottom = -w - _endplate(u, v, shape, 1 - shape.top_share)
    return smooth_max(smooth_max(side, top, round_mm=_ROUND_MM), bottom, round_mm=_ROUND_MM)


def _osteophytes(v: Array, radius: Array, w: Array, shape: BodyShape) -> Array:
    """Lips at the front and sides of both rims, mm outwards."""
    half = shape.mean_height_mm / 2
    lip = np.exp(-(((np.abs(w) - half) / 3.2) ** 2))
    front = np.clip(0.65 - v / radius, 0, 1)
    return np.float32(shape.level.osteophyte_mm) * lip * front


def posterior_rods(level: SimulatedLevel) -> tuple[Capsule, ...]:
    """Pedicles, articular processes, laminae, spinous and transverse processes of one vertebra."""
    return _lumbar_rods(level) if level.level >= Level.L1 else _thoracic_rods(level)


def _mirrored(rods: tuple[Capsule, ...]) -> tuple[Capsule, ...]:
    def turned(rod: Capsule) -> Capsule:
        start, end = (-rod.start[0], *rod.start[1:]), (-rod.end[0], *rod.end[1:])
        return Capsule(start=start, end=end, start_mm=rod.start_mm, end_mm=rod.end_mm, flat=rod.flat)

    return rods + tuple(turned(rod) for rod in rods)


def _lumbar_rods(level: SimulatedLevel) -> tuple[Capsule, ...]:
    b, k = level.depth_mm / 2, level.width_mm / 46.0
    number = int(level.level) - int(Level.L1)
    pedicle = (3.9, 4.1, 4.7, 5.6, 7.0)[number] * k
    facet = (13.0, 13.5, 14.5, 16.5, 19.0)[number] * k
    reach = (33.0, 40.0, 45.0, 42.0, 40.0)[number] * k
    spine = (27.0, 29.0, 30.0, 27.0, 20.0)[number] * k
    mid = 11.5 * k + pedicle
    paired = (
        Capsule(start=(mid, b - 4, 5.0), end=(mid + 0.5, b + 9, 5.0), start_mm=pedicle, end_mm=pedicle, flat=1.65),
        Capsule(start=(mid + 0.5, b + 10, 6), end=(facet + 1, b + 17, -8), start_mm=5.0, end_mm=4.8, flat=1.2),
        Capsule(start=(facet + 5.5, b + 11, 5), end=(facet + 7.5, b + 12.5, 15), start_mm=4.6, end_mm=3.6),
        Capsule(start=(facet, b + 18, -7), end=(facet, b + 19.5, -20), start_mm=4.8, end_mm=3.8),
        Capsule(start=(facet, b + 17.5, -4), end=(2.0, b + 24, -7), start_mm=3.2, end_mm=3.6, flat=2.4),
        Capsule(start=(mid + 3, b + 9, 4), end=(reach - 3, b + 17, 7), start_mm=3.8, end_mm=2.2, flat=1.6),
    )
    spinous = (Capsule(start=(0, b + 24, -8), end=(0, b + 24 + spine, -12), start_mm=3.3, end_mm=3.9, flat=2.7),)
    return _mirrored(paired) + spinous


def _thoracic_rods(level: SimulatedLevel) -> tuple[Capsule, ...]:
    b, k = level.depth_mm / 2, level.width_mm / 36.0
    low = level.level >= Level.T11
    mid, reach = 8.5 * k + 4.0, (20.0 if low else 29.0) * k
    drop = -14.0 if low else -26.0
    paired = (
        Capsule(start=(mid, b - 4, 5.5), end=(mid, b + 8, 5.5), start_mm=3.6, end_mm=3.9, flat=1.7),
        Capsule(start=(mid, b + 9, 7), end=(mid - 1, b + 13, -6), start_mm=4.4, end_mm=4.2, flat=1.2),
        Capsule(start=(mid + 1, b + 10, 6), end=(mid + 1, b + 11.5, 14), start_mm=3.8, end_mm=3.0),
        Capsule(start=(mid - 1, b + 15, -6), end=(mid - 2, b + 15.5, -16), start_mm=3.8, end_mm=3.0),
        Capsule(start=(mid - 1, b + 13, -2), end=(1.5, b + 19, -5), start_mm=3.0, end_mm=3.3, flat=2.4),
        Capsule(start=(mid + 1, b + 10, 4), end=(reach, b + 20, 8), start_mm=4.2, end_mm=4.4, flat=1.2),
    )
    spinous = (Capsule(start=(0, b + 19, -6), end=(0, b + 42, drop - 6), start_mm=3.2, end_mm=3.4, flat=1.9),)
    return _mirrored(paired) + spinous
