"""Painting with signed distances: negative inside, in mm; edges blend over one voxel (partial volume).

Axis order of every array here: (z, y, x), patient LPS mm. Arrays are float32 unless a step needs more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Point = tuple[float, float, float]

#: Less than any voxel; added so that a window includes its last one.
_WINDOW_MM = 1e-2


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """A regular grid: centres of its voxels along each axis in mm, ascending."""

    x: Array
    y: Array
    z: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """(nz, ny, nx)."""
        return len(self.z), len(self.y), len(self.x)

    def window(self, low: Point, high: Point) -> tuple[slice, slice, slice]:
        """Index slices (z, y, x) of the voxels in the box from ``low`` to ``high`` (x, y, z in mm)."""
        found = []
        for axis, lower, upper in zip((self.x, self.y, self.z), low, high, strict=True):
            found.append(slice(int(np.searchsorted(axis, lower)), int(np.searchsorted(axis, upper))))
        return found[2], found[1], found[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A local system: origin in mm and orthonormal rows u (left), v (back), w (up)."""

    origin: NDArray[np.float64]
    axes: NDArray[np.float64]

    def to_world(self, local: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Local (u, v, w) to patient mm."""
        return self.origin + np.asarray(local, dtype=np.float64) @ self.axes


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """Views of a canvas inside a box, with broadcastable coordinates."""

    x: Array
    y: Array
    z: Array
    hu: Array
    cover: Array | None
    width_mm: float
    fields: tuple[Array, ...] = ()

    @property
    def empty(self) -> bool:
        """True if the box misses the canvas."""
        return self.hu.size == 0

    def local(self, frame: Frame) -> tuple[Array, Array, Array]:
        """u, v, w of every voxel in a local system, each (z, y, x)."""
        origin = frame.origin.astype(np.float32)
        x, y, z = self.x - origin[0], self.y - origin[1], self.z - origin[2]
        u, v, w = (row[2] * z + row[1] * y + row[0] * x for row in frame.axes.astype(np.float32))
        return u, v, w

    def share(self, distance: Array, *, width_mm: float | None = None) -> Array:
        """Share of each voxel inside the surface: 1 inside, 0 outside, linear across the edge."""
        found: Array = np.clip(np.float32(0.5) - distance / np.float32(width_mm or self.width_mm), 0, 1)
        return found

    def paint(self, distance: Array, hu: float | Array, *, width_mm: float | None = None) -> None:
        """Paint over what is there already; ``distance`` in mm, negative inside."""
        self.blend(self.share(distance, width_mm=width_mm), hu)

    def blend(self, share: Array, hu: float | Array) -> None:
        """Mix ``share`` of ``hu`` into each voxel."""
        below = self.hu
        below += share * (hu - below)
        if self.cover is not None:
            cover = self.cover
            cover += share * (1 - cover)


@dataclass(frozen=True, kw_only=True, eq=False)
class Canvas:
    """HU on a grid. With ``cover``, a layer to lay over another: HU premultiplied by the covered share.

    ``fields`` are smooth random fields of unit SD on the same grid, coarse to fine, for organic
    edges and textures.
    """

    grid: Grid
    hu: Array
    cover: Array | None
    width_mm: float
    fields: tuple[Array, ...] = ()

    def patch(self, low: Point, high: Point) -> Patch:
        """The part inside a box (x, y, z in mm)."""
        box = self.grid.window(low, high)
        return Patch(
            x=self.grid.x[None, None, box[2]],
            y=self.grid.y[None, box[1], None],
            z=self.grid.z[box[0], None, None],
            hu=self.hu[box],
            cover=None if self.cover is None else self.cover[box],
            width_mm=self.width_mm,
            fields=tuple(field[box] for field in self.fields),
        )

    def window_of(self, patch: Patch) -> tuple[slice, slice, slice]:
        """Index slices of a patch of this canvas."""
        low = (float(patch.x.min()), float(patch.y.min()), float(patch.z.min()))
        high = (float(patch.x.max()) + _WINDOW_MM, float(patch.y.max()) + _WINDOW_MM, float(patch.z.max()) + _WINDOW_MM)
        return self.grid.window(low, high)

    def around(
        self, points: Sequence[Sequence[float] | NDArray[np.float64]] | NDArray[np.float64], margin_mm: float
    ) -> Patch:
        """The part within a margin around points in mm."""
        corners = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        low, high = corners.min(axis=0) - margin_mm, corners.max(axis=0) + margin_mm
        return self.patch((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def rotation(tilt: float, lean: float, turn: float) -> NDArray[np.float64]:
    """Rows u, v, w of a frame. Radians: ``tilt`` tips w to the back, ``lean`` to the left, ``turn`` twists about w."""
    ct, st, cl, sl, cr, sr = *_cs(tilt), *_cs(lean), *_cs(turn)
    about_x = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
    about_y = np.array([[cl, 0, -sl], [0, 1, 0], [sl, 0, cl]])
    about_w = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    found: NDArray[np.float64] = about_w @ about_x @ about_y
    return found


def _cs(angle: float) -> tuple[float, float]:
    return float(np.cos(angle)), float(np.sin(angle))


def smooth_max(a: Array, b: Array, *, round_mm: float) -> Array:
    """Larger of two distances, with its edge rounded."""
    difference = a - b
    return np.float32(0.5) * (a + b + np.sqrt(difference * difference + np.float32(round_mm * round_mm)))


def smooth_min(a: Array, b: Array, *, round_mm: float) -> Array:
    """Smaller of two distances, with the groove between them filled."""
    difference = a - b
    return np.float32(0.5) * (a + b - np.sqrt(difference * difference + np.float32(round_mm * round_mm)))


def ellipsoid(patch: Patch, centre: Sequence[float], radii: Sequence[float]) -> Array:
    """Distance (radial, exact on the surface) to an axis-aligned ellipsoid, broadcast over the patch."""
    x, y, z = ((axis - c) for axis, c in zip((patch.x, patch.y, patch.z), centre, strict=True))
    rx, ry, rz = radii
    unit = np.sqrt((x / rx) ** 2 + (y / ry) ** 2 + (z / rz) ** 2) + np.float32(1e-3)
    gradient = np.sqrt((x / rx**2) ** 2 + (y / ry**2) ** 2 + (z / rz**2) ** 2) + np.float32(1e-3 / max(radii))
    return np.asarray(unit * (unit - 1) / gradient, dtype=np.float32)


def superellipse(x: Array, y: Array, *, square: float | Array) -> Array:
    """Norm of (x, y) for a shape between ellipse (square 0) and rounded box (1); x and y in units of half-widths."""
    x2, y2 = x * x, y * y
    box = np.float32(square) if isinstance(square, float) else square
    mixed = (1 - box) * (x2 + y2) + box * np.sqrt(x2 * x2 + y2 * y2)
    return np.asarray(np.sqrt(mixed) + np.float32(1e-3))


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """A tapered rod between two points; ``flat`` > 1 stretches its section along w."""

    start: Point
    end: Point
    start_mm: float
    end_mm: float
    flat: float = 1.0


def capsule(u: Array, v: Array, w: Array, rod: Capsule) -> Array:
    """Distance to a capsule; exact if ``flat`` is 1."""
    a, b = np.array(rod.start, dtype=np.float32), np.array(rod.end, dtype=np.float32)
    ab = b - a
    scale = np.float32(1.0 / rod.flat)
    pu, pv, pw = u - a[0], v - a[1], (w - a[2]) * scale
    ab[2] *= scale
    t = np.clip((pu * ab[0] + pv * ab[1] + pw * ab[2]) / max(float(ab @ ab), 1e-6), 0, 1)
    du, dv, dw = pu - t * ab[0], pv - t * ab[1], pw - t * ab[2]
    found: Array = np.sqrt(du * du + dv * dv + dw * dw) - (rod.start_mm + t * np.float32(rod.end_mm - rod.start_mm))
    return found


def smooth_fields(grid: Grid, rng: np.random.Generator, lengths_mm: Sequence[float]) -> tuple[Array, ...]:
    """Random fields of about unit SD and the given correlation lengths, made on coarse knots."""
    return tuple(_smooth_field(grid, rng, length) for length in lengths_mm)


def _smooth_field(grid: Grid, rng: np.random.Generator, length_mm: float) -> Array:
    weights = [_spline_weights(axis, length_mm) for axis in (grid.z, grid.y, grid.x)]
    knots = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
    rows = np.tensordot(weights[1], knots, axes=(1, 1))  # y, z', x'
    rows = np.tensordot(rows, weights[2], axes=(2, 1))  # y, z', x
    field = np.tensordot(weights[0], rows, axes=(1, 1))  # z, y, x
    field *= np.float32(1.0 / 0.33)  # SD of a cubic B-spline surface over unit white knots, about 0.7 ** 3
    return np.ascontiguousarray(field)


def _spline_weights(axis: Array, length_mm: float) -> Array:
    """(n, knots) cubic B-spline weights."""
    position = (axis - axis[0]) / np.float32(length_mm) + 1.0
    knots = np.arange(int(np.ceil(position[-1])) + 3, dtype=np.float32)
    t = np.abs(position[:, None] - knots[None, :])
    near = 2.0 / 3.0 - t * t + t * t * t / 2.0
    far = (2.0 - t) ** 3 / 6.0
    return np.where(t < 1, near, np.where(t < 2, far, 0)).astype(np.float32)
