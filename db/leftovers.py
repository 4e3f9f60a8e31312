"""Half-written files that killed processes left in a store; each has a name of its own, so none is ever read.

Leftovers of files that only the owner writes are removed when a store is opened, since there is one owner. Leftovers of
files that any process may write are removed once they are older than any write takes; so is an unfinished store beside
it from a killed `restore`.
"""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from db.parts import IMAGES, INBOX, SNAPSHOT
from osteo_core.whole_files import HALF_WRITTEN

#: No write takes this long, seconds: a part takes well below one, the mask of a series a few.
_OLD_S = 3600.0
#: By folder below the store: files of the owner only, and of any process.
_OWN = {"": (".osteo.duckdb.rebuilding*", ".osteo.duckdb.checking*"), SNAPSHOT: (HALF_WRITTEN,)}
_ANYBODYS = {"": (HALF_WRITTEN,), INBOX: (HALF_WRITTEN,)}


def remove_leftovers(store_dir: Path) -> None:
    """Remove what killed processes left; only the owner may call this. A file that cannot be removed stays."""
    _remove(path for folder, names in _OWN.items() for name in names for path in (store_dir / folder).glob(name))
    found = (path for folder, names in _ANYBODYS.items() for name in names for path in (store_dir / folder).glob(name))
    _remove(path for path in found if _is_old(path))
    remove_old_restores(store_dir)


def unfinished_name(store_dir: Path, word: str) -> Path:
    """Temporary folder of a store being restored; ``word`` is unique to the restore."""
    return store_dir.with_name(f".{store_dir.name}.{word}.restoring")


def remove_old_restores(store_dir: Path) -> None:
    """Remove what killed restores left beside the store, if nothing was written to it for an hour."""
    pattern = unfinished_name(Path(glob.escape(store_dir.name)), "*").name
    for folder in store_dir.parent.glob(pattern):
        # Copied files have the times of the backup's files; the folders they were copied into do not.
        if all(_is_old(path) for path in (folder, *folder.rglob("*"))):
            _remove([folder])


def remove_all(store_dir: Path) -> None:
    """Remove leftovers of every age, including half-written masks and pictures: for an erasure, since their patient is
    unknown.

    A process writing one at that moment fails, as with a full disk.
    """
    everywhere = [(folder, HALF_WRITTEN) for folder in ("", INBOX, SNAPSHOT, *IMAGES)]
    everywhere += [("", name) for name in (*_OWN[""], "osteo.duckdb.tmp")]
    _remove(path for folder, name in everywhere for path in (store_dir / folder).glob(name))


def remove_old_images(store_dir: Path) -> None:
    """Remove half-written masks and pictures. It lists all of them, so this is for commands that write some."""
    for folder in IMAGES:
        remove_old_halves(store_dir / folder)


def remove_old_halves(folder: Path) -> None:
    """Remove half-written files in a folder that any process may write to."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        halves = [Path(e.path) for e in entries if fnmatch.fnmatch(e.name, HALF_WRITTEN)]
    _remove(path for path in halves if _is_old(path))


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - _OLD_S
    except OSError:  # gone meanwhile
        return False


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
