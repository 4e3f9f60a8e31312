"""Opens a volume file for its header and, on request, its voxels: NIfTI by nibabel, other formats by SimpleITK.

Compression is recognised by the first bytes; suffixes may be wrong (a compressed .nii, an uncompressed .nii.gz).
"""

from __future__ import annotations

import bz2
import gzip
import math
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk  # noqa: N813
from nibabel.fileholders import FileHolder
from numpy.typing import NDArray

from osteo_core.imaging.files import ITK_SUFFIXES, NIFTI_SUFFIXES
from osteo_core.imaging.voxel_file import UnknownFileError, check_packed, read_header, voxel_file
from osteo_core.records import FloatArray

_PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}
_NIFTI_1_HEADER, _NIFTI_2_HEADER = 348, 540
#: Where a NIfTI header states the offset of its voxels, as a float or a whole number. All before it is read at once,
#: and extensions have some kilobytes.
_OFFSET_1, _OFFSET_2, _MOST_OFFSET = 108, 168, 2**20
#: Uncompressed by compressed bytes at most: bzip2 reaches some 20,000 on zeros, gzip 1,032.
_MOST_TIMES = 30_000
#: Bytes after the voxels that may follow in a compressed file.
_MOST_AFTER = 2**20
#: How an NRRD or MetaImage header states the voxel size; without one SimpleITK takes 1 mm.
_VOXEL_SIZE = re.compile(
    rb"^(?:spacings|space directions)\s*:|^Element(?:Spacing|Size)\s*=", re.IGNORECASE | re.MULTILINE
)
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def open_volume(path: Path) -> Any:
    """The file with nibabel's image interface: ``shape``, ``affine`` (RAS), ``header``, ``dataobj``.

    Raises UnknownFileError for other formats; the message names no file.
    """
    name = path.name.lower()
    if name.endswith(ITK_SUFFIXES):
        return _ItkVolume(path)
    voxel_file(path)
    with path.open("rb") as stream:
        begin = stream.read(_NIFTI_2_HEADER)
    if begin[128:132] == b"DICM":
        raise UnknownFileError("a DICOM file with the suffix of another format; rename it to .dcm")
    try:
        opened = next((how for mark, how in _PACKED.items() if begin.startswith(mark)), open)
        if not name.endswith(NIFTI_SUFFIXES) or (opened is open and name.endswith(".nii")):
            _check_offset(begin)
            return nibabel.load(path)
        packed = opened(path, "rb")
        _check_offset(packed.read(_NIFTI_2_HEADER))
        return _nifti_of(packed)
    except (OSError, UnknownFileError):
        raise
    except Exception as error:  # a damaged header may cause any error in nibabel
        raise UnknownFileError(f"damaged NIfTI ({type(error).__name__})") from None


def stored_voxels(image: Any, path: Path) -> NDArray[Any]:
    """The voxels of ``open_volume(path)`` as stored (I, J, K), without their scale.

    A gzip file is read to its end, where its checksum is: nibabel stops before. Raises UnknownFileError if the file
    cannot hold as many voxels as its header states, or holds more; OSError or EOFError if the checksum does not fit.
    """
    claimed = math.prod(image.shape) * np.dtype(image.get_data_dtype()).itemsize
    if claimed > _MOST_TIMES * voxel_file(path).stat().st_size:
        raise UnknownFileError("a header that claims more voxels than the file can hold")
    stored: NDArray[Any] = np.asanyarray(image.dataobj.get_unscaled())
    packed = getattr(image.dataobj, "file_like", None)
    if isinstance(packed, gzip.GzipFile) and len(packed.read(_MOST_AFTER)) == _MOST_AFTER:
        raise UnknownFileError("a file that unpacks to more voxels than its header states")
    return stored


def _check_offset(begin: bytes) -> None:
    offset = 0.0
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", begin.ljust(4))
        if size == _NIFTI_2_HEADER == len(begin):
            (offset,) = struct.unpack_from(f"{order}q", begin, _OFFSET_2)
        elif size == _NIFTI_1_HEADER <= len(begin):
            (offset,) = struct.unpack_from(f"{order}f", begin, _OFFSET_1)
    if not 0 <= offset <= _MOST_OFFSET:  # also not a number
        raise UnknownFileError("a header that states an impossible place of its voxels")


def _nifti_of(stream: Any) -> Any:
    stream.seek(0)
    size = np.frombuffer(stream.read(4), dtype="<i4")
    stream.seek(0)
    is_second = size.size == 1 and _NIFTI_2_HEADER in (int(size[0]), int(size.byteswap()[0]))
    kind = nibabel.Nifti2Image if is_second else nibabel.Nifti1Image
    return kind.from_file_map({"image": FileHolder(fileobj=stream), "header": FileHolder(fileobj=stream)})


def segment_names(path: Path) -> dict[int, str]:
    """Label numbers and names of a 3D Slicer segmentation (.seg.nrrd); empty for every other file."""
    if not path.name.lower().endswith(".nrrd"):
        return {}
    reader = _reader(path)
    found = {}
    for key in reader.GetMetaDataKeys():
        if (hit := re.fullmatch(r"(Segment\d+)_LabelValue", key)) and reader.HasMetaDataKey(f"{hit[1]}_Name"):
            value = reader.GetMetaData(key).strip()
            if value.isdigit():
                found[int(value)] = reader.GetMetaData(f"{hit[1]}_Name").strip()
    return found


def _reader(path: Path) -> Any:
    """A SimpleITK reader that has read the header."""
    voxel_file(path)
    begin = read_header(path)
    end = begin.find(b"\n\n")
    header = begin[:end] if end > 0 else begin
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise UnknownFileError("a header that SimpleITK cannot read") from None
    if not _VOXEL_SIZE.search(header):
        raise UnknownFileError("a header that states no voxel size")
    return reader


class _ItkVolume:
    """A file read by SimpleITK with nibabel's interface; it is its own ``header`` and ``dataobj``."""

    slope, inter = 1.0, 0.0

    def __init__(self, path: Path) -> None:
        self._path, self._reader = path, (reader := _reader(path))
        components = reader.GetNumberOfComponents()
        self.shape = (*reader.GetSize(), *((components,) if components > 1 else ()))
        self.affine = _affine_ras(reader)
        self.header: dict[str, int] = {"sform_code": int(_states_space(reader, path))}
        self.dataobj = self

    def get_data_dtype(self) -> np.dtype:
        """Type of the stored voxels."""
        kind = sitk.Image([1] * self._reader.GetDimension(), self._reader.GetPixelID())
        return np.dtype(sitk.GetArrayViewFromImage(kind).dtype)

    def __getitem__(self, part: Any) -> NDArray[Any]:
        """A part of the voxels; SimpleITK reads all of them."""
        found: NDArray[Any] = self.get_unscaled()[part]
        return found

    def get_unscaled(self) -> NDArray[Any]:
        """Voxels (I, J, K)."""
        check_packed(self._path, math.prod(self.shape) * self.get_data_dtype().itemsize)
        try:
            array: NDArray[Any] = sitk.GetArrayFromImage(self._reader.Execute())
        except RuntimeError:
            raise UnknownFileError("voxels that SimpleITK cannot read") from None
        return array.T if len(self.shape) == array.ndim and array.shape[::-1] == self.shape else array


def _affine_ras(reader: Any) -> FloatArray:
    n = reader.GetDimension()
    affine = np.eye(4)
    if n < 3:
        return affine
    direction = np.array(reader.GetDirection()).reshape(n, n)[:3, :3]
    affine[:3, :3] = _LPS_TO_RAS @ direction @ np.diag(reader.GetSpacing()[:3])
    affine[:3, 3] = _LPS_TO_RAS @ np.array(reader.GetOrigin()[:3])
    return affine


def _states_space(reader: Any, path: Path) -> bool:
    """Whether axes refer to the patient: NRRD states it in ``space``; MetaImage does so by convention.

    SimpleITK converts every space that refers to the patient to LPS; others (scanner-xyz) keep their name.
    """
    if path.name.lower().endswith((".mha", ".mhd")):
        return True
    has_space = reader.HasMetaDataKey("NRRD_space")
    return bool(has_space and reader.GetMetaData("NRRD_space") == "left-posterior-superior")
