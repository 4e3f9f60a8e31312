"""Paint everything but the spine: trunk, viscera, back muscles, other bones, table."""

from __future__ import annotations

import numpy as np

from osteo_core.simulate.curve import Spine
from osteo_core.simulate.palette import Palette, trabecular_expectation_hu
from osteo_core.simulate.scene import back_skin_y
from osteo_core.simulate.shapes import Canvas
from osteo_core.simulate.skeleton import paint_skeleton
from osteo_core.simulate.supports import paint_under_back
from osteo_core.simulate.torso import make_torso, paint_back, paint_trunk
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.simulate.viscera import paint_viscera
from osteo_core.terms import Level

_TABLE_HALF_WIDTH_MM = 215.0
_TABLE_SHELL_MM = 2.2


def paint_body(canvas: Canvas, patient: SimulatedPatient, spine: Spine, palette: Palette) -> None:
    """Paint the patient's body, without vertebrae and discs, onto a canvas of air."""
    torso = make_torso(canvas, patient, spine, palette)
    _paint_table(canvas, patient, palette)
    if patient.under_back is not None:
        paint_under_back(canvas, patient, patient.under_back)
    paint_trunk(canvas, torso)
    paint_viscera(canvas, torso)
    paint_back(canvas, torso)
    paint_skeleton(canvas, torso, trabecular_hu=trabecular_expectation_hu(patient, patient.level(Level.L5)))


def _paint_table(canvas: Canvas, patient: SimulatedPatient, palette: Palette) -> None:
    """A curved carbon shell with foam inside, a little below the back."""
    grid = canvas.grid
    lifted = patient.under_back.thickness_mm if patient.under_back else 0.0
    top = back_skin_y(patient) + 3.0 + float(patient.seed % 7) + lifted
    patch = canvas.patch(
        (-_TABLE_HALF_WIDTH_MM, top - 5, float(grid.z[0])), (_TABLE_HALF_WIDTH_MM, top + 110, float(grid.z[-1]) + 1)
    )
    if patch.empty:
        return
    sunk = patch.y - top + patch.x * patch.x / np.float32(1100.0)
    under = patch.y - top - 48 + 0 * patch.x
    inside = np.maximum(np.maximum(-sunk, under), np.abs(patch.x) - np.float32(_TABLE_HALF_WIDTH_MM - 3))
    patch.paint(inside, palette.table)
    patch.paint(inside + np.float32(_TABLE_SHELL_MM), -960.0)
