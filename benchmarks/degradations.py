"""Degradations of a volume before the program reads it: slices, noise, sharpness, field of view, axes.

Each takes a `Case` and returns another; the truth is changed with the image. They apply to simulated and real series.
Directions are those of the patient (x left, y back, z head), whatever the storage order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.scoring import whole_levels
from osteo_core.imaging.resample import cropped_grid, reorient, resample_labels, resample_volume
from osteo_core.records import Geometry, LabelArray, Volume
from osteo_core.terms import Level

_AIR_HU, _LOWEST_HU, _HIGHEST_HU = -1024, -1024, 3071
_AXES = {"x": "LR", "y": "PA", "z": "SI"}
#: A body that lost more than this share of its voxels to a cut is no longer whole.
_MAY_LOSE = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A volume, its true bodies (VerSe numbers) on the same grid, and the levels that are whole in view."""

    volume: Volume
    truth: LabelArray
    whole: frozenset[Level]

    @property
    def geometry(self) -> Geometry:
        """The common grid of both."""
        return self.volume.geometry


def case_of(volume: Volume, truth: LabelArray) -> Case:
    """A case as produced by the scanner."""
    return Case(volume=volume, truth=truth, whole=whole_levels(truth))


def _made(case: Case, hu: NDArray[np.generic], geometry: Geometry, truth: LabelArray) -> Case:
    hu = np.ascontiguousarray(np.clip(np.rint(hu), _LOWEST_HU, _HIGHEST_HU).astype(np.int16))
    volume = Volume(voxels_hu=hu, geometry=geometry, provenance=case.volume.provenance)
    return replace(case, volume=volume, truth=np.ascontiguousarray(truth))


def axis_along(geometry: Geometry, direction: str) -> int:
    """The array axis nearest to the patient's x, y or z."""
    return next(n for n, code in enumerate(geometry.axis_codes) if code in _AXES[direction])


def _averaged(array: NDArray[np.generic], axis: int, *, old_mm: float, new_mm: float, count: int) -> NDArray:
    """Means over ``count`` intervals of ``new_mm`` along an axis of voxels ``old_mm`` long."""
    edges = np.arange(count + 1) * (new_mm / old_mm)
    total = np.cumsum(np.moveaxis(array, axis, 0), axis=0, dtype=np.float64)
    total = np.concatenate([np.zeros_like(total[:1]), total])
    low = np.minimum(np.floor(edges + 1e-9).astype(int), len(total) - 2)
    share = (edges - low)[:, None, None]
    means = np.diff(total[low] * (1 - share) + total[low + 1] * share, axis=0) / (new_mm / old_mm)
    return np.moveaxis(means, 0, axis)


def thick(case: Case, *, direction: str, slice_mm: float) -> Case:
    """The same scan in contiguous slices this thick along x, y or z; a voxel belongs to a body if half of it does.

    Slices thinner than those of the scan are interpolated, like a scanner's thin reconstruction of thick data.
    """
    axis, old = axis_along(case.geometry, direction), case.geometry.spacing_mm
    count = max(int(case.geometry.shape[axis] * old[axis] / slice_mm + 1e-6), 1)
    shape = tuple(count if n == axis else size for n, size in enumerate(case.geometry.shape))
    affine = case.geometry.affine_lps.copy()
    along = case.geometry.directions[:, axis]
    affine[:3, axis] = along * slice_mm
    affine[:3, 3] += along * (slice_mm - old[axis]) / 2
    geometry = Geometry(shape=(shape[0], shape[1], shape[2]), affine_lps=affine)
    if slice_mm < old[axis]:
        hu = resample_volume(case.volume.voxels_hu, case.geometry, geometry)
        return _made(case, hu, geometry, resample_labels(case.truth, case.geometry, geometry))
    sizes = {"old_mm": old[axis], "new_mm": slice_mm, "count": count}
    truth = np.zeros(geometry.shape, dtype=np.uint8)
    for level, box in _boxes(case.truth, along=axis):
        truth[box][_averaged(case.truth[box] == level, axis, **sizes) > 0.5] = level
    return _made(case, _averaged(case.volume.voxels_hu, axis, **sizes), geometry, truth)


def _boxes(truth: LabelArray, *, along: int) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Each level with the box around it, over the full length of one axis."""
    for level, box in enumerate(ndimage.find_objects(truth), start=1):
        if box is not None:
            yield level, tuple(slice(None) if n == along else part for n, part in enumerate(box))


def noisy(case: Case, *, sd_hu: float, grain_mm: float = 0.7, seed: int = 0) -> Case:
    """Add correlated noise of this SD, as at a lower dose."""
    rng = np.random.default_rng([seed, case.volume.voxels_hu.size])
    noise = rng.standard_normal(case.volume.voxels_hu.shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, [grain_mm / step for step in case.geometry.spacing_mm])
    noise *= sd_hu / float(noise.std())
    return _made(case, case.volume.voxels_hu + noise, case.geometry, case.truth)


def smoothed(case: Case, *, sigma_mm: float) -> Case:
    """A smoother kernel: blurred in the two directions perpendicular to the body's axis."""
    blurred = _blurred(case, sigma_mm)
    return _made(case, blurred, case.geometry, case.truth)


def sharpened(case: Case, *, amount: float) -> Case:
    """A sharper kernel: adds this share of what a blur of 1 mm removes, which enhances edges and noise."""
    hu = np.asarray(case.volume.voxels_hu, dtype=np.float32)
    return _made(case, hu + amount * (hu - _blurred(case, 1.0)), case.geometry, case.truth)


def _blurred(case: Case, sigma_mm: float) -> NDArray[np.float32]:
    along = axis_along(case.geometry, "z")
    sigma = [0.0 if n == along else sigma_mm / step for n, step in enumerate(case.geometry.spacing_mm)]
    return ndimage.gaussian_filter(np.asarray(case.volume.voxels_hu, dtype=np.float32), sigma)


def part(volume: Volume, *, direction: str, low_mm: float, high_mm: float) -> tuple[Volume, tuple[slice, ...]]:
    """The voxels between two positions along x, y or z (LPS mm), and their box in the source array."""
    geometry = volume.geometry
    axis = axis_along(geometry, direction)
    index = np.zeros((geometry.shape[axis], 3))
    index[:, axis] = np.arange(len(index))
    places = geometry.to_world_mm(index)[:, "xyz".index(direction)]
    kept = np.flatnonzero((places >= low_mm) & (places <= high_mm))
    box = tuple(slice(int(kept.min()), int(kept.max()) + 1) if n == axis else slice(None) for n in range(3))
    voxels = np.ascontiguousarray(np.asarray(volume.voxels_hu)[box])
    start = tuple(int(kept.min()) if n == axis else 0 for n in range(3))
    cut = cropped_grid(geometry, (start[0], start[1], start[2]), voxels.shape)
    return Volume(voxels_hu=voxels, geometry=cut, provenance=volume.provenance), box


def cropped(case: Case, *, direction: str, low_mm: float = -np.inf, high_mm: float = np.inf) -> Case:
    """A smaller field of view; bodies cut by it are no longer whole."""
    volume, box = part(case.volume, direction=direction, low_mm=low_mm, high_mm=high_mm)
    truth = np.ascontiguousarray(case.truth[box])
    before, after = (np.bincount(labels.ravel(), minlength=30) for labels in (case.truth, truth))
    whole = frozenset(level for level in case.whole if after[level] >= (1 - _MAY_LOSE) * before[level])
    return Case(volume=volume, truth=truth, whole=whole)


def turned(case: Case, *, codes: str) -> Case:
    """The same voxels stored along other axes, such as 'RAS', or 'PIL' for sagittal slices."""
    hu, geometry = reorient(case.volume.voxels_hu, case.geometry, codes)
    truth, _ = reorient(case.truth, case.geometry, codes)
    return _made(case, hu, geometry, truth)


def oblique(case: Case, *, x_deg: float = 0.0, y_deg: float = 0.0, z_deg: float = 0.0) -> Case:
    """The scan resampled along axes turned about the patient's x, y and z; all of it stays in view."""
    old = case.geometry
    turn = np.eye(3)
    for axis, degrees in enumerate((x_deg, y_deg, z_deg)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i, j = (axis + 1) % 3, (axis + 2) % 3
        one = np.eye(3)
        one[i, i], one[j, j], one[i, j], one[j, i] = c, c, -s, s
        turn = one @ turn
    directions = turn @ old.directions
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in old.shape])).reshape(3, -1).T
    corners = old.to_world_mm(ends) @ directions
    low, high = corners.min(0), corners.max(0)
    affine = np.eye(4)
    affine[:3, :3] = directions * old.spacing_mm
    affine[:3, 3] = directions @ low
    i, j, k = (int(n) for n in np.ceil((high - low) / old.spacing_mm) + 1)
    geometry = Geometry(shape=(i, j, k), affine_lps=affine)
    hu = resample_volume(case.volume.voxels_hu, old, geometry, fill=_AIR_HU)
    return _made(case, hu, geometry, resample_labels(case.truth, old, geometry))


def centre_mm(case: Case, level: Level) -> NDArray[np.float64]:
    """Centre of a true body in LPS mm; KeyError if it is not in the truth."""
    index = np.argwhere(case.truth == level)
    if not len(index):
        raise KeyError(f"level {level.name} is not in this case")
    return case.geometry.to_world_mm(index.mean(0))
