"""Objects between the patient's back and the table: a calibration phantom, or things that look like one."""

from __future__ import annotations

import numpy as np

from osteo_core.density.calibration.known_phantoms import known_phantoms
from osteo_core.simulate.scene import back_skin_y
from osteo_core.simulate.shapes import Array, Canvas, Patch
from osteo_core.simulate.truth import BASE_MARGIN_MM, SimulatedPatient, Support, UnderBack
from osteo_core.simulate.under_back import rods_along

_PAD_HU, _BOARD_HU, _LEAD_HU, _WIRE_HU = -935.0, 95.0, 20.0, 2400.0
#: Cushion between back and phantom, and the water equivalent in which rods lie.
_GEL_HU, _BASE_HU = 15.0, 0.0


def paint_under_back(canvas: Canvas, patient: SimulatedPatient, thing: UnderBack) -> None:
    """Paint it below the back; the trunk, painted later, covers what overlaps."""
    painters = {
        Support.PHANTOM: _paint_phantom,
        Support.PAD: _paint_pad,
        Support.BOARD: _paint_board,
        Support.LEADS: _paint_leads,
    }
    painters[thing.support](canvas, patient, thing)


def _patch(canvas: Canvas, half_width_mm: float, top: float, bottom: float) -> Patch:
    grid = canvas.grid
    return canvas.patch((-half_width_mm, top, float(grid.z[0])), (half_width_mm, bottom, float(grid.z[-1]) + 1))


def _box(x: Array, y: Array, half_x: float, half_y: float) -> Array:
    return np.asarray(np.maximum(np.abs(x) - np.float32(half_x), np.abs(y) - np.float32(half_y)))


def _paint_phantom(canvas: Canvas, patient: SimulatedPatient, thing: UnderBack) -> None:
    rods_hu = rods_along(patient, known_phantoms()[thing.phantom], canvas.grid.z)[:: -1 if thing.is_turned_round else 1]
    n, back_mm = len(rods_hu), back_skin_y(patient)
    half_width = (n - 1) / 2 * thing.spacing_mm + thing.radius_mm + BASE_MARGIN_MM + 4
    half_height = thing.radius_mm + BASE_MARGIN_MM
    patch = _patch(canvas, half_width + 60, back_mm - 30, back_mm + 2 * half_height + 40)
    if patch.empty:
        return
    z = patch.z - np.float32(canvas.grid.z.mean())
    across, along = _turned(patch, z, back_mm + half_height, thing)
    # A gel cushion fills the hollow between the flat phantom and the back.
    patch.paint(_box(across, along + np.float32(half_height + 6), half_width, 8.0), _GEL_HU)
    patch.paint(_box(across, along, half_width, half_height), _BASE_HU)
    for number, hu in enumerate(rods_hu):
        place = np.float32((number - (n - 1) / 2) * thing.spacing_mm)
        distance = np.sqrt((across - place) ** 2 + along**2) - np.float32(thing.radius_mm)
        patch.paint(distance, hu[:, None, None])


def _turned(patch: Patch, z: Array, middle_y: float, thing: UnderBack) -> tuple[Array, Array]:
    """Positions across the row and along its thickness, mm from the phantom's middle."""
    x = patch.x - np.float32(thing.middle_mm) - np.float32(thing.lean[0]) * z
    y = patch.y - np.float32(middle_y) - np.float32(thing.lean[1]) * z
    turn = np.float32(np.radians(thing.turn_deg))
    return np.asarray(np.cos(turn) * x + np.sin(turn) * y), np.asarray(np.cos(turn) * y - np.sin(turn) * x)


def _paint_pad(canvas: Canvas, patient: SimulatedPatient, thing: UnderBack) -> None:
    back_mm = back_skin_y(patient)
    patch = _patch(canvas, 200, back_mm - 20, back_mm + 40)
    if not patch.empty:
        middle = np.float32(back_mm + 11)
        patch.paint(_box(patch.x, patch.y - middle + 0 * patch.z, 180, 13), -80.0)  # its cover
        patch.paint(_box(patch.x, patch.y - middle + 0 * patch.z, 179, 12), _PAD_HU)


def _paint_board(canvas: Canvas, patient: SimulatedPatient, thing: UnderBack) -> None:
    """A hollow plastic board with two stiffening tubes and hand holes."""
    back_mm = back_skin_y(patient)
    patch = _patch(canvas, 240, back_mm - 20, back_mm + 60)
    if patch.empty:
        return
    y = patch.y - np.float32(back_mm + 18) + 0 * patch.z
    patch.paint(_box(patch.x, y, 210, 17), _BOARD_HU)
    patch.paint(_box(patch.x, y, 206, 13), -900.0)
    for side in (-1, 1):
        tube = np.sqrt((patch.x - np.float32(95 * side)) ** 2 + y**2)
        patch.paint(tube - np.float32(11), 60.0)
        patch.paint(tube - np.float32(8), -950.0)


def _paint_leads(canvas: Canvas, patient: SimulatedPatient, thing: UnderBack) -> None:
    """Cables along the back, each a thin wire in a plastic sheath."""
    back_mm = back_skin_y(patient)
    patch = _patch(canvas, 150, back_mm - 10, back_mm + 12)
    if patch.empty:
        return
    for number, place in enumerate((-62.0, -28.0, 6.0, 40.0)):
        sway = np.float32(place) + np.float32(9.0) * np.sin(patch.z / np.float32(40 + 7 * number))
        cable = np.sqrt((patch.x - sway) ** 2 + (patch.y - np.float32(back_mm + 2)) ** 2)
        patch.paint(cable - np.float32(2.5), _LEAD_HU)
        patch.paint(cable - np.float32(0.6), _WIRE_HU)
