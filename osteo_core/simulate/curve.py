"""The position of each vertebra of a patient: lordosis, kyphosis, scoliosis. The centre of L3 is the origin, LPS mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from osteo_core.simulate.shapes import Frame, rotation
from osteo_core.simulate.truth import SimulatedLevel, SimulatedPatient
from osteo_core.simulate.vertebra import BodyShape, body_shape
from osteo_core.terms import Level

#: Share of the lordosis reached at the middle of each lumbar body, counted from S1.
_LORDOSIS_SHARE = {Level.L5: 0.34, Level.L4: 0.60, Level.L3: 0.77, Level.L2: 0.90, Level.L1: 1.0}
#: Degrees by which each thoracic body is tilted forward relative to L1.
_KYPHOSIS_DEG = {
    Level.T12: 1.0,
    Level.T11: 4.0,
    Level.T10: 8.0,
    Level.T9: 12.0,
    Level.T8: 16.0,
    Level.T7: 21.0,
    Level.T6: 26.0,
    Level.T5: 31.0,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """One vertebra, its shape and its frame in the patient."""

    level: SimulatedLevel
    shape: BodyShape
    frame: Frame


@dataclass(frozen=True, kw_only=True, eq=False)
class Spine:
    """All vertebrae from the top down, and the frame on the upper endplate of S1."""

    vertebrae: tuple[Placed, ...]
    sacrum: Frame

    def at(self, level: Level) -> Placed:
        """The vertebra of that level; KeyError if it was not simulated."""
        for placed in self.vertebrae:
            if placed.level.level == level:
                return placed
        raise KeyError(f"level {level.name} is not simulated")

    def centre_at(self, z_mm: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x and y in mm of the line through the bodies' centres at heights z."""
        points = np.array([self.sacrum.origin, *(p.frame.origin for p in reversed(self.vertebrae))])
        return np.interp(z_mm, points[:, 2], points[:, 0]), np.interp(z_mm, points[:, 2], points[:, 1])


def place_spine(patient: SimulatedPatient) -> Spine:
    """Stack the bodies and discs from S1 upwards, each with its own tilt."""
    tilts = _tilts(patient)
    leans, turns = _leans(patient)
    axes = rotation(np.radians(-patient.spine.sacral_slope_deg), 0.0, 0.0)
    foot, normal = np.zeros(3), axes[2]
    sacrum_axes, placed = axes, []
    for level in reversed(patient.levels):
        number = level.level
        axes = rotation(tilts[number], leans[number], turns[number])
        foot = foot + level.disc_below_mm * _unit(normal + axes[2])
        shape = body_shape(level)
        centre = foot + 0.5 * shape.mean_height_mm * axes[2]
        placed.append((level, shape, axes, centre))
        foot, normal = centre + 0.5 * shape.mean_height_mm * axes[2], axes[2]
    origin = next(centre for level, _, _, centre in placed if level.level == Level.L3)
    vertebrae = tuple(
        Placed(level=level, shape=shape, frame=Frame(origin=centre - origin, axes=axes))
        for level, shape, axes, centre in reversed(placed)
    )
    return Spine(vertebrae=vertebrae, sacrum=Frame(origin=-origin, axes=sacrum_axes))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)


def _tilts(patient: SimulatedPatient) -> dict[Level, float]:
    spine = patient.spine
    top = spine.lordosis_deg - spine.sacral_slope_deg
    tilts = {level: share * spine.lordosis_deg - spine.sacral_slope_deg for level, share in _LORDOSIS_SHARE.items()}
    tilts |= {level: top - forward for level, forward in _KYPHOSIS_DEG.items()}
    return {level: float(np.radians(degrees)) for level, degrees in tilts.items()}


def _leans(patient: SimulatedPatient) -> tuple[dict[Level, float], dict[Level, float]]:
    """Lean and turn of each body in radians: a scoliosis with its apex at L2-L3, and the rotation that goes with it."""
    spine = patient.spine
    leans, turns = {}, {}
    for level in (one.level for one in patient.levels):
        phase = (int(Level.L3) - 0.5 - int(level)) / 3.5
        leans[level] = spine.scoliosis_side * np.radians(spine.scoliosis_deg / 2) * float(-np.sin(phase * np.pi / 2))
        apex = np.radians(spine.scoliosis_deg * 0.5) * float(np.exp(-(phase**2)))
        turns[level] = float(np.radians(spine.turn_deg)) + spine.scoliosis_side * apex
    return leans, turns
