"""Limits on what a DICOM file may claim, checked before anything is inflated, allocated or looped over.

A file of a few kilobytes can claim millions of frames, and a deflated one can expand a thousandfold. Sizes are computed
from the header and compared with the file; a deflated data set is inflated in chunks up to a fixed size.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO

from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from osteo_core.dicom.values import number
from osteo_core.limits.limit import Limit

MOST_FRAMES = Limit(
    value=20_000,
    unit="frames",
    source="design: a perfusion scan of 320 slices at 30 moments has 9,600",
    date="2026-11-29",
    beyond="the file is not read",
)
MOST_COMPRESSED = Limit(
    value=1_000,
    unit="times its bytes on disk",
    source="design: deflate reaches 1,032 on zeros; lossless compression of CT reaches 2 to 4",
    date="2026-11-29",
    beyond="the file is not read",
)
MOST_PIXEL_BYTES = Limit(
    value=2**34,
    unit="bytes a file",
    source="design: 16 GiB; 1,024 x 1,024 pixels of 2 bytes in 4,000 slices are 8",
    date="2026-11-29",
    beyond="the file is not read",
)
MOST_HEADER_BYTES = Limit(
    value=2**26,
    unit="bytes before the pixels of a deflated data set",
    source="design: 64 MiB; the header of an enhanced CT of 10,000 frames has some 20",
    date="2026-11-29",
    beyond="the file is not read",
)

#: Attributes that determine the size of the pixel data.
SIZE_KEYWORDS = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated")
_USUAL_BITS = 16
#: Position of the group length of the file meta information, and of what follows it.
_META_START, _LENGTH_AT, _BODY_AFTER = 128, 140, 144
_META_LENGTH = struct.pack("<HH2sH", 0x0002, 0x0000, b"UL", 4)
#: The transfer syntax always lies within the first bytes of a file.
_META_BYTES = 4096
_CHUNK_BYTES = 2**20
#: The first bytes of the tag of the pixel data, (7FE0,0010), where reading the header stops.
_PIXELS_GROUP = b"\xe0\x7f"


class BeyondBoundsError(ValueError):
    """A file claims more than it can hold, or inflates beyond its bound. The text names no file."""


def claimed_bytes(dataset: Dataset) -> int:
    """Size of the pixel data in bytes according to the header; 0 where it states no size. Raises BeyondBoundsError."""
    frames = _frames(dataset)
    rows, columns = number(dataset, "Rows") or 0, number(dataset, "Columns") or 0
    samples, bits = number(dataset, "SamplesPerPixel") or 1, number(dataset, "BitsAllocated") or _USUAL_BITS
    return max(0, round(rows * columns * frames * samples * bits / 8))


def check_claims(dataset: Dataset, file_bytes: int) -> None:
    """Raises BeyondBoundsError for a header that claims more frames or pixels than a file of this size can hold."""
    claimed, most = claimed_bytes(dataset), min(MOST_PIXEL_BYTES.value, MOST_COMPRESSED.value * file_bytes)
    if claimed > most:
        raise BeyondBoundsError("its header claims more pixels than the file can hold")


def check_voxels(shape: Sequence[int]) -> None:
    """Raises BeyondBoundsError for a grid that no CT has, before it is allocated."""
    if max(shape[2:], default=1) > MOST_FRAMES.value or math.prod(shape) * 2 > MOST_PIXEL_BYTES.value:
        raise BeyondBoundsError("its grid is larger than any CT")


def _frames(dataset: Dataset) -> int:
    stated = number(dataset, "NumberOfFrames")
    if stated is None or stated == 0:
        return 1
    if stated < 1 or stated != int(stated):
        raise BeyondBoundsError("its number of frames is not a positive whole number")
    if stated > MOST_FRAMES.value:
        raise BeyondBoundsError(f"it claims more than {MOST_FRAMES.value:,.0f} frames")
    return int(stated)


def read_until_pixels(file: BinaryIO, **options: Any) -> Dataset:
    """Like ``dcmread`` without the pixels, with a limit on the inflated size of a deflated data set.

    Raises BeyondBoundsError, and whatever dcmread raises.
    """
    body_at = _deflated_body(file)
    file.seek(0)
    if body_at is None:
        return dcmread(file, stop_before_pixels=True, **options)
    most = round(MOST_HEADER_BYTES.value)
    plain = io.BytesIO(b"".join(_inflated(file, body_at, most)))
    dataset = dcmread(plain, stop_before_pixels=True, **options)
    if len(plain.getbuffer()) >= most and plain.read(2) != _PIXELS_GROUP:
        raise BeyondBoundsError("its header inflates to more than any real header")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return dataset


def is_deflated(path: Path) -> bool:
    """Whether the data set of this file is deflated. Raises OSError."""
    with path.open("rb") as file:
        return _deflated_body(file) is not None


def write_inflated(path: Path, target: Path) -> None:
    """Write the deflated file ``path`` uncompressed to ``target``.

    Raises BeyondBoundsError when it inflates to more than its header states, zlib.error or OSError when unreadable.
    """
    with path.open("rb") as file:
        body_at = _deflated_body(file)
        if body_at is None:
            raise BeyondBoundsError("expected a deflated data set")
        with target.open("wb") as plain:
            _inflate_whole(file, body_at, plain)


def read_whole(path: Path) -> Dataset:
    """Like ``dcmread`` with the pixels, with a limit on the inflated size of a deflated data set.

    Raises BeyondBoundsError, and whatever dcmread raises.
    """
    with path.open("rb") as file:
        body_at = _deflated_body(file)
        if body_at is None:
            return dcmread(path)
        plain = io.BytesIO()
        _inflate_whole(file, body_at, plain)
    plain.seek(0)
    return dcmread(plain)


def _inflate_whole(file: BinaryIO, body_at: int, plain: IO[bytes]) -> None:
    dataset = read_until_pixels(file, specific_tags=list(SIZE_KEYWORDS))
    most = claimed_bytes(dataset) + round(MOST_HEADER_BYTES.value)
    if most > MOST_PIXEL_BYTES.value:
        raise BeyondBoundsError("its header claims more pixels than any real CT has")
    for chunk in _inflated(file, body_at, most):
        plain.write(chunk)
    if plain.tell() >= most:
        raise BeyondBoundsError("it inflates to more than its header states")


def _deflated_body(file: BinaryIO) -> int | None:
    """Where the deflated data set begins; None in any other file. Raises BeyondBoundsError if unknown."""
    file.seek(0)
    start = file.read(_META_BYTES)
    if start[_META_START : _META_START + 4] != b"DICM" or DeflatedExplicitVRLittleEndian.encode() not in start:
        return None
    if start[_META_START + 4 : _LENGTH_AT] != _META_LENGTH:
        raise BeyondBoundsError("a deflated data set without the group length of its meta information")
    end = _BODY_AFTER + int.from_bytes(start[_LENGTH_AT:_BODY_AFTER], "little")
    return end if DeflatedExplicitVRLittleEndian.encode() in start[:end] else None


def _inflated(file: BinaryIO, body_at: int, most: int) -> Iterator[bytes]:
    """The inflated file in chunks, up to ``most`` bytes."""
    file.seek(0)
    deflated, plain = DeflatedExplicitVRLittleEndian.encode(), ExplicitVRLittleEndian.encode()
    head = file.read(body_at).replace(deflated, plain.ljust(len(deflated), b"\0"))
    yield head
    left = most - len(head)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while left > 0 and not inflater.eof:
        given = inflater.unconsumed_tail or file.read(_CHUNK_BYTES)
        piece = inflater.decompress(given, min(left, _CHUNK_BYTES))
        if not piece and not given:
            raise BeyondBoundsError("a deflated data set that ends too early")
        left -= len(piece)
        yield piece
