"""Where the voxels of a NIfTI file lie: its sform and its qform, which of them counts, and whether they agree.

The standard (nifti1.h) lets both stand; programs differ in which they go by. The sform counts, but for one into a
template's space (codes 3 and 4) beside a qform of the scanner.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError

from osteo_core.records import FloatArray

#: Codes of an sform into the space of Talairach or of the MNI, where a body has another size.
_TEMPLATE_CODES = (3, 4)
#: An affine (file units) below this has two parallel axes.
_LEAST_DETERMINANT = 1e-12
#: Forms whose sizes of a voxel differ by more than this share describe two scans.
_SAME_SPACING = 0.02
#: Corners nearer than this lie at one place.
_SAME_PLACE_VOXELS = 0.5


def qform_of(image: Any) -> tuple[FloatArray | None, int]:
    """The qform and its code, none where it cannot be read or inverted: then the sform counts alone."""
    try:
        qform, code = image.get_qform(coded=True)
    except (HeaderDataError, ValueError):
        return None, 0
    return (np.asarray(qform, dtype=float), int(code)) if qform is not None and is_invertible(qform) else (None, 0)


def affine_ras(image: Any) -> FloatArray:
    """The file's affine; its qform where the sform cannot be inverted, or leads into a template's space."""
    affine = np.asarray(image.affine, dtype=float)
    if "qform_code" not in image.header or not int(image.header["qform_code"]):
        return affine
    if not is_invertible(affine):
        return np.asarray(image.get_qform(), dtype=float)
    qform, code = qform_of(image)
    is_template = int(image.header["sform_code"]) in _TEMPLATE_CODES and code not in _TEMPLATE_CODES
    return qform if qform is not None and is_template else affine


def contradiction(image: Any, shape: tuple[int, ...]) -> tuple[str, bool]:
    """How sform and qform contradict each other ('' where they do not), and whether that leaves no scan to trust."""
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
            return "its sform and its qform give different sizes of a voxel", True
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in shape[:3]], [1], indexing="ij"), dtype=float).reshape(4, -1)
    apart = float(np.linalg.norm(((sform - qform) @ ends)[:3], axis=0).max())
    voxels = apart / float(np.linalg.norm(qform[:3, :3], axis=0).min())
    if voxels <= _SAME_PLACE_VOXELS:
        return "", False
    return f"sform and qform lay the corners up to {voxels:.3g} voxels apart; the {counts} counts", False


def is_invertible(affine: FloatArray) -> bool:
    """Whether an affine spans three axes."""
    return bool(np.isfinite(affine).all()) and abs(np.linalg.det(affine[:3, :3])) > _LEAST_DETERMINANT


def _is_same_spacing(sform: FloatArray, qform: FloatArray) -> bool:
    """Along the axes or, where a tilted gantry shears the sform, across the slices."""
    wanted = np.linalg.norm(qform[:3, :3], axis=0)
    along, across = np.linalg.norm(sform[:3, :3], axis=0), 1 / np.linalg.norm(np.linalg.inv(sform[:3, :3]), axis=1)
    off = np.minimum(np.abs(along - wanted), np.abs(across - wanted))
    return bool((off <= _SAME_SPACING * wanted).all())
