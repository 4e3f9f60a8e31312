"""All files below some paths, folder by folder, without opening any."""

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

#: Written by macOS and Windows into folders that people look at.
_LEFT_BY_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, kw_only=True)
class File:
    """One regular file by its directory entry. ``path`` is absolute; links keep the name they have here."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the index has of a file: size and time of change, and keyed hashes of what was said of it beside its header.

    ``people``: hashes of its PatientID and its StudyInstanceUID, by which other files may be the same person's.
    """

    stamp: tuple[int, int]
    about_hash: str = ""
    people: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The files directly in one folder, by name; ``unreachable`` counts what could not even be looked at.

    ``left_out``: archives here and what they hold that nobody reads, in words.
    """

    path: Path
    files: tuple[File, ...]
    unreachable: int = 0
    left_out: tuple[tuple[Path, str], ...] = ()

    def is_unchanged(self, known: Mapping[str, Known], about_hash: Callable[[Path], str] | None = None) -> bool:
        """True when every file here is known as it is now, so nothing need be opened.

        ``about_hash``: what a table says of a file now, as a hash; None where no table is given.
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
    """Every folder at and below ``paths``, in order of names; each folder and each file once.

    Links are followed, a loop of links ends where it began. A path to a file yields that file.
    ``without``: files and folders that are passed over, by whatever name they are come upon.
    ``seen`` gains what was come upon, by device and inode. Raises UsageError for a path that does not exist.
    """
    seen = set() if seen is None else seen
    seen |= {(status.st_dev, status.st_ino) for status in (path.stat() for path in without if path.exists())}
    for path in paths:
        top = Path(path).absolute()
        if not top.exists():
            raise UsageError(f"there is nothing at {path}; give folders or files that exist")
        if top.is_dir():
            yield from _walk_folder(top, seen)
        else:
            yield _folder_of(top.parent, [os.fspath(top)], seen)


def folders_of(files: Iterable[Path], seen: set[tuple[int, int]]) -> Iterator[Folder]:
    """These files by folder, those that are gone and those ``seen`` already left out; archives whole."""
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
    """What macOS and Windows leave beside files; the voxels of a header file, and what a JSON file says of a volume."""
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
        # Pipes and devices are no files to read: opening a pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        files += _files_of(Path(name), status)
        skipped += _left_out(Path(name))
    return Folder(path=folder, files=tuple(files), unreachable=unreachable, left_out=tuple(skipped))


def _left_out(path: Path) -> list[tuple[Path, str]]:
    with contextlib.suppress(OSError):  # one that cannot be read, which reading it tells
        return [(path, what) for what in left_out(path)] if is_archive(path) else []
    return []


def _files_of(path: Path, status: os.stat_result) -> list[File]:
    """The file itself, or the files in an archive; of an archive that cannot be read itself, which reading it tells."""
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
