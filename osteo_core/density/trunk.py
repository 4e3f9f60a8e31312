"""The patient's trunk on a coarse grid: the voxels of the patient, those of outside air, and the depth of each.

The grid holds means over blocks of about 3 mm: this is fast on a whole torso and averages out noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.imaging.pieces import largest_piece
from osteo_core.records import FloatArray, Geometry, Volume

_BLOCK_MM = 3.0
_SKIN_HU = -300.0
#: Sheets, tubes and the table are thinner than this, or no longer touch the largest piece after the erosion.
_OPENING_STEPS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Trunk:
    """Coarse HU (I, J, K) float32, its geometry, voxels inside the patient, air outside, depth below the skin in mm,
    and distance from any object in mm."""

    hu: FloatArray
    geometry: Geometry
    inside: NDArray[np.bool_]
    air: NDArray[np.bool_]
    depth_mm: FloatArray
    distance_mm: FloatArray

    @property
    def voxel_area_mm2(self) -> float:
        """Axial area of one coarse voxel: its volume over its step along the patient's long axis."""
        step = float(np.abs(self.geometry.affine_lps[2, :3]).max())
        return self.geometry.voxel_volume_ml * 1000.0 / step


def find_trunk(volume: Volume) -> Trunk:
    """Patient and outside air. A narrow field of view may show no air; depth is then infinite."""
    hu, geometry = coarse_volume(volume)
    dense = hu > _SKIN_HU
    inside = _patient(dense)
    # Air outside reaches the border of the grid; lungs and bowel gas do not.
    air = _touching_border(~ndimage.binary_dilation(inside) & (hu < _SKIN_HU))
    far = np.full(hu.shape, np.inf)
    depth = ndimage.distance_transform_edt(~air, sampling=geometry.spacing_mm) if air.any() else far
    objects = dense | ndimage.binary_dilation(dense)
    distance = ndimage.distance_transform_edt(~objects, sampling=geometry.spacing_mm) if objects.any() else far
    return Trunk(hu=hu, geometry=geometry, inside=inside, air=air, depth_mm=depth, distance_mm=distance)


def coarse_volume(volume: Volume) -> tuple[FloatArray, Geometry]:
    """Means over blocks of about 3 mm (float32), and their geometry; an incomplete last block is left out."""
    steps = [
        max(1, min(round(_BLOCK_MM / s), n))
        for s, n in zip(volume.geometry.spacing_mm, volume.geometry.shape, strict=True)
    ]
    i, j, k = (n // step for n, step in zip(volume.geometry.shape, steps, strict=True))
    shape = (i, j, k)
    whole = volume.voxels_hu[tuple(slice(0, n * step) for n, step in zip(shape, steps, strict=True))]
    blocks = whole.reshape(shape[0], steps[0], shape[1], steps[1], shape[2], steps[2])
    affine = volume.geometry.affine_lps.copy()
    affine[:3, 3] = volume.geometry.to_world_mm((np.array(steps) - 1) / 2)
    affine[:3, :3] = affine[:3, :3] * np.array(steps)
    return blocks.mean(axis=(1, 3, 5), dtype=np.float32), Geometry(shape=shape, affine_lps=affine)


def _patient(dense: NDArray[np.bool_]) -> NDArray[np.bool_]:
    # Ones beyond the border: the erosion must not remove a patient cut by the field of view.
    core = ndimage.binary_erosion(dense, iterations=_OPENING_STEPS, border_value=1)
    if not core.any():
        return dense
    grown: NDArray[np.bool_] = ndimage.binary_dilation(largest_piece(core), iterations=_OPENING_STEPS, mask=dense)
    return grown


def _touching_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, _ = ndimage.label(mask)
    faces = [pieces.take(end, axis=axis) for axis in range(3) for end in (0, -1)]
    outside = np.unique(np.concatenate([face.ravel() for face in faces]))
    return np.isin(pieces, outside[outside > 0])
