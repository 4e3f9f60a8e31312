"""Pixels of one file in HU, whatever its transfer syntax (JPEG lossless, JPEG-LS, JPEG 2000, RLE, none).

SimpleITK (GDCM) decodes every syntax and applies the rescale, so all files take the same path.
Slice positions come from our own header reader, not from SimpleITK.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that its own documentation uses
from numpy.typing import NDArray
from pydicom import Dataset, config, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import STANDARD_VR

from osteo_core.archives import local_file, status_of
from osteo_core.dicom.bounds import BeyondBoundsError, is_deflated, write_inflated
from osteo_core.dicom.slices import SliceHeader
from osteo_core.dicom.stored_bits import needs_more_bits
from osteo_core.dicom.values import DAMAGE, number, sequence, text
from osteo_core.whole_files import private_folder

# GDCM's warnings quote file names, which may contain a patient's name.
sitk.ProcessObject.SetGlobalWarningDisplay(False)

#: Attributes that determine the size of the pixel data, and the pixel data.
_SIZE_KEYWORDS = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "PixelData")
#: All that GDCM needs to decode a file, without elements that may be malformed.
_PIXEL_KEYWORDS = (
    *(*_SIZE_KEYWORDS[:-1], "BitsStored", "HighBit", "PixelRepresentation", "PhotometricInterpretation"),
    *("PlanarConfiguration", "RescaleSlope", "RescaleIntercept"),
)
#: Little-endian elements with big-endian pixels (GE Advantage workstations); pydicom reads the elements.
_GE_BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"
#: Ends compressed pixel data, near the end of the file.
_END_OF_FRAGMENTS, _TAIL_BYTES = b"\xfe\xff\xdd\xe0", 65536
#: A slice of 2048 by 2048 pixels has 8 MB; larger files have many frames.
_MOST_SLICE_BYTES = 2**24
#: Longer elements are left on disk when only their length is needed.
_DEFER_BYTES = 1024
_NATIVE_SYNTAXES = (
    "",
    *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian),
)


#: RLE, JPEG baseline, extended and lossless, JPEG-LS, JPEG 2000: GDCM decodes these.
_COMPRESSED_SYNTAXES = frozenset(
    f"1.2.840.10008.1.2.{tail}" for tail in ("5", *(f"4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91)))
)


class PixelsUnreadableError(Exception):
    """Pixels that cannot be decoded; the message is safe to show (it names no file)."""


def read_frames(path: Path, syntax: str, *, is_monochrome1: bool = False, is_rescaled: bool = True) -> NDArray[Any]:
    """(frames, rows, columns) in HU as stored, int16/int32 or float64. Raises PixelsUnreadableError.

    ``syntax``: the transfer syntax from the file meta information, '' without one. ``is_monochrome1``: only the
    display of such images is inverted, but GDCM inverts the values, so they are decoded as MONOCHROME2.
    ``is_rescaled``: False for stored values without rescaling.
    """
    with local_file(path) as local:
        try:
            return _frames(local, syntax, is_monochrome1=is_monochrome1, is_rescaled=is_rescaled)
        except PixelsUnreadableError:
            name = UID(syntax).name
            if name == syntax or syntax in (*_NATIVE_SYNTAXES, *_COMPRESSED_SYNTAXES):
                raise
        raise PixelsUnreadableError(f"pixels stored as {name}, which is not read; export them uncompressed")


def is_copy(one: SliceHeader, other: SliceHeader) -> bool:
    """Whether two slices of one SOPInstanceUID show the same HU; True if a file cannot be read or has many frames.

    Copies may differ in transfer syntax and in the parts of the header that an archive changes.
    """
    try:
        if max(status_of(s.path)[0] for s in (one, other)) > _MOST_SLICE_BYTES or _is_same_file(one.path, other.path):
            return True
        first, second = (
            read_frames(s.path, s.pixels.transfer_syntax, is_monochrome1=s.pixels.is_monochrome1) for s in (one, other)
        )
    except (PixelsUnreadableError, OSError):
        return True
    return np.array_equal(first, second)


def _is_same_file(one: Path, other: Path) -> bool:
    with local_file(one) as first, local_file(other) as second:
        return first.read_bytes() == second.read_bytes()


def _frames(path: Path, syntax: str, *, is_monochrome1: bool, is_rescaled: bool) -> NDArray[Any]:
    if syntax == DeflatedExplicitVRLittleEndian and is_deflated(path):
        return _read_deflated(path, is_monochrome1=is_monochrome1, is_rescaled=is_rescaled)
    is_as_written = not is_monochrome1 and is_rescaled
    if syntax in _NATIVE_SYNTAXES:
        _check_length(path)
        if needs_more_bits(path):
            return _decoded_bare(path, is_rescaled=is_rescaled, is_wide=True)
    with path.open("rb") as file:
        has_preamble = file.read(132)[128:] == b"DICM"
    if syntax == _GE_BIG_ENDIAN_PIXELS:
        return _decoded_bare(path, is_rescaled=is_rescaled)
    if has_preamble and is_as_written and _is_utf8(path):
        if not _has_known_representations(path):
            return _decoded_bare(path, is_rescaled=True)
        try:
            return _decoded(path)
        except PixelsUnreadableError:  # the element that GDCM fails on may not be needed for the pixels
            return _decoded_bare(path, is_rescaled=True)
    with private_folder() as folder:
        whole = folder / "whole.dcm"
        try:
            if has_preamble and is_as_written:
                whole.symlink_to(path.absolute())
            else:
                _write_plain(path, whole, is_rescaled=is_rescaled)
        except DAMAGE:
            raise PixelsUnreadableError("a data set that cannot be read to its end") from None
        return _decoded(whole)


def _read_deflated(path: Path, *, is_monochrome1: bool, is_rescaled: bool) -> NDArray[Any]:
    """GDCM inflates without a limit, so it is given the inflated file."""
    with private_folder() as folder:
        plain = folder / "plain.dcm"
        try:
            write_inflated(path, plain)
        except BeyondBoundsError as error:
            raise PixelsUnreadableError(str(error)) from None
        except DAMAGE:
            raise PixelsUnreadableError("a data set that cannot be read to its end") from None
        return read_frames(plain, ExplicitVRLittleEndian, is_monochrome1=is_monochrome1, is_rescaled=is_rescaled)


def _is_utf8(path: Path) -> bool:
    """SimpleITK accepts only UTF-8 names."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_known_representations(path: Path) -> bool:
    """Whether all value representations are defined by the standard.

    For an unknown one, GDCM reads a 4-byte length, allocates that much memory and never frees it: a damaged file of a
    kilobyte costs 740 MB each time it is read.
    """
    try:
        with config.disable_value_validation():
            dataset = dcmread(path, force=True, defer_size=_DEFER_BYTES, stop_before_pixels=True)
    except DAMAGE:  # reported by the decoder
        return True
    return all(one.VR is None or one.VR in STANDARD_VR for one in (*dataset.file_meta.values(), *dataset.values()))


def _check_length(path: Path) -> None:
    """Checks that uncompressed pixel data has the expected size: GDCM would fill the rest with unrelated data."""
    try:
        with config.disable_value_validation():
            dataset = dcmread(path, force=True, defer_size=_DEFER_BYTES, specific_tags=list(_SIZE_KEYWORDS))
            pixels = dataset.get_item("PixelData", keep_deferred=True)
            factors = [number(dataset, keyword) or 1 for keyword in _SIZE_KEYWORDS[:-1]]
    except (FileNotFoundError, PermissionError):
        raise
    except DAMAGE:
        raise PixelsUnreadableError("a data set that cannot be read to its end") from None
    if pixels is None:
        raise PixelsUnreadableError("the file holds no pixels")
    found, needed = int(getattr(pixels, "length", 0)), int(np.prod(factors)) // 8
    if found < needed:
        raise PixelsUnreadableError(f"pixels cut short: {found} bytes where the header needs {needed}")


def _decoded(path: Path) -> NDArray[Any]:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        frames = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError:
        raise PixelsUnreadableError("pixels damaged, cut short, or in an unknown compression") from None
    if frames.ndim != 3:
        raise PixelsUnreadableError(f"pixels have {frames.ndim} axes, expected 3")
    return frames


def _decoded_bare(path: Path, *, is_rescaled: bool, is_wide: bool = False) -> NDArray[Any]:
    """The frames, decoded from a minimal copy of the file, with all allocated bits if ``is_wide``.

    Raises PixelsUnreadableError.
    """
    with private_folder() as folder:
        bare = folder / "bare.dcm"
        try:
            _write_bare(path, bare, is_rescaled=is_rescaled, is_wide=is_wide)
        except DAMAGE:
            raise PixelsUnreadableError("pixels damaged, cut short, or in an unknown compression") from None
        return _decoded(bare)


def _write_bare(path: Path, bare: Path, *, is_rescaled: bool, is_wide: bool) -> None:
    with config.disable_value_validation():
        dataset: Dataset = dcmread(path, force=True)
        own = Dataset()
        for keyword in _PIXEL_KEYWORDS:
            if keyword in dataset and (is_rescaled or not keyword.startswith("Rescale")):
                own[keyword] = dataset[keyword]
        own.PhotometricInterpretation = text(dataset, "PhotometricInterpretation").replace("OCHROME1", "OCHROME2")
        own["PixelData"] = dataset["PixelData"]
        if is_wide:
            own.BitsStored, own.HighBit = own.BitsAllocated, own.BitsAllocated - 1
        syntax = UID(dataset.file_meta.TransferSyntaxUID)
        if not _is_whole(own, syntax, path):  # pydicom accepts short data, and GDCM fills the rest
            raise ValueError
        if syntax == _GE_BIG_ENDIAN_PIXELS:
            own.PixelData = np.frombuffer(dataset.PixelData, dtype=">u2").astype("<u2").tobytes()
            syntax = ExplicitVRLittleEndian
        own.SOPClassUID, own.SOPInstanceUID = CTImageStorage, "2.25.1"
        own.file_meta = FileMetaDataset()
        own.file_meta.TransferSyntaxUID = syntax
        dcmwrite(bare, own, enforce_file_format=True)


def _is_whole(own: Dataset, syntax: str, path: Path) -> bool:
    if syntax in (*_NATIVE_SYNTAXES, _GE_BIG_ENDIAN_PIXELS):
        needed = int(np.prod([number(own, keyword) or 1 for keyword in _SIZE_KEYWORDS[:-1]])) // 8
        return len(own.PixelData) >= needed
    return _END_OF_FRAGMENTS in path.read_bytes()[-_TAIL_BYTES:]


def _write_plain(path: Path, whole: Path, *, is_rescaled: bool) -> None:
    """Write a conforming file for GDCM, so that it does not invert values and rescales them only if ``is_rescaled``."""
    with config.disable_value_validation():
        dataset: Dataset = dcmread(path, force=True)
        meta = getattr(dataset, "file_meta", None) or FileMetaDataset()
        if "TransferSyntaxUID" not in meta:
            implicit = bool(dataset.original_encoding[0])
            meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        if text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
            dataset.PhotometricInterpretation = "MONOCHROME2"
        if not is_rescaled:
            _remove_rescale(dataset)
        meta.MediaStorageSOPClassUID = text(dataset, "SOPClassUID") or CTImageStorage
        meta.MediaStorageSOPInstanceUID = text(dataset, "SOPInstanceUID") or "2.25.1"
        dataset.file_meta = meta
        dcmwrite(whole, dataset, enforce_file_format=True)


def _remove_rescale(dataset: Dataset) -> None:
    shared = sequence(dataset, "SharedFunctionalGroupsSequence")
    for group in (dataset, *shared, *sequence(dataset, "PerFrameFunctionalGroupsSequence")):
        for keyword in ("PixelValueTransformationSequence", "RescaleSlope", "RescaleIntercept"):
            if keyword in group:
                del group[keyword]


def is_whole_valued(slopes: list[float], intercepts: list[float]) -> bool:
    """True when whole stored values stay whole after their rescale."""
    return bool(np.all(np.mod([*slopes, *intercepts], 1.0) == 0.0))
