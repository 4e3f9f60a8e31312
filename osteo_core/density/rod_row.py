"""A row of rods under the back, and the HU along it beside each vertebra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import ndimage

from osteo_core.density.rods import FEWEST, INNER_SHARE, RADII_MM, UNEVEN_HU, UNEVEN_SHARE, Rod, find_rods
from osteo_core.imaging.resample import canonical
from osteo_core.morphometry.frame import Body
from osteo_core.records import FloatArray, Geometry, Volume
from osteo_core.terms import Level

#: Largest angle between a row and the left-right axis, and largest distance of a rod from the row.
_ROW_TURN_DEG, _OFF_ROW_MM = 15.0, 3.0
#: The profile along a row extends this far beyond the outermost rods that stand out.
_BESIDE_MM = 90.0
#: A disc up to the first is air; up to the second, or outside the round field of view, nothing was measured.
_AIR_HU, _NOTHING_HU = -200.0, -1200.0
#: Width of a phantom's base and cushion around its rods, mm.
_BASE_MM = 14.0


@dataclass(frozen=True, kw_only=True, eq=False)
class RodRow:
    """Rods side by side on one line, and the HU along it.

    ``seen_mm`` (n,): positions of the rods that stand out, in mm along the row from the patient's right to left.
    ``along_mm`` (m,): finer positions on the same line. ``hu``: for each vertebra the (m,) mean HU there, on its own
    slices, of a disc of 0.6 of the rods' radius; NaN where the disc leaves the round field of view or is not uniform.
    A position in the air beside a phantom has the HU of air: no rod is there. ``box_mm`` (2, 3): corners of the
    phantom with its base, LPS mm.
    """

    seen_mm: FloatArray
    radius_mm: float
    along_mm: FloatArray
    hu: Mapping[Level, FloatArray]
    box_mm: FloatArray


def find_rod_row(volume: Volume, bodies: Sequence[Body]) -> RodRow | None:
    """The row with the most straight rods behind these bodies; None if fewer than two lie on a line.

    The volume may have any orientation.
    """
    if not bodies:
        return None
    voxels, geometry = canonical(volume.voxels_hu, volume.geometry)
    volume = Volume(voxels_hu=voxels, geometry=geometry)
    rods = find_rods(volume, bodies_mm=np.array([body.frame.origin_mm for body in bodies]))
    row = _row_of(rods)
    if len(row) < FEWEST:
        return None
    return _profile(volume, bodies, row)


def _row_of(rods: Sequence[Rod]) -> tuple[Rod, ...]:
    """The longest set of rods on one line that runs nearly from right to left; () if there is none."""
    best: tuple[Rod, ...] = ()
    for a, b in combinations(rods, 2):
        step = b.place_mm - a.place_mm
        length = float(np.hypot(*step))
        if length < 2 * min(RADII_MM) or abs(step[1]) > np.tan(np.radians(_ROW_TURN_DEG)) * abs(step[0]):
            continue
        normal = np.array([-step[1], step[0]]) / length
        row = tuple(rod for rod in rods if abs(float(normal @ (rod.place_mm - a.place_mm))) <= _OFF_ROW_MM)
        best = max(best, row, key=len)
    return best


def _profile(volume: Volume, bodies: Sequence[Body], row: Sequence[Rod]) -> RodRow:
    places = np.array([rod.place_mm for rod in row])
    lean = np.median([rod.lean for rod in row], axis=0)
    origin, z_mm = places.mean(axis=0), float(np.mean([rod.z_mm for rod in row]))
    direction = np.linalg.svd(places - origin)[2][0]
    direction = direction * np.sign(direction[0])
    seen = (places - origin) @ direction
    radius = float(np.median([rod.radius_mm for rod in row]))
    along = np.arange(seen.min() - _BESIDE_MM, seen.max() + _BESIDE_MM, 1.0)
    line = Rod(place_mm=origin, lean=lean, z_mm=z_mm, radius_mm=radius, contrast_hu=0.0)
    hu = {body.level: _along(volume, body, line, along[:, None] * direction) for body in bodies}
    return RodRow(seen_mm=seen, radius_mm=radius, along_mm=along, hu=hu, box_mm=_box_of(volume, line, places))


def _box_of(volume: Volume, line: Rod, places: FloatArray) -> FloatArray:
    """(2, 3) corners in LPS mm of the rods with their base, over all slices of the scan."""
    length = volume.geometry.spacing_mm[2] * volume.geometry.shape[2]
    z = float(volume.geometry.affine_lps[2, 3]) + np.array([0.0, length])
    moved = (line.at(z) - line.place_mm)[:, None, :] + places[None, :, :]
    margin = line.radius_mm + _BASE_MM
    low, high = moved.min(axis=(0, 1)) - margin, moved.max(axis=(0, 1)) + margin
    return np.array([[*low, z[0]], [*high, z[1]]])


def _slices_of(body: Body, geometry: Geometry) -> range:
    """Slices of the volume beside the middle four fifths of a body."""
    heights = body.geometry.to_world_mm(np.argwhere(body.mask).astype(float))[:, 2]
    low, high = np.quantile(heights, (0.1, 0.9))
    first, last = ((z - geometry.affine_lps[2, 3]) / geometry.affine_lps[2, 2] for z in (low, high))
    n = geometry.shape[2]
    return range(int(np.clip(round(first), 0, n - 1)), int(np.clip(round(last), 0, n - 1)) + 1)


def _along(volume: Volume, body: Body, line: Rod, offsets_mm: FloatArray) -> FloatArray:
    """(m,) mean HU of a disc at each position of the row, over the body's slices; NaN if it is cut or not uniform."""
    geometry = volume.geometry
    inner = INNER_SHARE * line.radius_mm
    steps = np.arange(-inner, inner + 1e-6, geometry.spacing_mm[0])
    disc = np.array([(x, y) for x in steps for y in steps if np.hypot(x, y) <= inner])
    slices = _slices_of(body, geometry)
    mean = np.zeros((len(offsets_mm), len(disc)))
    for k in slices:
        z = float(geometry.affine_lps[2, 3]) + k * geometry.spacing_mm[2]
        points = line.at(z) + offsets_mm[:, None, :] + disc[None, :, :]
        index = np.moveaxis((points - geometry.affine_lps[:2, 3]) / np.diag(geometry.affine_lps)[:2], -1, 0)
        image = volume.voxels_hu[:, :, k].astype(np.float32)
        mean += ndimage.map_coordinates(image, index, order=1, mode="constant", cval=np.nan)
    mean /= len(slices)
    hu, spread = mean.mean(axis=1), mean.std(axis=1)
    even = (spread <= UNEVEN_HU + UNEVEN_SHARE * np.abs(hu)) & (hu > _AIR_HU)
    z = float(geometry.affine_lps[2, 3]) + slices[len(slices) // 2] * geometry.spacing_mm[2]
    in_air = (hu > _NOTHING_HU) & (hu <= _AIR_HU) & _is_in_circle(line.at(z) + offsets_mm, line.radius_mm, geometry)
    return np.where(even | in_air, hu, np.nan)


def _is_in_circle(places_mm: FloatArray, radius_mm: float, geometry: Geometry) -> FloatArray:
    """(m,) whether discs at positions (m, 2) lie in the round field of view; beyond it, padding may look like air."""
    half = np.array(geometry.shape[:2]) * np.array(geometry.spacing_mm[:2]) / 2
    middle = geometry.affine_lps[:2, 3] + np.diag(geometry.affine_lps)[:2] * (np.array(geometry.shape[:2]) - 1) / 2
    return np.asarray(np.hypot(*(places_mm - middle).T) < half.min() - radius_mm)
