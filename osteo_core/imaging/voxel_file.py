"""Which file holds the voxels of a volume file, by a strict reading of its text header (NRRD, MetaImage).

SimpleITK's parsers trust a header: a MetaImage with 100 axes, a name of 300 letters or a '%' in the name of its voxel
file ends the process, as does an NRRD field of 1,000 letters, and either format may name files in other folders. So a
header is read here first, in its usual form only.
"""

from __future__ import annotations

import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

#: Longest text header; one with a hundred named segments has some 100 KB.
_MOST_BYTES = 2**20
#: Longest line that the parser of a MetaImage header can hold, and longest field of an NRRD header.
_MOST_LETTERS, _MOST_FIELD = 250, 500
_AXES = ("1", "2", "3", "4")
_META, _NRRD, _PAIR = (".mha", ".mhd"), (".nrrd", ".nhdr"), (".hdr",)
_META_LINE = re.compile(rb"([\w|/.-][^=:]*?)\s*=\s*(.*?)\s*")
#: Ends a MetaImage header.
_META_FILE = "ElementDataFile"
_OWN_VOXELS = ("LOCAL", "Local", "local")
#: Control characters other than the tab and the end of a line.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_PAIR_SUFFIXES = (".img", ".img.gz", ".img.bz2")


class UnknownFileError(Exception):
    """A file without a readable volume; the message names no file."""


def voxel_file(path: Path) -> Path:
    """The file that holds the voxels: ``path`` itself, or one beside it.

    Raises UnknownFileError for a header that names another folder, several files or none that can be read, or is not
    in its usual form; OSError if ``path`` cannot be read.
    """
    name = path.name.lower()
    if name.endswith(_META):
        own = _of_meta(path)
    elif name.endswith(_NRRD):
        own = _of_nrrd(path)
    elif name.endswith(_PAIR):
        stem = path.name[: -len(_PAIR[0])]
        pairs = (path.with_name(stem + ending) for suffix in _PAIR_SUFFIXES for ending in (suffix, suffix.upper()))
        own = next((pair for pair in pairs if pair.exists()), path)
    else:
        return path
    if own.exists() and not stat.S_ISREG(own.stat().st_mode):
        raise UnknownFileError("a header whose voxel file is not a regular file")
    return own


def read_header(path: Path) -> bytes:
    """The text header of an NRRD or MetaImage file, and as much of its voxels as follows in its first megabyte."""
    with path.open("rb") as stream:
        return stream.read(_MOST_BYTES)


def check_packed(path: Path, n_bytes: int) -> None:
    """Inflate the compressed voxels of a MetaImage file in pieces, because SimpleITK returns damaged ones as they are.

    Raises UnknownFileError unless they are sound and have ``n_bytes``.
    """
    if not path.name.lower().endswith(_META):
        return
    header, at = _meta_header(path)
    if not header.get("CompressedData", "").startswith(("T", "t", "1")):
        return
    own = voxel_file(path)
    try:
        with own.open("rb") as packed:
            packed.seek(at if own == path else max(0, int(header.get("HeaderSize", "0"))))
            # A file of its own holds nothing else; behind its header SimpleITK needs to know the size.
            whole = 0 if own == path else own.stat().st_size
            is_sound = _inflates_to(n_bytes, packed, int(header.get("CompressedDataSize", "0")) or whole)
    except (zlib.error, ValueError):
        is_sound = False
    if not is_sound:
        raise UnknownFileError("compressed voxels that are damaged, or not as many as the header states")


def _inflates_to(n_bytes: int, packed: BinaryIO, packed_bytes: int) -> bool:
    """Whether the next ``packed_bytes``, or fewer, are ``n_bytes`` with a checksum that fits. Raises zlib.error."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
    while n_bytes >= 0 and not inflater.eof:
        piece = inflater.unconsumed_tail
        if not piece:
            piece = packed.read(min(_MOST_BYTES, max(0, packed_bytes)))
            packed_bytes -= len(piece)
        plain = inflater.decompress(piece, _MOST_BYTES)
        n_bytes -= len(plain)
        if not piece and not plain:
            return False
    return n_bytes == 0


def _meta_header(path: Path) -> tuple[dict[str, str], int]:
    """The values of a MetaImage header by name, and its length in bytes."""
    found: dict[str, str] = {}
    for line, following in _lines(read_header(path)):
        if not line:
            continue
        hit = _META_LINE.fullmatch(line)
        if hit is None or len(line) > _MOST_LETTERS:
            raise UnknownFileError("a MetaImage header with a line that is no 'name = value', or a very long one")
        key, value = hit[1].decode("latin-1"), hit[2].decode("utf-8", errors="replace")
        if key in found:
            raise UnknownFileError(f"a MetaImage header that states {key} twice")
        found[key] = value
        if key == _META_FILE:
            if found.get("NDims") not in _AXES:
                raise UnknownFileError("a MetaImage header that does not state 1 to 4 axes")
            return found, following
    raise UnknownFileError("a MetaImage header that names no voxels")


def _of_meta(path: Path) -> Path:
    name = _meta_header(path)[0][_META_FILE]
    return path if name in _OWN_VOXELS else _beside(path, name)


def _of_nrrd(path: Path) -> Path:
    found: dict[str, str] = {}
    for line, _ in _lines(read_header(path)):
        if not line:
            break
        key, sign, value = line.partition(b":")
        if line.startswith(b"#") or value.startswith(b"="):  # a comment, or a pair 'key:=value', of any length
            continue
        if len(line) > _MOST_FIELD:
            raise UnknownFileError("an NRRD header with a very long line")
        if sign:
            found[key.decode("latin-1").lower().replace(" ", "")] = value.decode("utf-8", errors="replace").strip()
    is_skipping = any(found.get(key, "0").strip("0") for key in ("byteskip", "lineskip"))
    if is_skipping and found.get("encoding") != "raw":  # each byte would be read on its own, for hours
        raise UnknownFileError("a header that skips a part of compressed voxels")
    return _beside(path, found["datafile"]) if "datafile" in found else path


def _lines(begin: bytes) -> Iterator[tuple[bytes, int]]:
    """The lines of a header without their ends, and where the next one begins.

    Raises UnknownFileError at one that has no end, or is no text.
    """
    at = 0
    while at < len(begin):
        end = begin.find(b"\n", at)
        if end < 0 and len(begin) == _MOST_BYTES:
            raise UnknownFileError("a text header of more than 1 MB")
        line = begin[at : end if end >= 0 else None].removesuffix(b"\r")
        if _CONTROLS.search(line):
            raise UnknownFileError("a text header with control characters")
        at = end + 1 if end >= 0 else len(begin)
        yield line, at


def _beside(path: Path, name: str) -> Path:
    if name.startswith("LIST") or "%" in name:
        raise UnknownFileError("a header that names several voxel files; write the volume into one file")
    name = name.removeprefix("./")
    if Path(name).name != name or name in (".", ".."):
        raise UnknownFileError("a header whose voxel file is in another folder")
    return path.with_name(name)
