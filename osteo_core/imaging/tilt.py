"""Corrects gantry tilt, which shifts slices of a stack relative to each other.

Each slice is shifted within its own plane until the stack is perpendicular to it. Slices are not
interpolated with each other, so the resolution along the stack is unchanged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.imaging.hounsfield import AIR_HU, as_int16_if_lossless
from osteo_core.limits.acquisition import GANTRY_TILT_IGNORED, GANTRY_TILT_MAXIMUM
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import FloatArray, Geometry, Volume
from osteo_core.terms import Step

#: Slices shifted farther than this times the width of the image: its voxel sizes are damaged, and the grid would fill
#: the memory. A scan of 1 m at the largest tilt is shifted by about its width.
_MOST_WIDENING = 4


def tilt_deg(affine_lps: FloatArray) -> float:
    """Angle between the stacking direction (third column) and the normal of the slices, in degrees."""
    normal = np.cross(affine_lps[:3, 0], affine_lps[:3, 1])
    along = affine_lps[:3, 2]
    cosine = abs(normal @ along) / (np.linalg.norm(normal) * np.linalg.norm(along))
    return float(np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0))))


def untilt(volume: Volume) -> Volume | Exclusion:
    """The volume on an orthogonal grid, its slices shifted in plane, whichever axis is the slice axis.

    Up to GANTRY_TILT_IGNORED only the affine is made orthogonal, with a caution; up to GANTRY_TILT_MAXIMUM the
    voxels are resampled, with a caution; beyond that, or if no two axes are at right angles, it is an Exclusion.
    """
    geometry = volume.geometry
    if geometry.is_orthogonal:
        return volume
    off = _off_right_deg(geometry)
    if off.max() <= GANTRY_TILT_IGNORED.value:
        caution = Caution(code=CautionCode.AXES_SQUARED, step=Step.READ, found=f"{off.max():.2f}")
        cautions = (*volume.cautions, caution)
        return replace(volume, geometry=_squared(geometry, (0, 1, 2)), source_geometry=geometry, cautions=cautions)
    across = _stack_axis(geometry, off)
    if across is None:
        found = " and ".join(f"{angle:.1f}" for angle in sorted(off[off > GANTRY_TILT_IGNORED.value]))
        return Exclusion(code=ExclusionCode.SHEARED, step=Step.READ, found=found)
    order = [*(axis for axis in range(3) if axis != across), across]
    stacked = _permuted(geometry, order)
    tilt = tilt_deg(stacked.affine_lps)
    if tilt > GANTRY_TILT_MAXIMUM.value:
        limit = f"{GANTRY_TILT_MAXIMUM.value:g}"
        return Exclusion(code=ExclusionCode.GANTRY_TILT, step=Step.READ, found=f"{tilt:.1f}", limit=limit)
    turned = replace(volume, voxels_hu=volume.voxels_hu.transpose(order), geometry=_squared(stacked, (0, 1)))
    if not np.abs(_shift_voxels(turned.geometry)).max() <= _MOST_WIDENING * max(turned.geometry.shape[:2]):
        found = f"voxels of {' x '.join(f'{size:.3g}' for size in geometry.spacing_mm)} mm"
        return Exclusion(code=ExclusionCode.GEOMETRY_MISSING, step=Step.READ, found=found)
    upright = _sheared_back(turned, tilt)
    back = [order.index(axis) for axis in range(3)]
    return replace(
        upright,
        voxels_hu=upright.voxels_hu.transpose(back),
        geometry=_permuted(upright.geometry, back),
        source_geometry=geometry,
    )


def _off_right_deg(geometry: Geometry) -> FloatArray:
    """For each axis, how far the other two deviate from a right angle (3,), in degrees."""
    gram = geometry.directions.T @ geometry.directions
    cosines = np.abs([gram[1, 2], gram[0, 2], gram[0, 1]])
    found: FloatArray = np.degrees(np.arcsin(np.clip(cosines, 0.0, 1.0)))
    return found


def _stack_axis(geometry: Geometry, off: FloatArray) -> int | None:
    """The slice axis: the other two are at right angles and have the most similar spacing.

    None if no two axes are at right angles.
    """
    spacing = geometry.spacing_mm
    upright = [axis for axis in (2, 1, 0) if off[axis] <= GANTRY_TILT_IGNORED.value]
    return min(upright, key=lambda axis: round(abs(spacing[axis - 1] - spacing[axis - 2]), 3), default=None)


def _permuted(geometry: Geometry, order: list[int]) -> Geometry:
    shape = geometry.shape
    affine = geometry.affine_lps[:, [*order, 3]]
    return Geometry(shape=(shape[order[0]], shape[order[1]], shape[order[2]]), affine_lps=affine)


def _squared(geometry: Geometry, axes: tuple[int, ...]) -> Geometry:
    """The same grid with these axes rotated to the nearest orthogonal ones; its centre stays in place."""
    affine = geometry.affine_lps.copy()
    middle = (np.array(geometry.shape) - 1) / 2
    centre = geometry.to_world_mm(middle)
    columns = list(axes)
    left, _, right = np.linalg.svd(geometry.directions[:, columns], full_matrices=False)
    affine[:3, columns] = left @ right * np.array(geometry.spacing_mm)[columns]
    affine[:3, 3] = centre - affine[:3, :3] @ middle
    return Geometry(shape=geometry.shape, affine_lps=affine)


def _upright_step(geometry: Geometry) -> FloatArray:
    """The part of the third column that is perpendicular to the slices (mm)."""
    normal = np.cross(geometry.directions[:, 0], geometry.directions[:, 1])
    normal /= np.linalg.norm(normal)
    return normal * (normal @ geometry.affine_lps[:3, 2])


def _shift_voxels(geometry: Geometry) -> FloatArray:
    """Shift of each slice from its position in an upright stack (K, 2), in voxels of the two in-plane axes."""
    sideways = geometry.affine_lps[:3, 2] - _upright_step(geometry)
    per_slice: FloatArray = geometry.directions[:, :2].T @ sideways / geometry.spacing_mm[:2]
    return np.arange(geometry.shape[2])[:, None] * per_slice


def _sheared_back(volume: Volume, tilt: float) -> Volume:
    geometry = volume.geometry
    columns, rows, slices = geometry.shape
    shift = _shift_voxels(geometry)
    low = np.floor(shift.min(axis=0) + 1e-6).astype(int)
    high = np.ceil(shift.max(axis=0) - 1e-6).astype(int)
    shape = (columns + int(high[0] - low[0]), rows + int(high[1] - low[1]), slices)
    voxels = np.empty(shape, dtype=np.float32, order="F")
    for k in range(slices):
        voxels[:, :, k] = _moved(volume.voxels_hu[:, :, k], offset=low - shift[k], shape=shape[:2])
    affine = geometry.affine_lps.copy()
    affine[:3, 2] = _upright_step(geometry)
    affine[:3, 3] = geometry.to_world_mm(np.array([low[0], low[1], 0.0]))
    caution = Caution(code=CautionCode.TILT_CORRECTED, step=Step.READ, found=f"{tilt:.1f}")
    is_whole = volume.voxels_hu.dtype == np.int16
    return Volume(
        voxels_hu=as_int16_if_lossless(np.round(voxels)) if is_whole else voxels,
        geometry=Geometry(shape=shape, affine_lps=affine),
        provenance=(*volume.provenance, f"slices shifted in plane to correct a gantry tilt of {tilt:.2f} degrees"),
        cautions=(*volume.cautions, caution),
        source_geometry=geometry,
    )


def _moved(plane: NDArray[Any], *, offset: FloatArray, shape: tuple[int, int]) -> NDArray[Any]:
    """One slice (I, J) on the wider grid: linear interpolation within the slice, air outside."""
    moved: NDArray[Any] = ndimage.affine_transform(
        plane.astype(np.float32),
        np.ones(2),
        offset=np.round(offset, 6),
        output_shape=shape,
        order=1,
        mode="constant",
        cval=float(AIR_HU),
    )
    return moved
