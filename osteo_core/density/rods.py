"""Straight rods under the patient's back: candidates for the rods of a calibration phantom.

A rod has a round, uniform cross-section that stays in place from slice to slice; bones, vessels and bowel do not. The
search uses mean images of slabs along the patient, so that noise averages out, and links its findings from slab to
slab. Whether a row of such rods is a known phantom is decided in `osteo_core.density.calibration.in_scan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteo_core.imaging.resample import cropped_grid
from osteo_core.records import FloatArray, Geometry, Volume

#: Radii in mm that are searched: the rods of phantoms are 12 to 26 mm across.
RADII_MM = (5.5, 7.0, 8.5, 10.0, 12.0)
#: The search begins this far behind the centres of the vertebral bodies: behind the laminae of a thin person.
_BEHIND_BODIES_MM = 42.0
_SLAB_MM = 18.0
#: Pixels are averaged to about this size before the search, which then takes a fraction of a second.
_PIXEL_MM = 1.4
_SLABS = 6
#: Reach of the search box to either side of the bodies and behind them, mm: it holds the widest phantom.
_ASIDE_MM, _DEPTH_MM = 190.0, 190.0
#: The search ends if a first look at three slabs finds fewer rods than this: there is no phantom. A phantom of which
#: one rod resembles its base may show only two.
FEWEST, _FIRST_LOOK = 2, 3
#: Least contrast of a rod with its surroundings, HU; rods that resemble their base are found by their place in the row.
_CONTRAST_HU = 22.0
#: Largest SD in a rod's inner part in the mean of a slab: so many HU plus a share of its contrast (edge blur).
UNEVEN_HU, UNEVEN_SHARE = 9.0, 0.10
_SECTORS = 8
#: HU are clipped so that air beside the base does not outweigh a rod's own contrast, nor metal that of its neighbours.
_CLIPPED_HU = (-100.0, 700.0)
#: Largest lean of a rod against the scanner's axis (mm per mm), and largest distance of a spot from the rod's line.
_LEAN, _OFF_LINE_MM = 0.09, 2.0
_LINK_MM = 5.0
#: Least share of the slabs in which a rod must be seen.
_SEEN_SHARE = 0.75
INNER_SHARE = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Rod:
    """A straight rod: (x, y) in LPS mm at height ``z_mm``, its lean (dx/dz, dy/dz), radius in mm and contrast in HU."""

    place_mm: FloatArray
    lean: FloatArray
    z_mm: float
    radius_mm: float
    contrast_hu: float

    def at(self, z_mm: FloatArray | float) -> FloatArray:
        """(..., 2) x and y in LPS mm at heights z."""
        return self.place_mm + (np.asarray(z_mm)[..., None] - self.z_mm) * self.lean


@dataclass(frozen=True, kw_only=True, eq=False)
class _Spot:
    """A round, uniform spot in the mean image of one slab."""

    place_mm: FloatArray
    z_mm: float
    radius_mm: float
    contrast_hu: float


def find_rods(volume: Volume, *, bodies_mm: FloatArray) -> tuple[Rod, ...]:
    """Straight rods behind the vertebral bodies.

    ``volume`` has axes left, posterior, superior (`imaging.resample.canonical`); ``bodies_mm`` (n, 3) are centres of
    the vertebral bodies in LPS mm. Returns the rods from the patient's right to left; () if there are none.
    """
    low, high = float(bodies_mm[:, 2].min()), float(bodies_mm[:, 2].max())
    box = _search_box(volume.geometry, bodies_mm)
    if any(side.start >= side.stop for side in box):
        return ()
    starts = _slab_starts(volume.geometry, low - _SLAB_MM, high + _SLAB_MM)
    seen: dict[int, list[_Spot]] = {}
    for number in _first_look(len(starts)):
        seen[number] = _spots_of_slab(volume, starts[number], box)
    if sum(len(spots) >= FEWEST for spots in seen.values()) < _SEEN_SHARE * len(seen):
        return ()
    spots = [seen[n] if n in seen else _spots_of_slab(volume, start, box) for n, start in enumerate(starts)]
    return _linked(spots)


def _first_look(n: int) -> tuple[int, ...]:
    return tuple(sorted({round(x) for x in np.linspace(0, n - 1, min(n, _FIRST_LOOK))}))


def _search_box(geometry: Geometry, bodies_mm: FloatArray) -> tuple[slice, slice]:
    """The search box as slices of the first two axes; empty if the image does not reach it."""
    middle, back = bodies_mm[:, 0].mean(), bodies_mm[:, 1].min() + _BEHIND_BODIES_MM
    corners = np.array([[middle - _ASIDE_MM, back, 0.0], [middle + _ASIDE_MM, back + _DEPTH_MM, 0.0]])
    index = np.clip(np.rint(geometry.to_index(corners)[:, :2]).astype(int), 0, np.array(geometry.shape[:2]))
    return slice(index[0, 0], index[1, 0]), slice(index[0, 1], index[1, 1])


def _spots_of_slab(volume: Volume, slab: slice, box: tuple[slice, slice]) -> list[_Spot]:
    image = volume.voxels_hu[box[0], box[1], slab].mean(axis=2, dtype=np.float32)
    z_mm = float(volume.geometry.affine_lps[2, 3]) + volume.geometry.spacing_mm[2] * (slab.start + slab.stop - 1) / 2
    geometry = cropped_grid(volume.geometry, (box[0].start, box[1].start, 0), (*image.shape, 1))
    step = max(round(_PIXEL_MM / geometry.spacing_mm[0]), 1)
    rows, columns = image.shape[0] // step, image.shape[1] // step
    blocks = image[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3))
    affine = geometry.affine_lps @ np.diag([step, step, 1.0, 1.0])
    affine[:3, 3] = geometry.to_world_mm(np.array([(step - 1) / 2, (step - 1) / 2, 0.0]))
    return _spots(blocks, z_mm, Geometry(shape=(rows, columns, 1), affine_lps=affine))


def _slab_starts(geometry: Geometry, low_mm: float, high_mm: float) -> list[slice]:
    """Slices of up to six slabs, evenly spaced between two heights."""
    step = float(geometry.spacing_mm[2])
    first_z = float(geometry.affine_lps[2, 3])
    n = geometry.shape[2]
    first = int(np.clip(np.ceil((low_mm - first_z) / step), 0, n - 1))
    last = int(np.clip(np.floor((high_mm - first_z) / step), first, n - 1))
    thick = max(round(_SLAB_MM / step), 1)
    count = min(max((last - first + 1) // thick, 1), _SLABS)
    starts = np.linspace(first, max(last + 1 - thick, first), count).round().astype(int)
    return [slice(int(start), int(min(start + thick, n))) for start in starts]


def _spots(image: FloatArray, z_mm: float, geometry: Geometry) -> list[_Spot]:
    """Round, uniform spots of one mean image; of those that overlap, the strongest."""
    pixel = float(geometry.spacing_mm[0])
    if min(image.shape) < 2 * RADII_MM[0] / pixel:
        return []
    calm = np.clip(image, *_CLIPPED_HU)
    found: list[tuple[float, _Spot]] = []
    for radius in RADII_MM:
        strength = radius**2 / 2 / pixel**2 * -ndimage.gaussian_laplace(calm, radius / np.sqrt(2.0) / pixel)
        size = max(int(radius / pixel), 3)
        for sign in (1.0, -1.0):
            signed = sign * strength
            peaks = np.argwhere((signed == ndimage.maximum_filter(signed, size=size)) & (signed > _CONTRAST_HU / 3))
            for i, j in peaks:
                contrast = _contrast(calm, (int(i), int(j)), radius / pixel)
                if contrast is None or contrast * sign <= 0:
                    continue
                place = geometry.to_world_mm(np.array([i, j, 0.0]))[:2]
                spot = _Spot(place_mm=place, z_mm=z_mm, radius_mm=radius, contrast_hu=contrast)
                found.append((float(signed[i, j]), spot))
    found.sort(key=lambda one: -one[0])
    best: list[_Spot] = []
    for _, spot in found:
        if all(np.hypot(*(spot.place_mm - other.place_mm)) > spot.radius_mm + 2.0 for other in best):
            best.append(spot)
    return best


def _contrast(image: FloatArray, at: tuple[int, int], radius: float) -> float | None:
    """HU of a disc minus its surroundings; None unless the disc is uniform and has an edge all round."""
    reach = int(np.ceil(1.7 * radius))
    i, j = at
    if i < reach or j < reach or i + reach >= image.shape[0] or j + reach >= image.shape[1]:
        return None
    box = image[i - reach : i + reach + 1, j - reach : j + reach + 1]
    y, x = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    distance = np.hypot(x, y)
    inner = box[distance <= INNER_SHARE * radius]
    ring = (distance >= 1.35 * radius) & (distance <= 1.65 * radius)
    sector = ((np.arctan2(y, x) + np.pi) / (2 * np.pi) * _SECTORS).astype(int) % _SECTORS
    if not np.bincount(sector[ring], minlength=_SECTORS).all():  # pixels too coarse to show an edge all round
        return None
    centre = float(np.median(inner))
    around = centre - float(np.median(box[ring]))
    if abs(around) < _CONTRAST_HU or inner.std() > UNEVEN_HU + UNEVEN_SHARE * abs(around):
        return None
    edges = [centre - float(np.median(box[ring & (sector == s)])) for s in range(_SECTORS)]
    if min(e * np.sign(around) for e in edges) < 0.4 * min(abs(around), 60.0):
        return None
    return around


def _linked(slabs: Sequence[Sequence[_Spot]]) -> tuple[Rod, ...]:
    """Spots that follow one straight line through the slabs, as rods."""
    needed = max(int(np.ceil(_SEEN_SHARE * len(slabs))), 1)
    rods: list[Rod] = []
    used: set[int] = set()
    for start in range(len(slabs) - needed + 1):
        for spot in slabs[start]:
            if id(spot) in used:
                continue
            chain = _follow(spot, slabs[start + 1 :])
            rod = _straight(chain) if len(chain) >= needed else None
            if rod is not None:
                used.update(id(one) for one in chain)
                rods.append(rod)
    return tuple(sorted(rods, key=lambda rod: float(rod.place_mm[0])))


def _follow(spot: _Spot, slabs: Sequence[Sequence[_Spot]]) -> list[_Spot]:
    chain = [spot]
    for spots in slabs:
        last = chain[-1]
        near = [
            one
            for one in spots
            if np.hypot(*(one.place_mm - last.place_mm)) <= _LINK_MM + _LEAN * abs(one.z_mm - last.z_mm)
            and one.contrast_hu * last.contrast_hu > 0
        ]
        if near:
            chain.append(min(near, key=lambda one: float(np.hypot(*(one.place_mm - last.place_mm)))))
    return chain


def _straight(chain: Sequence[_Spot]) -> Rod | None:
    """The line through the spots; None if they do not lie on one or it leans too much."""
    z = np.array([spot.z_mm for spot in chain])
    places = np.array([spot.place_mm for spot in chain])
    middle = float(z.mean())
    if len(chain) > 1:
        lean, at = np.polyfit(z - middle, places, 1)
    else:
        lean, at = np.zeros(2), places[0]
    off = np.abs(at + (z - middle)[:, None] * lean - places).max()
    if off > _OFF_LINE_MM or np.abs(lean).max() > _LEAN:
        return None
    return Rod(
        place_mm=at,
        lean=lean,
        z_mm=middle,
        radius_mm=float(np.median([spot.radius_mm for spot in chain])),
        contrast_hu=float(np.median([spot.contrast_hu for spot in chain])),
    )
