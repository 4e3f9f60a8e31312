"""Lists all files below given paths, folder by folder, without opening them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from osteo_core.archives import archive_of, is_archive, left_out, members
from osteo_core.errors import UsageError
from osteo_core.imaging.files import belongs_to_header, is_sidecar, stamp_of

#: Files that macOS and Windows create in browsed folders.
_LEFT_BY_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, kw_only=True)
class File:
    """One regular file, from its directory entry. ``path`` is absolute and not resolved: links keep their own name."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the index knows about a file: size and modification time, and keyed hashes.

    ``about_hash``: of the table row about the file; ``people``: of its PatientID and StudyInstanceUID, which link it to
    other files of the same person.
    """

    stamp: tuple[int, int]
    about_hash: str = ""
    people: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The files directly in one folder, by name; ``unreachable`` counts entries that could not be examined.

    ``left_out``: archives in it with contents that are not read, described in words.
    """

    path: Path
    files: tuple[File, ...]
    unreachable: int = 0
    left_out: tuple[tuple[Path, str], ...] = ()

    def is_unchanged(self, known: Mapping[str, Known], about_hash: Callable[[Path], str] | None = None) -> bool:
        """True when every file here is already indexed in its current state, so that none need be opened.

        ``about_hash``: the hash of the table row about a file; None without a table.
        """

        def is_known(file: File) -> bool:
            seen = known.get(str(file.path))
            if seen is None or seen.stamp != (file.size, file.mtime_ns):
                return False
            return about_hash is None or about_hash(file.path) == seen.about_hash

        return bool(self.files) and all(map(is_known, self.files))


def walk(
    paths: Iterable[Path], without: Iterable[Path] = (), seen: set[tuple[int, int]] | None = None
) -> Iterator[Folder]:
    """Every folder at and below ``paths``, sorted by name; each folder and file once.

    Links are followed; loops are detected. A path to a file yields that file.
    ``without``: files and folders to skip, under whatever name they are reached.
    ``seen`` collects everything visited, by device and inode. Raises UsageError for a path that does not exist.
    """
    seen = set() if seen is None else seen
    seen |= {(status.st_dev, status.st_ino) for status in (path.stat() for path in without if path.exists())}
    for path in paths:
        top = Path(path).absolute()
        if not top.exists():
            raise UsageError(f"{path} does not exist; give existing folders or files")
        if top.is_dir():
            yield from _walk_folder(top, seen)
        else:
            yield _folder_of(top.parent, [os.fspath(top)], seen)


def folders_of(files: Iterable[Path], seen: set[tuple[int, int]]) -> Iterator[Folder]:
    """These files grouped by folder, except missing ones and those in ``seen``; archive members as their archive."""
    by_folder: dict[Path, set[str]] = {}
    for file in files:
        top = archive_of(file) or file
        if top.is_file():
            by_folder.setdefault(top.parent, set()).add(os.fspath(top))
    for folder, names in sorted(by_folder.items()):
        yield _folder_of(folder, sorted(names), seen)


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


def _is_no_file_of_its_own(path: Path, is_there: Callable[[Path], bool] = Path.is_file) -> bool:
    """True for system files of macOS and Windows, voxel files of a header file, and JSON sidecars of a volume."""
    if path.name.startswith("._") or path.name in _LEFT_BY_SYSTEMS:
        return True
    return belongs_to_header(path, is_there) or is_sidecar(path, is_there)


def _folder_of(folder: Path, names: list[str], seen: set[tuple[int, int]]) -> Folder:
    files: list[File] = []
    unreachable, skipped = 0, list[tuple[Path, str]]()
    for name in names:
        try:
            status = os.stat(name)
        except OSError:  # a link to nowhere
            unreachable += 1
            continue
        if _is_no_file_of_its_own(Path(name)):
            continue
        # Only regular files are read: opening a pipe would block forever.
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        files += _files_of(Path(name), status)
        skipped += _left_out(Path(name))
    return Folder(path=folder, files=tuple(files), unreachable=unreachable, left_out=tuple(skipped))


def _left_out(path: Path) -> list[tuple[Path, str]]:
    with contextlib.suppress(OSError):  # an unreadable archive is reported when it is read
        return [(path, what) for what in left_out(path)] if is_archive(path) else []
    return []


def _files_of(path: Path, status: os.stat_result) -> list[File]:
    """The file, or the files in an archive. An unreadable archive is listed itself, to be reported when it is read."""
    if is_archive(path):
        try:
            inside = members(path)
        except OSError:
            inside = []
        if inside:
            is_there = {member for member, _ in inside}.__contains__
            return [
                File(path=member, size=size, mtime_ns=status.st_mtime_ns)
                for member, size in inside
                if not _is_no_file_of_its_own(member, is_there)
            ]
    size, mtime_ns = stamp_of(path, status)
    return [File(path=path, size=size, mtime_ns=mtime_ns)]
