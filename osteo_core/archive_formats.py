"""What a .zip, .tar, .tar.gz or .dcm.gz holds: its members, their sizes, and the bytes of one, all of them bounded."""

from __future__ import annotations

import gzip
import io
import lzma
import posixpath
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from osteo_core.limits.limit import Limit

MOST_MEMBERS = Limit(
    value=200_000,
    unit="files an archive",
    source="design: a study of the whole body in thin slices and many phases has some 10,000",
    date="2026-11-29",
    beyond="the archive is not read",
)
MOST_MEMBER_BYTES = Limit(
    value=2**32,
    unit="bytes a file, unpacked",
    source="design: 4 GiB; an enhanced CT of 4,000 frames of 512 x 512 has 2",
    date="2026-11-29",
    beyond="the file is not read",
)
MOST_UNPACKED = Limit(
    value=100,
    unit="times the bytes of the archive, and 64 MiB, unpacked in all",
    source="design: deflate makes CT 2 to 4 times smaller; what a bomb holds is 1,000 times its size",
    date="2026-11-29",
    beyond="the archive is not read",
)

_ZIP, _TAR, _TAR_GZ, _ONE_FILE = (".zip",), (".tar",), (".tar.gz", ".tgz"), (".dcm.gz", ".ima.gz")
SUFFIXES = (*_ZIP, *_TAR, *_TAR_GZ, *_ONE_FILE)
_CHUNK_BYTES = 2**20
#: The 64 MiB of MOST_UNPACKED: a small archive of blank slices is not a zip bomb.
_ANYWAY_BYTES = 2**26
_ENCRYPTED = 0x1
#: A zip's list of MOST_MEMBERS, with long names. It is read as a whole, and each member takes ten times as much memory.
_MOST_LIST_BYTES = 2**25
_TOO_MANY = f"an archive of more than {MOST_MEMBERS.value:,.0f} files"
_TOO_MUCH = "an archive that unpacks to more than any real study"
#: What the libraries raise for damaged archives.
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, RuntimeError, ValueError),
)


class ArchiveError(OSError):
    """An archive, or a member of it, that cannot be read. The text names no file."""


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An open archive: the size of each member by path below the archive, how to open one, and the size limit.

    ``left_out``: other contents as counts in words, without names.
    """

    sizes: dict[str, int]
    open_member: Callable[[str], AbstractContextManager[_Readable]]
    most_bytes: int
    left_out: tuple[str, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, member: str, target: IO[bytes]) -> None:
        """Write one member's bytes, up to the limit. Raises ArchiveError for more, or for damage."""
        try:
            with self.lock, self.open_member(member) as source:
                _copy(source, target, min(self.most_bytes, round(MOST_MEMBER_BYTES.value)))
        except _DAMAGE:
            raise ArchiveError("a damaged archive") from None


class _Listed(io.BufferedReader):
    """A zip file whose list of members is bounded; nothing else is read in such large pieces."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises ArchiveError for a longer list."""
        if size is not None and size > _MOST_LIST_BYTES:
            raise ArchiveError(_TOO_MANY)
        return super().read(size)


def open_archive(archive: Path, size: int) -> Archive:
    """Open an archive of ``size`` bytes and read its list of members.

    Raises ArchiveError if it is damaged, encrypted or beyond the limits, OSError if it cannot be opened.
    """
    most = round(MOST_UNPACKED.value) * size + _ANYWAY_BYTES
    name = archive.name.lower()
    try:
        if name.endswith(_ONE_FILE):
            one = archive.name[: -len(".gz")]
            return Archive(sizes={one: size}, open_member=lambda _: gzip.open(archive, "rb"), most_bytes=most)
        if name.endswith(_ZIP):
            return _of_zip(zipfile.ZipFile(_Listed(archive.open("rb", buffering=0))), most)
        if name.endswith(_TAR):
            return _of_tar(tarfile.open(archive, "r:"), most)
        plain = tempfile.TemporaryFile()
        with gzip.open(archive, "rb") as packed:
            _copy(packed, plain, most)
        plain.seek(0)
        return _of_tar(tarfile.open(fileobj=plain, mode="r:"), most)
    except _DAMAGE:
        raise ArchiveError("a damaged archive") from None


def _of_zip(opened: zipfile.ZipFile, most: int) -> Archive:
    entries = [entry for entry in opened.infolist() if not entry.filename.endswith("/")]  # a name may be empty
    _check_count(len(entries))
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise ArchiveError("an encrypted archive; unpack it first")
    outside = sum(not _safe(entry.filename) for entry in entries)
    stored = {key: entry for entry in entries if (key := _safe(entry.filename))}
    sizes = {key: entry.file_size for key, entry in stored.items()}
    if sum(sizes.values()) > most:
        raise ArchiveError(_TOO_MUCH)
    doubled = len(entries) - outside - len(stored)
    words = _left_out_words(outside, doubled)
    return Archive(sizes=sizes, open_member=lambda key: opened.open(stored[key]), most_bytes=most, left_out=words)


def _of_tar(opened: tarfile.TarFile, most: int) -> Archive:
    stored: dict[str, tarfile.TarInfo] = {}
    outside = doubled = 0
    for number, entry in enumerate(opened, start=1):
        _check_count(number)
        key = _safe(entry.name)
        if not key or ((entry.islnk() or entry.issym()) and not _is_inside(entry)):
            outside += not entry.isdir()
        elif entry.isreg():  # link targets are listed themselves
            doubled += key in stored
            stored[key] = entry
    _check_end(opened)

    def open_member(key: str) -> AbstractContextManager[_Readable]:
        return opened.extractfile(stored[key]) or io.BytesIO()

    sizes = {key: entry.size for key, entry in stored.items()}
    return Archive(sizes=sizes, open_member=open_member, most_bytes=most, left_out=_left_out_words(outside, doubled))


def _check_end(opened: tarfile.TarFile) -> None:
    """Refuse an archive with more behind its last member: tarfile takes a damaged header for the end."""
    if (file := opened.fileobj) is not None:
        file.seek(opened.offset)
        if any(file.read(tarfile.BLOCKSIZE)):
            raise ArchiveError("a damaged archive")


def _is_inside(link: tarfile.TarInfo) -> bool:
    """Whether a link's target is in the archive; symbolic links are relative to their folder."""
    start = posixpath.dirname(link.name) if link.issym() else ""
    return bool(_safe(posixpath.normpath(posixpath.join(start, link.linkname))))


def _left_out_words(outside: int, doubled: int) -> tuple[str, ...]:
    words = [f"{outside} member(s) of an archive with a path outside it"] if outside else []
    return (*words, *([f"{doubled} member(s) of an archive with a duplicate name"] if doubled else []))


def _check_count(count: int) -> None:
    if count > MOST_MEMBERS.value:
        raise ArchiveError(_TOO_MANY)


def _safe(name: str) -> str:
    """The member's path below its archive; '' if the path leads outside it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        return ""
    return path.as_posix() if path.parts else ""


def _copy(source: _Readable, target: IO[bytes], left: int) -> None:
    while piece := source.read(min(_CHUNK_BYTES, left + 1)):
        left -= len(piece)
        if left < 0:
            raise ArchiveError(_TOO_MUCH)
        target.write(piece)
