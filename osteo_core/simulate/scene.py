"""The grid of a series: field of view, first and last slice, in patient mm (origin: centre of L3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteo_core.simulate.curve import Spine, place_spine
from osteo_core.simulate.patient import day_stream
from osteo_core.simulate.shapes import Grid
from osteo_core.simulate.truth import FieldOfView, SimulatedPatient
from osteo_core.terms import Level


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Grid of one series in the patient's own mm; adding ``offset_mm`` gives the scanner's LPS mm."""

    grid: Grid
    pixel_mm: float
    step_mm: float
    offset_mm: tuple[float, float, float]


def make_scene(patient: SimulatedPatient) -> Scene:
    """The grid of a patient's main series; it is drawn from the patient's own stream."""
    rng = day_stream(patient, "scene")
    scan, spine = patient.acquisition, place_spine(patient)
    low, high = _extent(patient, spine, rng)
    n_slices = round((high - low) / scan.step_mm) + 1
    field = scan.pixel_mm * scan.matrix
    middle_x = float(rng.normal(0, 4))
    whole = field >= patient.habitus.trunk_width_mm
    middle_y = trunk_middle_y(patient) + float(rng.normal(0, 4)) if whole else -0.12 * field + float(rng.normal(0, 4))
    index = (np.arange(scan.matrix, dtype=np.float64) - (scan.matrix - 1) / 2) * scan.pixel_mm
    return Scene(
        grid=Grid(
            x=(index + middle_x).astype(np.float32),
            y=(index + middle_y).astype(np.float32),
            z=(low + scan.step_mm * np.arange(n_slices)).astype(np.float32),
        ),
        pixel_mm=scan.pixel_mm,
        step_mm=scan.step_mm,
        offset_mm=(0.0, round(float(rng.normal(0, 20)), 1), round(float(rng.uniform(-900, 300)), 1)),
    )


def back_skin_y(patient: SimulatedPatient) -> float:
    """y in mm of the skin of the back beside the midline."""
    return 79.0 + patient.habitus.fat_thickness_mm


def trunk_middle_y(patient: SimulatedPatient) -> float:
    """y in mm of the middle of the trunk."""
    return back_skin_y(patient) - patient.habitus.trunk_depth_mm / 2


def _extent(patient: SimulatedPatient, spine: Spine, rng: np.random.Generator) -> tuple[float, float]:
    """Lowest and highest slice in mm."""

    def height(level: Level) -> float:
        return float(spine.at(level).frame.origin[2])

    sacrum = float(spine.sacrum.origin[2])
    if patient.field_of_view == FieldOfView.ABDOMEN_PELVIS:
        return sacrum - float(rng.uniform(45, 75)), height(Level.T10) + float(rng.uniform(-5, 25))
    if patient.field_of_view == FieldOfView.UPPER_ABDOMEN:
        return height(Level.L5) + float(rng.uniform(-15, 15)), height(Level.T9) + float(rng.uniform(0, 25))
    if patient.field_of_view == FieldOfView.LUMBAR_SPINE:
        return sacrum - float(rng.uniform(15, 40)), height(Level.T12) + float(rng.uniform(0, 25))
    return height(Level.T12) + float(rng.uniform(-8, 8)), height(Level.T6) + float(rng.uniform(0, 10))
