"""Straightening a stack whose slices are shifted against each other, as a tilted gantry leaves them.

Each slice is moved within its own plane until the stack is perpendicular to it; nothing is blended
between slices, so the resolution along the stack stays what it was.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.imaging.hounsfield import AIR_HU, as_int16_if_lossless
from osteo_core.limits.acquisition import GANTRY_TILT_IGNORED, GANTRY_TILT_MAXIMUM
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import FloatArray, Geometry, Volume
from osteo_core.terms import Step

#: The in-plane axes themselves must be perpendicular to this (cosine of the angle between them).
_IN_PLANE_TOLERANCE = 1e-3


def tilt_deg(affine_lps: FloatArray) -> float:
    """Angle between the stacking direction (third column) and the normal of the slices, in degrees."""
    normal = np.cross(affine_lps[:3, 0], affine_lps[:3, 1])
    along = affine_lps[:3, 2]
    cosine = abs(normal @ along) / (np.linalg.norm(normal) * np.linalg.norm(along))
    return float(np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0))))


def untilt(volume: Volume) -> Volume | Exclusion:
    """The volume with its slices moved in their planes to a stack that is perpendicular to them.

    Up to GANTRY_TILT_IGNORED only the affine is made orthogonal (the shift is within its tolerance);
    up to GANTRY_TILT_MAXIMUM the voxels are resampled, with a caution; beyond, an Exclusion.
    """
    geometry = volume.geometry
    first, second = geometry.directions[:, 0], geometry.directions[:, 1]
    tilt = tilt_deg(geometry.affine_lps)
    if tilt > GANTRY_TILT_MAXIMUM.value or abs(first @ second) > _IN_PLANE_TOLERANCE:
        return Exclusion(
            code=ExclusionCode.GANTRY_TILT,
            step=Step.READ,
            found=f"{tilt:.1f}",
            limit=f"{GANTRY_TILT_MAXIMUM.value:g}",
        )
    if geometry.is_orthogonal:
        return volume
    if tilt <= GANTRY_TILT_IGNORED.value:
        return replace(volume, geometry=_squared(geometry), source_geometry=geometry)
    return _sheared_back(volume, tilt)


def _squared(geometry: Geometry) -> Geometry:
    """The same grid with its third axis turned onto the normal; the middle slice stays in place."""
    affine = geometry.affine_lps.copy()
    middle = (geometry.shape[2] - 1) / 2
    along = _upright_step(geometry)
    affine[:3, 3] += middle * (affine[:3, 2] - along)
    affine[:3, 2] = along
    return Geometry(shape=geometry.shape, affine_lps=affine)


def _upright_step(geometry: Geometry) -> FloatArray:
    """The part of the third column that is perpendicular to the slices (mm)."""
    normal = np.cross(geometry.directions[:, 0], geometry.directions[:, 1])
    normal /= np.linalg.norm(normal)
    return normal * (normal @ geometry.affine_lps[:3, 2])


def _sheared_back(volume: Volume, tilt: float) -> Volume:
    geometry = volume.geometry
    columns, rows, slices = geometry.shape
    upright = _upright_step(geometry)
    sideways = geometry.affine_lps[:3, 2] - upright
    # How far slice k lies from where an upright stack would have it, in voxels of the two in-plane axes.
    shift = np.outer(np.arange(slices), geometry.directions[:, :2].T @ sideways / geometry.spacing_mm[:2])
    low = np.floor(shift.min(axis=0) + 1e-6).astype(int)
    high = np.ceil(shift.max(axis=0) - 1e-6).astype(int)
    shape = (columns + int(high[0] - low[0]), rows + int(high[1] - low[1]), slices)
    voxels = np.empty(shape, dtype=np.float32, order="F")
    for k in range(slices):
        voxels[:, :, k] = _moved(volume.voxels_hu[:, :, k], offset=low - shift[k], shape=shape[:2])
    affine = geometry.affine_lps.copy()
    affine[:3, 2] = upright
    affine[:3, 3] = geometry.to_world_mm(np.array([low[0], low[1], 0.0]))
    caution = Caution(code=CautionCode.TILT_CORRECTED, step=Step.READ, found=f"{tilt:.1f}")
    is_whole = volume.voxels_hu.dtype == np.int16
    return Volume(
        voxels_hu=as_int16_if_lossless(np.round(voxels)) if is_whole else voxels,
        geometry=Geometry(shape=shape, affine_lps=affine),
        provenance=(*volume.provenance, f"slices moved in plane by a gantry tilt of {tilt:.2f} degrees"),
        cautions=(*volume.cautions, caution),
        source_geometry=geometry,
    )


def _moved(plane: NDArray, *, offset: FloatArray, shape: tuple[int, int]) -> NDArray:
    """One slice (I, J) on the wider grid, linear within the slice, air outside."""
    moved: NDArray = ndimage.affine_transform(
        plane.astype(np.float32),
        np.ones(2),
        offset=np.round(offset, 6),
        output_shape=shape,
        order=1,
        mode="constant",
        cval=float(AIR_HU),
    )
    return moved
