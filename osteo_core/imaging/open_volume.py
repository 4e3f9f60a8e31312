"""Opens a volume file for its header and, on request, its voxels: NIfTI by nibabel, other formats by SimpleITK.

Compression is recognised by the first bytes; suffixes may be wrong (a compressed .nii, an uncompressed .nii.gz).
"""

from __future__ import annotations

import bz2
import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk  # noqa: N813
from nibabel.fileholders import FileHolder
from numpy.typing import NDArray

from osteo_core.imaging.files import ITK_SUFFIXES, NIFTI_SUFFIXES
from osteo_core.records import FloatArray

_PACKED: dict[bytes, tuple[str, Callable[..., Any]]] = {
    b"\x1f\x8b": (".gz", gzip.open),
    b"BZh": (".bz2", bz2.open),
}
_NIFTI_2_HEADER = 540
#: The voxel file named in an NRRD or MetaImage header; it is read only from the same folder.
_DATA_FILE = re.compile(rb"^(?:data ?file\s*:|ElementDataFile\s*=)\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
#: How an NRRD or MetaImage header states the voxel size; without one SimpleITK takes 1 mm.
_VOXEL_SIZE = re.compile(
    rb"^(?:spacings|space directions)\s*:|^Element(?:Spacing|Size)\s*=", re.IGNORECASE | re.MULTILINE
)
_OWN_DATA = (b"LOCAL", b"LIST")
_HEADER_BYTES = 65536
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])

sitk.ProcessObject.SetGlobalWarningDisplay(False)


class UnknownFileError(Exception):
    """A file without a readable volume; the message names no file."""


def open_volume(path: Path) -> Any:
    """The file with nibabel's image interface: ``shape``, ``affine`` (RAS), ``header``, ``dataobj``.

    Raises UnknownFileError for other formats; the message names no file.
    """
    name = path.name.lower()
    if name.endswith(ITK_SUFFIXES):
        return _ItkVolume(path)
    with path.open("rb") as stream:
        begin = stream.read(132)
    if begin[128:132] == b"DICM":
        raise UnknownFileError("a DICOM file with the suffix of another format; rename it to .dcm")
    try:
        suffix, opened = next((how for mark, how in _PACKED.items() if begin.startswith(mark)), ("", open))
        if not name.endswith(NIFTI_SUFFIXES) or name.endswith(".nii" + suffix):
            return nibabel.load(path)
        return _nifti_of(opened(path, "rb"))
    except OSError:
        raise
    except Exception as error:  # a damaged header may cause any error in nibabel
        raise UnknownFileError(f"damaged NIfTI ({type(error).__name__})") from None


def _nifti_of(stream: Any) -> Any:
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
    with path.open("rb") as stream:
        begin = stream.read(_HEADER_BYTES)
    end = begin.find(b"\n\n")
    header = begin[:end] if end > 0 else begin
    for found in _DATA_FILE.finditer(header):
        data = found[1].decode("utf-8", errors="replace")
        if not found[1].upper().startswith(_OWN_DATA) and Path(data).name != data:
            raise UnknownFileError("a header whose voxel file is in another folder")
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
        self._reader = reader = _reader(path)
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
