"""The sform and qform of a NIfTI file: which one counts, and whether they agree.

The standard (nifti1.h) allows both, and programs differ in which they use. Here the sform counts, unless it maps to a
template space (codes 3 and 4) while the qform maps to scanner space.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError

from osteo_core.records import FloatArray

#: Codes of an sform into Talairach or MNI space, which changes the size of the body.
_TEMPLATE_CODES = (3, 4)
#: An affine (in file units) with a smaller determinant is singular.
_LEAST_DETERMINANT = 1e-12
#: Forms whose voxel sizes differ by more than this share contradict each other.
_SAME_SPACING = 0.02
#: Corners closer than this coincide.
_SAME_PLACE_VOXELS = 0.5


def qform_of(image: Any) -> tuple[FloatArray | None, int]:
    """The qform and its code; None if it cannot be read or inverted, so that only the sform counts."""
    try:
        qform, code = image.get_qform(coded=True)
    except (HeaderDataError, ValueError):
        return None, 0
    return (np.asarray(qform, dtype=float), int(code)) if qform is not None and is_invertible(qform) else (None, 0)


def affine_ras(image: Any) -> FloatArray:
    """The file's affine; the qform if the sform is singular or maps to a template space."""
    affine = np.asarray(image.affine, dtype=float)
    if "qform_code" not in image.header or not int(image.header["qform_code"]):
        return affine
    if not is_invertible(affine):
        return np.asarray(image.get_qform(), dtype=float)
    qform, code = qform_of(image)
    is_template = int(image.header["sform_code"]) in _TEMPLATE_CODES and code not in _TEMPLATE_CODES
    return qform if qform is not None and is_template else affine


def contradiction(image: Any, shape: tuple[int, ...]) -> tuple[str, bool]:
    """How sform and qform contradict each other ('' if they agree), and whether the geometry is then unusable."""
    header = image.header
    if "qform_code" not in header or not int(header["sform_code"]):
        return "", False
    sform, (qform, code) = np.asarray(image.get_sform(), dtype=float), qform_of(image)
    if qform is None or not code or not is_invertible(sform):
        return "", False
    counts = "qform" if int(header["sform_code"]) in _TEMPLATE_CODES and code not in _TEMPLATE_CODES else "sform"
    if counts == "sform":
        if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
            return "its sform and its qform are mirror images of each other", True
        if not _is_same_spacing(sform, qform):
            return "its sform and its qform give different voxel sizes", True
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in shape[:3]], [1], indexing="ij"), dtype=float).reshape(4, -1)
    apart = float(np.linalg.norm(((sform - qform) @ ends)[:3], axis=0).max())
    voxels = apart / float(np.linalg.norm(qform[:3, :3], axis=0).min())
    if voxels <= _SAME_PLACE_VOXELS:
        return "", False
    return f"sform and qform place the corners up to {voxels:.3g} voxels apart; the {counts} counts", False


def is_invertible(affine: FloatArray) -> bool:
    """Whether an affine is finite and not singular."""
    return bool(np.isfinite(affine).all()) and abs(np.linalg.det(affine[:3, :3])) > _LEAST_DETERMINANT


def _is_same_spacing(sform: FloatArray, qform: FloatArray) -> bool:
    """Compares spacing along the axes or, if gantry tilt shears the sform, across the slices."""
    wanted = np.linalg.norm(qform[:3, :3], axis=0)
    along, across = np.linalg.norm(sform[:3, :3], axis=0), 1 / np.linalg.norm(np.linalg.inv(sform[:3, :3]), axis=1)
    off = np.minimum(np.abs(along - wanted), np.abs(across - wanted))
    return bool((off <= _SAME_SPACING * wanted).all())
