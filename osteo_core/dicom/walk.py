"""All files below some paths, folder by folder, without opening any."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from osteo_core.archives import is_archive, members
from osteo_core.errors import UsageError
from osteo_core.imaging.files import belongs_to_header, is_sidecar

#: Written by macOS and Windows into folders that people look at.
_LEFT_BY_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, kw_only=True)
class File:
    """One regular file by its directory entry. ``path`` is absolute; links keep the name they have here."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The files directly in one folder, by name; ``unreachable`` counts what could not even be looked at."""

    path: Path
    files: tuple[File, ...]
    unreachable: int = 0

    def is_unchanged(self, known: Mapping[str, tuple[int, int]]) -> bool:
        """True when every file here is known with this size and time of change, so nothing need be opened."""
        return bool(self.files) and all(known.get(str(f.path)) == (f.size, f.mtime_ns) for f in self.files)

    def values(self, by_path: Mapping[str, str]) -> set[str]:
        """What ``by_path`` holds for the files here."""
        return {by_path[str(f.path)] for f in self.files if str(f.path) in by_path}


def walk(paths: Iterable[Path], without: Iterable[Path] = ()) -> Iterator[Folder]:
    """Every folder at and below ``paths``, in order of names; each folder and each file once.

    Links are followed, a loop of links ends where it began. A path to a file yields that file.
    ``without``: files and folders that are passed over, by whatever name they are come upon.
    Raises UsageError for a path that does not exist.
    """
    seen = {(status.st_dev, status.st_ino) for status in (path.stat() for path in without if path.exists())}
    for path in paths:
        top = Path(path).absolute()
        if not top.exists():
            raise UsageError(f"there is nothing at {path}; give folders or files that exist")
        if top.is_dir():
            yield from _walk_folder(top, seen)
        else:
            yield _folder_of(top.parent, [os.fspath(top)], seen)


def _walk_folder(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Folder]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            status = current.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:  # no permission, or gone since: counted, not fatal
            yield Folder(path=current, files=(), unreachable=1)
            continue
        is_folder = {entry.path: _is_folder(entry) for entry in listed}
        waiting.extend(Path(path) for path in reversed(is_folder) if is_folder[path])
        yield _folder_of(current, [path for path in is_folder if not is_folder[path]], seen)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_no_file_of_its_own(path: Path) -> bool:
    """What macOS and Windows leave beside files; the voxels of a header file, and what a JSON file says of a volume."""
    if path.name.startswith("._") or path.name in _LEFT_BY_SYSTEMS:
        return True
    return belongs_to_header(path) or is_sidecar(path)


def _folder_of(folder: Path, names: list[str], seen: set[tuple[int, int]]) -> Folder:
    files, unreachable = [], 0
    for name in names:
        try:
            status = os.stat(name)
        except OSError:  # a link to nowhere
            unreachable += 1
            continue
        if _is_no_file_of_its_own(Path(name)):
            continue
        # Pipes and devices are no files to read: opening a pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        files += _files_of(Path(name), status)
    return Folder(path=folder, files=tuple(files), unreachable=unreachable)


def _files_of(path: Path, status: os.stat_result) -> list[File]:
    """The file itself, or the files in an archive; of an archive that cannot be read itself, which reading it tells."""
    if is_archive(path):
        try:
            inside = members(path)
        except OSError:
            inside = []
        if inside:
            return [
                File(path=member, size=size, mtime_ns=status.st_mtime_ns)
                for member, size in inside
                if not _is_no_file_of_its_own(member)
            ]
    return [File(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)]
