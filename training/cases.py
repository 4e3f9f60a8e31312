"""Label maps of ../shared/data/labels as bodies to paint: one material and one part per voxel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.imaging.pieces import largest_piece
from osteo_core.segmentation.bodies import cut_body
from training.materials import AUSTINMAN, XCAT, Material, lookup

#: Parts: the VerSe number for a body, 100 + number for posterior elements, 26 for the sacrum, 0 for all else.
POSTERIOR = 100
SACRUM = 26
LAST_FREE_LEVEL = 25
GRID_MM = 1.25
_DISC_CLOSING_MM = 7.5


@dataclass(frozen=True, kw_only=True)
class Body:
    """A person on an isotropic LPS grid of ``GRID_MM``: material and part, both (I, J, K) uint8."""

    material: NDArray[np.uint8]
    part: NDArray[np.uint8]


def read_lps(path: Path) -> tuple[NDArray[np.uint8], tuple[float, float, float]]:
    """A label map turned to LPS axes (nearest axes), and its spacing in mm."""
    image = nibabel.load(path)
    ornt = nibabel.orientations.io_orientation(image.affine)
    target = nibabel.orientations.axcodes2ornt(("L", "P", "S"))
    turned = image.as_reoriented(nibabel.orientations.ornt_transform(ornt, target))
    return np.asarray(turned.dataobj).astype(np.uint8), tuple(float(z) for z in turned.header.get_zooms()[:3])


def nearest_to_grid(
    labels: NDArray[np.uint8], *, spacing_mm: tuple[float, ...], grid_mm: float = GRID_MM
) -> NDArray[np.uint8]:
    """Nearest-neighbour copy of (I, J, K) labels on an isotropic grid."""
    index = [
        np.clip(np.rint(np.arange(int(n * s / grid_mm)) * grid_mm / s).astype(int), 0, n - 1)
        for n, s in zip(labels.shape, spacing_mm, strict=True)
    ]
    return labels[np.ix_(*index)]


def smooth_to_grid(
    labels: NDArray[np.uint8], *, spacing_mm: tuple[float, ...], grid_mm: float = GRID_MM
) -> NDArray[np.uint8]:
    """Like ``nearest_to_grid``, but interpolates each label linearly, so that thick slices leave no steps."""
    shape = tuple(int(n * s / grid_mm) for n, s in zip(labels.shape, spacing_mm, strict=True))
    best = np.full(shape, 0.5, dtype=np.float32)
    out = np.zeros(shape, dtype=np.uint8)
    coords = [np.arange(n) * grid_mm / s for n, s in zip(shape, spacing_mm, strict=True)]
    for value in np.unique(labels)[1:]:
        mask = ndimage.gaussian_filter((labels == value).astype(np.float32), [0.35 / s for s in spacing_mm])
        for axis, at in enumerate(coords):
            low = np.clip(np.floor(at).astype(int), 0, mask.shape[axis] - 2)
            share = np.clip(at - low, 0, 1).astype(np.float32)
            share = share.reshape([-1 if a == axis else 1 for a in range(3)])
            mask = np.take(mask, low, axis) * (1 - share) + np.take(mask, low + 1, axis) * share
        won = mask > best
        out[won], best[won] = value, mask[won]
    return out


def split_vertebrae(whole: NDArray[np.uint8], *, grid_mm: float = GRID_MM) -> NDArray[np.uint8]:
    """Whole vertebrae (VerSe numbers) to parts: body = number, posterior elements = 100 + number."""
    part = np.zeros_like(whole)
    for level, where in enumerate(ndimage.find_objects(whole), start=1):
        if where is None or level > LAST_FREE_LEVEL:
            continue
        mask = largest_piece(whole[where] == level)
        body = cut_body(mask, level=level, spacing_mm=grid_mm)
        part[where][mask] = POSTERIOR + level
        part[where][body] = level
    return part


def discs(part: NDArray[np.uint8], *, grid_mm: float = GRID_MM) -> NDArray[np.bool_]:
    """The space between neighbouring bodies: the morphological closing of the bodies minus the bone."""
    bodies = (part > 0) & (part <= SACRUM)
    out = np.zeros(part.shape, dtype=bool)
    where = ndimage.find_objects(bodies.astype(np.uint8))[0]
    box = tuple(slice(max(s.start - 8, 0), s.stop + 8) for s in where)
    near = ndimage.distance_transform_edt(~bodies[box], sampling=grid_mm) <= _DISC_CLOSING_MM
    closed = ndimage.distance_transform_edt(near, sampling=grid_mm) > _DISC_CLOSING_MM
    out[box] = closed & (part[box] == 0)
    return out


def with_discs(material: NDArray[np.uint8], part: NDArray[np.uint8]) -> Body:
    """A body with discs painted as discs and numbered bone as bone."""
    material = material.copy()
    material[discs(part)] = Material.DISC
    material[part > 0] = Material.BONE
    return Body(material=material, part=part)


def _merged(vertebrae: NDArray[np.uint8]) -> NDArray[np.uint8]:
    whole = np.where(vertebrae > POSTERIOR, vertebrae - POSTERIOR, vertebrae).astype(np.uint8)
    return np.where(whole <= SACRUM, whole, 0).astype(np.uint8)


def _recut(vertebrae: NDArray[np.uint8]) -> NDArray[np.uint8]:
    whole = _merged(vertebrae)
    part = split_vertebrae(np.where(whole == SACRUM, 0, whole).astype(np.uint8))
    part[whole == SACRUM] = SACRUM
    return part


def austinman(labels: Path) -> Body:
    """The AustinMan torso with every tissue, C2 to sacrum."""
    tissue, spacing = read_lps(labels / "austinman_tissue.nii.gz")
    vertebrae, _ = read_lps(labels / "austinman_vertebrae.nii.gz")
    material = lookup(AUSTINMAN)[nearest_to_grid(tissue, spacing_mm=spacing)]
    part = _recut(nearest_to_grid(vertebrae, spacing_mm=spacing))
    return with_discs(material, part)


def xcat(labels: Path) -> Body:
    """The XCAT torso, T7 to sacrum; its soft tissue is all muscle until ``plant.fill_soft_tissue``."""
    numbers, spacing = read_lps(labels / "xcat50_male.nii.gz")
    numbers = nearest_to_grid(numbers, spacing_mm=spacing)
    spine = ((numbers >= 14) & (numbers <= SACRUM)) | (numbers >= POSTERIOR)
    material = lookup(XCAT)[np.where(spine, 7, numbers)]
    return with_discs(material, _recut(np.where(spine, numbers, 0).astype(np.uint8)))


def donor(labels: Path, name: str) -> NDArray[np.uint8]:
    """Parts of a patient's vertebrae only (VerSe or mean shape), (I, J, K) on the 1.25 mm grid."""
    whole, spacing = read_lps(labels / f"{name}.nii.gz")
    return split_vertebrae(smooth_to_grid(np.pad(whole, 3), spacing_mm=spacing))
