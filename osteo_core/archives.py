"""Reads studies directly from .zip, .tar, .tar.gz or .dcm.gz archives: a member is a path below its archive.

``/data/study.zip/CT/0001.dcm`` names a member. Nothing is unpacked into a folder: `local_file` gives a temporary copy
of one member while it is read, and names in an archive never determine where anything is written.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from osteo_core.archive_formats import SUFFIXES, Archive, open_archive
from osteo_core.imaging.files import stamp_of, volume_stem
from osteo_core.whole_files import private_folder


def is_archive(path: Path) -> bool:
    """Whether the name is that of a supported archive."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def members(archive: Path) -> list[tuple[Path, int]]:
    """The files in an archive, in order of names: path below the archive, size in bytes.

    Raises ArchiveError with the reason if it cannot be read.
    """
    return [(archive / name, size) for name, size in sorted(_opened(archive).sizes.items())]


def left_out(archive: Path) -> tuple[str, ...]:
    """Contents of an archive that are not read, as counts in words. Raises ArchiveError if it cannot be read."""
    return _opened(archive).left_out


def archive_of(path: Path) -> Path | None:
    """The archive that ``path`` lies in; None for an ordinary file."""
    if not any(part.lower().endswith(SUFFIXES) for part in path.parts[:-1]):
        return None
    return next((above for above in reversed(path.parents) if is_archive(above) and above.is_file()), None)


def status_of(path: Path) -> tuple[int, int]:
    """Size in bytes and modification time in ns since 1970 UTC, including a volume's JSON sidecar. Raises OSError.

    A member has the time of its archive.
    """
    archive = archive_of(path)
    if archive is None:
        return stamp_of(path, path.stat())
    sizes, name = _opened(archive).sizes, _name_in(archive, path)
    if name not in sizes:
        raise FileNotFoundError("no longer in its archive")
    return sizes[name], archive.stat().st_mtime_ns


def count_changed(files: Sequence[Path], stamps: Sequence[tuple[int, int]]) -> int:
    """How many of these files have changed since ``status_of`` gave ``stamps``; missing files are not counted.

    A changed file may belong to another patient.
    """
    changed = 0
    for path, stamp in zip(files, stamps, strict=False):  # series that were never indexed have no stamps
        with contextlib.suppress(OSError):
            changed += status_of(path) != stamp
    return changed


def is_there(path: Path) -> bool:
    """Whether a file or an archive member exists at this path."""
    try:
        return path.is_file() or (archive_of(path) is not None and status_of(path)[0] >= 0)
    except OSError:
        return False


@contextlib.contextmanager
def local_volume(path: Path) -> Iterator[Path]:
    """Like ``local_file``, but under the member's own name, with members of the same stem beside it (.img, .raw)."""
    archive = archive_of(path)
    if archive is None:
        _check_regular(path)
        yield path
        return
    with private_folder() as folder:
        place, stem = _name_in(archive, path.parent), volume_stem(path)
        for name in _opened(archive).sizes:
            own = PurePosixPath(name)
            if own.parent.as_posix() == place and own.name.startswith(f"{stem}."):
                with (folder / own.name).open("wb") as copy:
                    _unpack(archive, name, copy)
        yield folder / path.name


@contextlib.contextmanager
def local_file(path: Path) -> Iterator[Path]:
    """A path that every library can open: ``path`` itself, or a temporary copy of an archive member.

    Raises OSError (ArchiveError is one) if the file does not exist or cannot be unpacked.
    """
    archive = archive_of(path)
    if archive is None:
        _check_regular(path)
        yield path
        return
    name = _name_in(archive, path)
    with private_folder() as folder:
        copy = folder / f"member{PurePosixPath(name).suffix}"
        with copy.open("wb") as target:
            _unpack(archive, name, target)
        yield copy


def _check_regular(path: Path) -> None:
    """Raises FileNotFoundError for what took the place of a file: opening a pipe would wait for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise FileNotFoundError("no longer a regular file")


def _unpack(archive: Path, name: str, target: IO[bytes]) -> None:
    opened = _opened(archive)
    if name not in opened.sizes:
        raise FileNotFoundError("no longer in its archive")
    opened.write(name, target)


def _name_in(archive: Path, path: Path) -> str:
    return path.relative_to(archive).as_posix()


def _opened(archive: Path) -> Archive:
    """The archive, kept open while its file is unchanged."""
    seen = archive.stat()
    return _open(archive, seen.st_size, seen.st_mtime_ns, os.getpid())


@lru_cache(maxsize=8)
def _open(archive: Path, size: int, mtime_ns: int, process_id: int) -> Archive:
    del mtime_ns, process_id  # part of the cache key: a changed file or forked process opens it again
    return open_archive(archive, size)
