"""Reads and writes NIfTI: RAS millimetres in the file (as in the standard), LPS in this program.

The order of the array axes is preserved; only the first two rows of the affine change sign.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from osteo_core.archive_formats import ArchiveError
from osteo_core.archives import local_volume
from osteo_core.imaging.files import NIFTI_SUFFIXES, volume_stem
from osteo_core.imaging.forms import affine_ras, contradiction, is_invertible, qform_of
from osteo_core.imaging.hounsfield import PADDING_BELOW_HU, as_int16_if_lossless, check_hu, describe_labels
from osteo_core.imaging.lost_planes import lost_planes
from osteo_core.imaging.open_volume import open_volume, stored_voxels
from osteo_core.imaging.tilt import untilt
from osteo_core.imaging.voxel_file import UnknownFileError
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Geometry, LabelArray, Volume
from osteo_core.terms import Step

#: Tolerance for labels that were scaled or stored as float; interpolated labels deviate more.
_LABEL_TOLERANCE = 1e-3
_MOST_LABEL, _NO_LABEL = 255, -1.0
#: Largest number of voxels: 2,000 slices of 1024 by 1024.
_MOST_VOXELS = 2**31
#: RAS <-> LPS: the first two world axes change sign.
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MM_PER_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_DAMAGE = (
    *(UnknownFileError, ImageFileError, HeaderDataError, OSError, EOFError, zlib.error),
    *(ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError),
)
_AIR_HU = -1024.0
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, kw_only=True)
class NiftiHeader:
    """What the header alone states. ``is_oriented`` is False if it states no orientation.

    ``labels``: why the voxels can only be labels (bytes without an offset cannot represent air), else ''. ``doubt``:
    how its two forms contradict each other, else ''.
    """

    geometry: Geometry
    is_oriented: bool
    labels: str = ""
    doubt: str = ""


def is_nifti(path: Path) -> bool:
    """By the name: .nii, .nii.gz or .nii.bz2."""
    return path.name.lower().endswith(NIFTI_SUFFIXES)


def nifti_stem(path: Path) -> str:
    """File name without its volume suffix."""
    return volume_stem(path)


def read_nifti_header(path: Path) -> NiftiHeader | Exclusion:
    """Geometry from the header alone, without reading voxels. A damaged file is an Exclusion."""
    try:
        with local_volume(path) as local:
            return _header_of(open_volume(local))
    except _DAMAGE as error:
        return _unreadable(error)


def read_nifti_volume(path: Path) -> Volume | Exclusion:
    """CT in HU from a NIfTI file; int16 where lossless, else float32.

    A label map, a damaged file, or values that cannot be HU are an Exclusion. A sheared grid is
    corrected like a gantry tilt.
    """
    loaded = _load(path)
    if isinstance(loaded, Exclusion):
        return loaded
    voxels, header = loaded
    labels = describe_labels(voxels)
    if labels:
        return Exclusion(code=ExclusionCode.LABEL_MAP, step=Step.READ, found=labels)
    voxels, repairs = _without_padding(voxels)
    if fault := _lost(voxels, header.geometry):
        return fault
    cautions = repairs
    if not header.is_oriented:
        cautions += (Caution(code=CautionCode.HEADER_UNKNOWN, step=Step.READ, found="orientation (NIfTI form codes)"),)
    if header.doubt:
        cautions += (Caution(code=CautionCode.HEADER_ODD, step=Step.READ, found=header.doubt),)
    hu = check_hu(voxels)
    if isinstance(hu, Exclusion):
        return hu
    volume = Volume(
        voxels_hu=as_int16_if_lossless(voxels),
        geometry=header.geometry,
        provenance=("read from NIfTI", *(repair.sentence for repair in repairs)),
        cautions=(*cautions, *hu),
    )
    return untilt(volume)


def read_nifti_labels(path: Path) -> tuple[LabelArray, Geometry]:
    """Label map (I, J, K) as uint8, and its geometry. Raises ValueError unless labels are whole numbers of 0-255."""
    loaded = _load(path)
    if isinstance(loaded, Exclusion):
        raise ValueError(f"expected a label map in NIfTI: {loaded.sentence}")
    voxels, header = loaded
    return _whole_labels(voxels), header.geometry


def _whole_labels(voxels: NDArray[Any]) -> LabelArray:
    """Labels as uint8: rounding errors are removed, and NaN becomes background."""
    rounded = voxels
    if voxels.dtype.kind == "f":
        values = np.nan_to_num(voxels, nan=0.0, posinf=_NO_LABEL, neginf=_NO_LABEL)
        rounded = np.rint(values)
        off = np.abs(values - rounded) > _LABEL_TOLERANCE
        if off.any():
            raise ValueError(f"expected labels of 0-255 as whole numbers, found {float(values[off][0]):g}")
    low, high = rounded.min(), rounded.max()
    if low < 0 or high > _MOST_LABEL:
        raise ValueError(f"expected labels of 0-255 as whole numbers, found {float(low):g} to {float(high):g}")
    return rounded.astype(np.uint8)


def write_nifti(path: Path, array: NDArray[Any], geometry: Geometry) -> None:
    """Write ``array`` (I, J, K) in its own order and type; qform and sform hold the RAS affine in mm.

    A sheared geometry cannot be stored in a qform, so only the sform is set.
    """
    if array.shape != geometry.shape:
        raise ValueError(f"array {array.shape} does not fit the geometry {geometry.shape}")
    affine = _RAS_TO_LPS @ geometry.affine_lps
    image = nibabel.Nifti1Image(np.asarray(array), affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine if geometry.is_orthogonal else None, code="scanner" if geometry.is_orthogonal else 0)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def write_labels_like(path: Path, labels: LabelArray, source: Path) -> None:
    """Write ``labels`` (I, J, K) with both forms, their codes and the unit of the NIfTI file ``source``.

    Every program thus overlays the two files correctly, whichever form it uses. Nothing else of the
    source's header is copied: its free text may contain a name.
    """
    with local_volume(source) as local:
        own = open_volume(local)
    affine = affine_ras(own)
    image = nibabel.Nifti1Image(labels, affine)
    qform, qform_code = qform_of(own)
    sform, sform_code = own.get_sform(coded=True)
    if sform is None or not is_invertible(sform):  # not copied
        sform, sform_code = None, 0
    image.set_sform(sform, code=int(sform_code))
    image.set_qform(qform, code=int(qform_code))
    zooms = np.asarray(own.header.get_zooms()[:3], dtype=float)
    if np.isfinite(zooms).all() and zooms.min() > 0:
        image.header.set_zooms(zooms)
    image.header.set_xyzt_units(_unit(own.header))
    nibabel.save(image, path)


def _unit(header: Any) -> str:
    """The unit of length; 'unknown' for an undefined code."""
    try:
        return str(header.get_xyzt_units()[0])
    except KeyError:
        return "unknown"


def _load(path: Path) -> tuple[NDArray[Any], NiftiHeader] | Exclusion:
    """Scaled voxels (I, J, K) and header; a fourth axis of length one is dropped."""
    try:
        with local_volume(path) as local:
            image = open_volume(local)
            header = _header_of(image)
            if isinstance(header, Exclusion):
                return header
            if (kind := image.get_data_dtype()).kind not in "iufb":
                return _not_a_volume(f"voxels of type {kind}")
            stored = stored_voxels(image, local)
        voxels = _scaled(stored.reshape(header.geometry.shape), image.dataobj.slope, image.dataobj.inter)
    except _DAMAGE as error:
        return _unreadable(error)
    return voxels, header


def _scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Stored voxels as values, plane by plane: a whole-body scan in float64 would exceed a worker's memory."""
    is_plain = (slope, intercept) == (1.0, 0.0) and (stored.dtype.kind != "f" or stored.dtype.itemsize <= 4)
    if is_plain:
        return stored
    voxels = np.empty(stored.shape, dtype=_kind_of_values(stored, slope, intercept), order="F")
    for k in range(stored.shape[2]):
        voxels[:, :, k] = stored[:, :, k] * np.float64(slope) + np.float64(intercept)
    return voxels


def _kind_of_values(stored: NDArray[Any], slope: float, intercept: float) -> type[np.generic]:
    """int16 if whole numbers stay whole and in range, else float32."""
    if stored.dtype.kind == "f" or not (float(slope).is_integer() and float(intercept).is_integer()):
        return np.float32
    ends = [float(end) * slope + intercept for end in (stored.min(), stored.max())]
    return np.int16 if _INT16.min <= min(ends) and max(ends) <= _INT16.max else np.float32


def _header_of(image: Any) -> NiftiHeader | Exclusion:
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        return _not_a_volume(f"{len(shape)} axes of lengths {shape}; a volume has three")
    if math.prod(shape) > _MOST_VOXELS:
        return _not_a_volume(f"a header that claims {math.prod(shape):,} voxels; at most {_MOST_VOXELS:,} are read")
    header = image.header
    unit = _unit(header) if hasattr(header, "get_xyzt_units") else "mm"
    affine = _RAS_TO_LPS @ affine_ras(image)
    affine[:3] *= _MM_PER_UNIT[unit]
    doubt, is_lost = contradiction(image, shape)
    if is_lost:
        return Exclusion(code=ExclusionCode.GEOMETRY_MISSING, step=Step.READ, found=doubt)
    codes = [int(header[name]) for name in ("qform_code", "sform_code") if name in header]
    return NiftiHeader(
        geometry=Geometry(shape=(shape[0], shape[1], shape[2]), affine_lps=affine),
        is_oriented=any(codes),
        labels=_labels_by_type(image),
        doubt=doubt,
    )


def _labels_by_type(image: Any) -> str:
    """Bytes without an offset cannot represent air, so they are labels, unless the middle plane looks like an image."""
    kind = image.get_data_dtype()
    if kind != np.uint8 or float(getattr(image.dataobj, "inter", 0.0)) < 0.0:
        return ""
    middle = image.shape[2] // 2
    planes = np.asanyarray(image.dataobj[:, :, middle : middle + 1]).reshape(*image.shape[:2], 1)
    return "voxels are bytes from 0 to 255" if describe_labels(planes) or not planes.any() else ""


def _without_padding(voxels: NDArray[Any]) -> tuple[NDArray[Any], tuple[Caution, ...]]:
    """Replaces NaN and values below any tissue by air, with a caution that counts them."""
    outside = ~np.isfinite(voxels) | (voxels < PADDING_BELOW_HU)
    if not outside.any():
        return voxels, ()
    is_number = outside & np.isfinite(voxels)
    smallest = float(voxels.min(where=is_number, initial=0)) if is_number.any() else np.nan
    lowest = f"{smallest:g} HU" if np.isfinite(smallest) else "not a number"
    caution = Caution(
        code=CautionCode.PADDING_REPLACED,
        step=Step.READ,
        found=f"{lowest}, {100 * outside.mean():.1f} % of the voxels",
    )
    voxels = voxels if voxels.flags.writeable else voxels.copy()
    voxels[outside] = _AIR_HU
    return voxels, (caution,)


def _lost(voxels: NDArray[Any], geometry: Geometry) -> Exclusion | None:
    """The exclusion of a volume in which axial planes are blank or repeat their neighbour."""
    across = int(np.abs(geometry.directions[2]).argmax())
    lost = lost_planes(np.moveaxis(voxels, across, 0))
    if not lost:
        return None
    found = f"{len(lost)} of {geometry.shape[across]} are blank or have the pixels of a neighbour"
    return Exclusion(code=ExclusionCode.MISSING_SLICES, step=Step.READ, found=found)


def _unreadable(error: Exception) -> Exclusion:
    # The error message may contain the path, and a path may contain a name.
    words: dict[type[Exception], str] = {
        PermissionError: "no permission to read",
        FileNotFoundError: "no longer there",
        MemoryError: "more voxels than fit into the memory of a worker",
    }
    # Messages of `open_volume` name no file; nibabel's may.
    is_own = isinstance(error, UnknownFileError | ArchiveError)
    found = words.get(type(error), str(error) if is_own else f"damaged NIfTI ({type(error).__name__})")
    return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found=found)


def _not_a_volume(found: str) -> Exclusion:
    return Exclusion(code=ExclusionCode.NOT_AN_IMAGE, step=Step.READ, found=found)
