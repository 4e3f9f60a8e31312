"""A vertebral body with its own axes (left, anterior, superior), independent of the grid on which it was scanned.

All measurements of a body - the trabecular region, the three heights - are made in these axes
and in millimetres, so flips, re-orientations and oblique grids change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.imaging.pieces import largest_piece
from osteo_core.imaging.resample import cropped_grid
from osteo_core.records import FloatArray, Geometry, Segmentation
from osteo_core.terms import Level

#: Empty voxels kept round a body, so that distances and interpolation extend beyond its surface.
_CROP_MARGIN_VOXELS = 2
#: Scoliosis may turn the body's left-right axis from the patient's; a larger turn than this is rejected.
_MAXIMUM_TURN_DEG = 30.0
#: Endplates may be tilted against the line through the bodies; a larger tilt than this is rejected.
_MAXIMUM_TILT_DEG = 30.0
#: In the transverse plane a body is wider than deep; below this ratio it is too round to show its turn.
_MINIMUM_VARIANCE_RATIO = 1.15
_ENDPLATE_STEP_MM = 2.0
_RAY_STEP_MM = 0.25
_RAY_HALF_MM = 35.0
_REFINEMENTS = 2

#: Slices of one body in the full grid, with its margin.
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyFrame:
    """Origin (3,) LPS mm at the body's centroid and (3, 3) axes: columns left, anterior, superior.

    ``upper_plane`` and ``lower_plane`` are (3,) coefficients c of the endplates in these axes:
    superior_mm = c[0] + c[1] * left_mm + c[2] * anterior_mm.
    """

    origin_mm: FloatArray
    axes: FloatArray
    upper_plane: FloatArray
    lower_plane: FloatArray

    def to_body_mm(self, world_mm: FloatArray) -> FloatArray:
        """LPS mm (..., 3) to the body's left, anterior, superior mm (..., 3)."""
        return (np.asarray(world_mm) - self.origin_mm) @ self.axes

    def to_world_mm(self, body_mm: FloatArray) -> FloatArray:
        """The body's left, anterior, superior mm (..., 3) to LPS mm (..., 3)."""
        return np.asarray(body_mm) @ self.axes.T + self.origin_mm


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """One outlined body: mask (I, J, K) bool on a crop of the source grid, the crop's position, the body's axes.

    The mask is the largest connected piece; ``voxels`` counts all voxels of the level, including stray ones.
    """

    level: Level
    voxels: int
    mask: NDArray[np.bool_]
    geometry: Geometry
    box: Box
    frame: BodyFrame

    @property
    def volume_ml(self) -> float:
        """Volume of the outlined voxels in ml."""
        return self.voxels * self.geometry.voxel_volume_ml

    @property
    def step_along_mm(self) -> float:
        """Extent of one voxel along the body's superior axis in mm."""
        return float(np.abs(self.frame.axes[:, 2] @ self.geometry.affine_lps[:3, :3]).max())


def find_bodies(segmentation: Segmentation) -> tuple[Body, ...]:
    """The bodies of a segmentation from head to foot, each with its own axes."""
    boxes = ndimage.find_objects(segmentation.labels)
    crops: dict[Level, _Crop] = {}
    for found in segmentation.levels:
        box = boxes[found.level - 1] if found.level <= len(boxes) else None
        if box is not None:
            crops[found.level] = _crop(segmentation, found.level, box=box)
    centroids = {level: _centroid_mm(crop.mask, crop.geometry) for level, crop in crops.items()}
    bodies = []
    for level, crop in sorted(crops.items()):
        frame = _fit_frame(crop.mask, crop.geometry, superior=_line_of_bodies(level, centroids))
        bodies.append(
            Body(level=level, voxels=crop.voxels, mask=crop.mask, geometry=crop.geometry, box=crop.box, frame=frame)
        )
    return tuple(bodies)


def voxel_centres_mm(geometry: Geometry) -> FloatArray:
    """(I, J, K, 3) LPS mm of all voxel centres; meant for crops."""
    index = np.stack(np.meshgrid(*[np.arange(float(n)) for n in geometry.shape], indexing="ij"), axis=-1)
    return geometry.to_world_mm(index)


def chords_mm(body: Body, *, starts_mm: FloatArray, direction: int) -> tuple[FloatArray, FloatArray]:
    """Where rays through the body enter and leave it.

    ``starts_mm`` (n, 3) in the body's axes; each ray runs along axis ``direction`` (0 left, 1 anterior,
    2 superior) on both sides of its start. Returns two (n,) arrays in mm along that axis; NaN where a
    ray misses the body.
    """
    return _chords(body.mask, body.geometry, frame=body.frame, starts_mm=starts_mm, direction=direction)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Crop:
    voxels: int
    mask: NDArray[np.bool_]
    geometry: Geometry
    box: Box


def _crop(segmentation: Segmentation, level: Level, *, box: Box) -> _Crop:
    mask = segmentation.labels[box] == level
    voxels = int(mask.sum())
    # A distant stray voxel would tilt the axes and enlarge the crop.
    inner = ndimage.find_objects(largest_piece(mask).astype(np.uint8))[0]
    box = _with_margin(_shifted(inner, box), shape=segmentation.geometry.shape)
    mask = largest_piece(segmentation.labels[box] == level)
    start = (box[0].start, box[1].start, box[2].start)
    geometry = cropped_grid(segmentation.geometry, start, mask.shape)
    return _Crop(voxels=voxels, mask=mask, geometry=geometry, box=box)


def _shifted(inner: Box, outer: Box) -> Box:
    parts = [slice(o.start + i.start, o.start + i.stop) for i, o in zip(inner, outer, strict=True)]
    return parts[0], parts[1], parts[2]


def _with_margin(box: Box, *, shape: tuple[int, int, int]) -> Box:
    margin = _CROP_MARGIN_VOXELS
    parts = [slice(max(p.start - margin, 0), min(p.stop + margin, n)) for p, n in zip(box, shape, strict=True)]
    return parts[0], parts[1], parts[2]


def _centroid_mm(mask: NDArray[np.bool_], geometry: Geometry) -> FloatArray:
    return geometry.to_world_mm(np.argwhere(mask).mean(axis=0))


def _line_of_bodies(level: Level, centroids: Mapping[Level, FloatArray]) -> FloatArray:
    """Unit vector (3,) in LPS towards the head along the line through the neighbouring bodies' centroids."""
    above = centroids.get(Level(level - 1)) if level > min(Level) else None
    below = centroids.get(Level(level + 1)) if level < max(Level) else None
    own = centroids[level]
    upper = above if above is not None else own
    lower = below if below is not None else own
    line = upper - lower
    length = float(np.linalg.norm(line))
    # Without a neighbour there is no line: the superior axis of the patient is used instead.
    return line / length if length > 1.0 else np.array([0.0, 0.0, 1.0])


def _axes_from(superior: FloatArray, anterior: FloatArray) -> FloatArray:
    up = superior / np.linalg.norm(superior)
    front = anterior - up * float(anterior @ up)
    front = front / np.linalg.norm(front)
    return np.stack([np.cross(up, front), front, up], axis=1)


def _fit_frame(mask: NDArray[np.bool_], geometry: Geometry, *, superior: FloatArray) -> BodyFrame:
    points = geometry.to_world_mm(np.argwhere(mask).astype(float))
    flat = np.zeros(3)
    axes = _axes_from(superior, np.array([0.0, -1.0, 0.0]))
    frame = BodyFrame(origin_mm=points.mean(axis=0), axes=axes, upper_plane=flat, lower_plane=flat)
    for _ in range(_REFINEMENTS):
        frame = replace(frame, axes=_turn_to_width(frame, points))
        frame = _tilt_to_endplates(mask, geometry, frame=frame)
    upper, lower = _endplate_planes(mask, geometry, frame=frame)
    return replace(frame, upper_plane=upper, lower_plane=lower)


def _turn_to_width(frame: BodyFrame, points: FloatArray) -> FloatArray:
    """Axes turned about the superior one so that left runs along the body's widest direction."""
    plane = frame.to_body_mm(points)[:, :2]
    values, vectors = np.linalg.eigh(np.cov(plane.T))
    widest = vectors[:, 1] * np.sign(vectors[0, 1] or 1.0)
    turn = np.degrees(np.arctan2(widest[1], widest[0]))
    if values[1] < _MINIMUM_VARIANCE_RATIO * values[0] or abs(turn) > _MAXIMUM_TURN_DEG:
        return frame.axes
    left = frame.axes[:, :2] @ widest
    return _axes_from(frame.axes[:, 2], np.cross(left, frame.axes[:, 2]))


def _tilt_to_endplates(mask: NDArray[np.bool_], geometry: Geometry, *, frame: BodyFrame) -> BodyFrame:
    """The frame with its superior axis along the mean normal of both endplates."""
    upper, lower = _endplate_planes(mask, geometry, frame=frame)
    slope = (upper[1:] + lower[1:]) / 2
    if not np.isfinite(slope).all() or np.degrees(np.arctan(np.linalg.norm(slope))) > _MAXIMUM_TILT_DEG:
        return frame
    superior = frame.axes @ np.array([-slope[0], -slope[1], 1.0])
    return replace(frame, axes=_axes_from(superior, frame.axes[:, 1]))


def _endplate_planes(mask: NDArray[np.bool_], geometry: Geometry, *, frame: BodyFrame) -> tuple[FloatArray, FloatArray]:
    """Least-squares planes through the central part of the upper and the lower endplate; NaN if it is not found."""
    spread = frame.to_body_mm(geometry.to_world_mm(np.argwhere(mask).astype(float))).std(axis=0)
    # A uniform body spans about 3.5 SD; 1.2 SD either side is its central two thirds.
    left, front = (np.arange(-1.2 * s, 1.2 * s + 1e-9, _ENDPLATE_STEP_MM) for s in spread[:2])
    grid = np.stack(np.meshgrid(left, front, [0.0], indexing="ij"), axis=-1).reshape(-1, 3)
    low, high = _chords(mask, geometry, frame=frame, starts_mm=grid, direction=2)
    found = np.isfinite(low)
    if found.sum() < 3:
        return np.full(3, np.nan), np.full(3, np.nan)
    design = np.column_stack([np.ones(found.sum()), grid[found, :2]])
    upper = np.linalg.lstsq(design, high[found], rcond=None)[0]
    lower = np.linalg.lstsq(design, low[found], rcond=None)[0]
    return upper, lower


def _chords(
    mask: NDArray[np.bool_], geometry: Geometry, *, frame: BodyFrame, starts_mm: FloatArray, direction: int
) -> tuple[FloatArray, FloatArray]:
    offsets = np.arange(-_RAY_HALF_MM, _RAY_HALF_MM + _RAY_STEP_MM / 2, _RAY_STEP_MM)
    points = np.repeat(starts_mm[:, None, :], len(offsets), axis=1)
    points[:, :, direction] += offsets
    index = geometry.to_index(frame.to_world_mm(points))
    inside = ndimage.map_coordinates(mask.astype(np.float32), np.moveaxis(index, -1, 0), order=1) >= 0.5
    hit = inside.any(axis=1)
    first = offsets[np.argmax(inside, axis=1)] - _RAY_STEP_MM / 2
    last = offsets[inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)] + _RAY_STEP_MM / 2
    base = starts_mm[:, direction]
    return np.where(hit, base + first, np.nan), np.where(hit, base + last, np.nan)
