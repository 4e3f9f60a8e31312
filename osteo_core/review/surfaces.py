"""Smooth surfaces of the outlined bodies and the surrounding bone, small enough for a browser without a GPU.

Marching cubes (Lorensen 1987, the variant of Lewiner 2003 in scikit-image) on the blurred mask, on a grid coarse
enough for the triangle limit; then Taubin smoothing (1995), which avoids shrinkage.

The file: 'OSM1', the length of a JSON header (uint32), the header, padding to 4 bytes, then for each surface of the
header its vertices (float32, LPS mm from the header's origin), normals (int8, 4 a vertex) and triangles (uint32).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from skimage.measure import marching_cubes

from osteo_core.records import FloatArray, Geometry, LabelArray
from osteo_core.review.shown import Shown
from osteo_core.terms import Level

#: Total triangles per series that software rendering can rotate smoothly.
MOST_TRIANGLES = 100_000
#: Surrounding bone: name in the file, HU threshold, and largest share of the triangles.
BONE, _BONE_HU, _BONE_SHARE = "bone", 180.0, 0.45
#: Grid steps to try; the finest within the limit is used.
_STEPS_MM = (1.0, 1.3, 1.6, 2.0, 2.5, 3.2, 4.0)
_BLUR_STEPS = 0.9
_MARGIN_MM, _COARSE_MM = 45.0, 3.0
#: Skip grids expected to exceed the remaining triangles by more than this factor.
_HOPELESS = 1.3
#: Thick slices are interpolated by up to this factor, to hide steps between them.
_FINER = 3.0
#: Smaller pieces of bone are noise.
_LEAST_PIECE_ML = 0.8
_SMOOTHINGS, _SHRINK, _GROW = 8, 0.5, -0.53
_MAGIC = b"OSM1"


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """One closed surface: vertices (n, 3) LPS mm, unit normals (n, 3), triangles (m, 3) as vertex numbers."""

    name: str
    number: int
    vertices_mm: FloatArray
    normals: FloatArray
    triangles: NDArray[np.uint32]


def write_surfaces(path: Path, shown: Shown) -> None:
    """Surfaces of every outlined level and of the bone around them."""
    path.write_bytes(pack(surfaces_of(shown)))


def surfaces_of(shown: Shown, *, most: int = MOST_TRIANGLES) -> list[Surface]:
    """The finest surfaces with at most ``most`` triangles in total; empty if nothing is outlined."""
    boxes = ndimage.find_objects(shown.labels)
    numbers = [n for n, box in enumerate(boxes, start=1) if box is not None]
    if not numbers:
        return []
    for step_mm in _STEPS_MM:
        bodies = [_body(shown.labels, shown.geometry, n, box=boxes[n - 1], step_mm=step_mm) for n in numbers]
        found = [surface for surface in bodies if surface is not None]
        if sum(len(s.triangles) for s in found) <= most * (1 - _BONE_SHARE):
            break
    left = most - sum(len(s.triangles) for s in found)
    near, expected = _near(shown), 0.0
    bone = None
    for step_mm in _STEPS_MM:
        if expected > _HOPELESS * left * step_mm**2:  # the number of triangles falls with the square of the step
            continue
        bone = _bone(shown, near, step_mm=step_mm)
        if bone is None or len(bone.triangles) <= left:
            break
        expected = len(bone.triangles) * step_mm**2
    return found if bone is None or len(bone.triangles) > left else [*found, bone]


def _body(
    labels: LabelArray, geometry: Geometry, number: int, *, box: tuple[slice, slice, slice], step_mm: float
) -> Surface | None:
    mask = np.pad((labels[box] == number).astype(np.float32), 3)
    start = np.array([part.start for part in box], dtype=float) - 3
    return _surface(Level(number).name, number, mask, start, geometry=geometry, level=0.5, step_mm=step_mm)


def _near(shown: Shown) -> NDArray[np.bool_]:
    """(I, J, K) bool: within 45 mm of the bodies, computed on a coarse grid, which suffices for a margin."""
    every = np.maximum(np.floor(_COARSE_MM / np.array(shown.geometry.spacing_mm)).astype(int), 1)
    labels = shown.labels[tuple(slice(None, None, int(n)) for n in every)]
    distance_mm = ndimage.distance_transform_edt(labels == 0, sampling=every * np.array(shown.geometry.spacing_mm))
    near: NDArray[np.bool_] = distance_mm < _MARGIN_MM
    for axis, (n, size) in enumerate(zip(every, shown.labels.shape, strict=True)):
        near = np.repeat(near, n, axis=axis).take(range(size), axis=axis)
    return near


def _bone(shown: Shown, near: NDArray[np.bool_], *, step_mm: float) -> Surface | None:
    """Bone of 180 HU or more ``near`` the bodies, without the bodies themselves."""
    steps = np.array(shown.geometry.spacing_mm)
    every = np.maximum(np.floor(step_mm / steps).astype(int), 1)
    thin = tuple(slice(None, None, int(n)) for n in every)
    hu = ndimage.gaussian_filter(np.asarray(shown.voxels_hu, dtype=np.float32), every * 0.5)[thin]
    bone = (hu >= _BONE_HU) & (shown.labels[thin] == 0) & near[thin]
    pieces, _ = ndimage.label(bone)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    voxel_ml = float(np.prod(steps * every)) / 1000
    kept = sizes[pieces] * voxel_ml >= _LEAST_PIECE_ML
    if not kept.any():
        return None
    affine = np.array(shown.geometry.affine_lps)
    affine[:3, :3] *= every
    grid = Geometry(shape=hu.shape, affine_lps=affine)
    mask = np.pad(kept.astype(np.float32), 2)
    return _surface(BONE, 0, mask, np.full(3, -2.0), geometry=grid, level=0.5, step_mm=step_mm)


def _surface(
    name: str,
    number: int,
    mask: NDArray[np.float32],
    start: FloatArray,
    *,
    geometry: Geometry,
    level: float,
    step_mm: float,
) -> Surface | None:
    """The surface of a mask (float32, zero-padded) whose first voxel has index ``start`` in the grid."""
    steps = np.array(geometry.spacing_mm)
    zoom = np.minimum(steps / step_mm, _FINER)
    blurred = ndimage.gaussian_filter(mask, _BLUR_STEPS * np.maximum(step_mm / steps, 1.0) * 0.5)
    coarse = ndimage.zoom(blurred, zoom, order=1, grid_mode=False) if (np.abs(zoom - 1) > 1e-3).any() else blurred
    if not coarse.min() < level < coarse.max():
        return None
    vertices, faces, _, _ = marching_cubes(coarse, level)
    scale = (np.array(mask.shape) - 1) / np.maximum(np.array(coarse.shape) - 1, 1)
    placed = geometry.to_world_mm(vertices * scale + start)
    triangles = faces.astype(np.uint32)
    smooth = _smoothed(placed, triangles)
    normals = _normals(smooth, triangles)
    if ((smooth - smooth.mean(axis=0)) * normals).sum() < 0:  # the orientation depends on the grid's handedness
        triangles, normals = triangles[:, ::-1].copy(), -normals
    return Surface(name=name, number=number, vertices_mm=smooth, normals=normals, triangles=triangles)


def _smoothed(vertices: FloatArray, triangles: NDArray[np.uint32]) -> FloatArray:
    """Taubin smoothing: moves each vertex towards the mean of its neighbours, then slightly further back."""
    n = len(vertices)
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    links = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    links = ((links + links.T) > 0).astype(float)
    count = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1.0)[:, None]
    for _ in range(_SMOOTHINGS):
        for share in (_SHRINK, _GROW):
            vertices = vertices + share * (links @ vertices / count - vertices)
    return vertices


def _normals(vertices: FloatArray, triangles: NDArray[np.uint32]) -> FloatArray:
    """Unit vertex normals (n, 3): area-weighted means of the triangle normals."""
    corners = vertices[triangles]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(summed, triangles[:, corner], facing)
    found: FloatArray = summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)
    return found


def pack(surfaces: list[Surface]) -> bytes:
    """The surfaces as one file; format in the module docstring."""
    middle = np.concatenate([s.vertices_mm for s in surfaces]).mean(axis=0) if surfaces else np.zeros(3)
    header = {
        "origin_lps_mm": middle.tolist(),
        "surfaces": [
            {"name": s.name, "number": s.number, "vertices": len(s.vertices_mm), "triangles": len(s.triangles)}
            for s in surfaces
        ],
    }
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 4)
    parts = [_MAGIC, np.uint32(len(words)).tobytes(), words]
    for s in surfaces:
        normals = np.zeros((len(s.normals), 4), dtype=np.int8)
        normals[:, :3] = np.rint(127 * s.normals)
        placed = (s.vertices_mm - middle).astype("<f4")
        parts += [placed.tobytes(), normals.tobytes(), s.triangles.astype("<u4").tobytes()]
    return b"".join(parts)
