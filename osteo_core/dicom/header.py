"""Reads one file's header, without its pixels: the images in it and the positions of their slices."""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydicom import Dataset, config

from osteo_core.archive_formats import ArchiveError
from osteo_core.archives import is_archive, local_file, members
from osteo_core.dicom.bounds import BeyondBoundsError, check_claims, read_until_pixels
from osteo_core.dicom.elements import Elements, slice_of
from osteo_core.dicom.slices import Seen, SliceHeader
from osteo_core.dicom.values import number, sequence, text

_NIFTI_MAGIC = (b"n+1\0", b"ni1\0")
_NIFTI_2_MAGIC = (b"n+2\0", b"ni2\0")
#: 7-Zip, RAR, bzip2, xz, Zstandard.
_OTHER_ARCHIVES = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
#: Enough of a file to tell what it is, packed or not.
_MAGIC_BYTES = 4096
_DICOMDIR_SOP_CLASS = "1.2.840.10008.1.3.10"
# pydicom's warnings and log quote values and file names, which may contain a patient's name.
warnings.filterwarnings("ignore", module=r"pydicom\.")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


@dataclass(frozen=True, kw_only=True)
class NotReadable:
    """Why a file cannot be used as an image. ``kind`` is safe to show: it names no file and no patient."""

    kind: str


def read_header(path: Path) -> Dataset | NotReadable:
    """The elements up to the pixels. A file without the 128-byte preamble is read if it is DICOM.

    Reading all elements is faster than selecting some; no name in them is used. Any parser error is returned as
    NotReadable, so that no single file ends a run.
    """
    try:
        if is_archive(path):  # raises ArchiveError with the reason if it cannot be opened
            members(path)
        with config.disable_value_validation(), local_file(path) as local, local.open("rb") as file:
            dataset = _read(file)
            return _checked(dataset) if isinstance(dataset, Dataset) else dataset
    except FileNotFoundError:
        return NotReadable(kind="no longer there")
    except PermissionError:
        return NotReadable(kind="no permission to read")
    except ArchiveError as error:
        return NotReadable(kind=str(error))
    except BeyondBoundsError as error:
        return NotReadable(kind=f"damaged DICOM header: {error}")
    except Exception:  # one file must not end the run; the error's text may quote the file, so it is not reported
        return NotReadable(kind="damaged DICOM header")


def read_slices(path: Path, seen: Seen) -> list[SliceHeader] | NotReadable:
    """The slices of one file, or why it has none. ``seen`` is shared by the files of one search."""
    dataset = read_header(path)
    if isinstance(dataset, NotReadable):
        return dataset
    try:
        with config.disable_value_validation():
            return list(slices_of(dataset, path, seen))
    except Exception:  # one file must not end the run
        return NotReadable(kind="damaged DICOM header")


def has_preamble(path: Path) -> bool:
    """True for a DICOM file with a preamble, whatever its suffix."""
    try:
        with local_file(path) as local, local.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _read(file: BinaryIO) -> Dataset | NotReadable:
    start = file.read(132)
    if not start:
        return NotReadable(kind="empty file")
    is_whole = start[128:132] == b"DICM"
    if not is_whole and not _looks_like_dicom(start):
        return NotReadable(kind=_kind_of(start + file.read(_MAGIC_BYTES)))
    dataset = read_until_pixels(file, force=not is_whole)
    check_claims(dataset, os.fstat(file.fileno()).st_size)
    return dataset


def _kind_of(begin: bytes) -> str:
    """What a file other than DICOM looks like, by its first bytes."""
    inside = b""
    if begin.startswith(b"\x1f\x8b"):
        with contextlib.suppress(zlib.error):
            inside = zlib.decompressobj(wbits=31).decompress(begin, _MAGIC_BYTES)
    for content, suffix in ((begin, ".nii"), (inside, ".nii.gz")):
        if content[344:348] in _NIFTI_MAGIC or content[4:8] in _NIFTI_2_MAGIC:
            return f"NIfTI under another name; end it with {suffix}"
    if begin.startswith(b"NRRD000"):
        return "NRRD under another name; end it with .nrrd"
    if begin.startswith(b"PK\x03\x04"):
        return "an archive under another name; end it with .zip"
    if begin.startswith(_OTHER_ARCHIVES):
        return "an archive of a kind that is not read; unpack it, or pack it as .zip or .tar.gz"
    return "not DICOM"


def _looks_like_dicom(start: bytes) -> bool:
    """A data set without a preamble begins with a low element of group 0002 or 0008."""
    if len(start) < 8:
        return False
    group, element = struct.unpack("<HH", start[:4])
    return group in (0x0002, 0x0008) and element <= 0x0100


def _checked(dataset: Dataset) -> Dataset | NotReadable:
    """The data set, with blank SOP UIDs filled in from the file meta information."""
    sop_class = text(dataset, "SOPClassUID")
    for keyword, media, stated in (
        ("SOPClassUID", "MediaStorageSOPClassUID", sop_class),
        ("SOPInstanceUID", "MediaStorageSOPInstanceUID", text(dataset, "SOPInstanceUID")),
    ):
        if not stated:
            setattr(dataset, keyword, text(getattr(dataset, "file_meta", Dataset()), media))
    sop_class = sop_class or text(dataset, "SOPClassUID")
    if sop_class == _DICOMDIR_SOP_CLASS:
        return NotReadable(kind="DICOMDIR")
    if not (sop_class or text(dataset, "Modality")):
        return NotReadable(kind="DICOM without SOP class and modality")
    return dataset


def slices_of(dataset: Dataset, path: Path, seen: Seen) -> Iterator[SliceHeader]:
    """The slices of one file: the file itself, or the frames of a multi-frame file, in stored order."""
    top = {int(element.tag): element for element in dataset.values()}
    for group in sequence(dataset, "SharedFunctionalGroupsSequence")[:1]:
        top |= _flat(group)
    per_frame = sequence(dataset, "PerFrameFunctionalGroupsSequence")
    syntax = text(getattr(dataset, "file_meta", None) or Dataset(), "TransferSyntaxUID")
    for frame in range(int(number(dataset, "NumberOfFrames") or 1)):
        own = top | _flat(per_frame[frame]) if frame < len(per_frame) else top
        yield slice_of(Elements(dataset, own), path, frame, syntax, seen)


def _flat(group: Dataset) -> dict[int, Any]:
    """The elements of a functional group and of the first item of each of its sequences."""
    found = {}
    for element in group:
        found[int(element.tag)] = element
        if element.VR == "SQ" and element.value:
            found |= {int(inner.tag): inner for inner in element.value[0].values()}
    return found
