"""Half-written files that killed processes left in a store; each has a name of its own, so none is ever read.

What only the owner writes goes when a store is opened, for there is one owner. What any process may write goes once it
is older than any writing takes; so does a store beside it that a killed `restore` left unfinished.
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

from db.parts import INBOX, MEDIA
from osteo_core.whole_files import HALF_WRITTEN

#: Nothing is written for so long, seconds: a part takes well below one, the mask of a series a few.
_OLD_S = 3600.0
#: By folder below the store: of the owner alone, and of any process.
_OWN = {"": (".osteo.duckdb.rebuilding*", ".osteo.duckdb.checking*"), "snapshot": (HALF_WRITTEN,)}
_ANYBODYS = {"": (HALF_WRITTEN,), INBOX: (HALF_WRITTEN,)}
_IMAGES = (MEDIA, "pictures")


def remove_leftovers(store_dir: Path) -> None:
    """What killed processes left; only the owner may call this. A file that cannot be removed stays."""
    _remove(path for folder, names in _OWN.items() for name in names for path in (store_dir / folder).glob(name))
    found = (path for folder, names in _ANYBODYS.items() for name in names for path in (store_dir / folder).glob(name))
    _remove(path for path in found if _is_old(path))
    remove_old_restores(store_dir)


def unfinished_name(store_dir: Path, word: str) -> Path:
    """Where a restore makes the store before it gets its name; ``word`` is the restore's own."""
    return store_dir.with_name(f".{store_dir.name}.{word}.restoring")


def remove_old_restores(store_dir: Path) -> None:
    """What killed restores left beside the store, where nothing was written in it any more for an hour."""
    pattern = unfinished_name(Path(glob.escape(store_dir.name)), "*").name
    for folder in store_dir.parent.glob(pattern):
        # Copied files are as old as those of the backup; the folders that they came into are not.
        if all(_is_old(path) for path in (folder, *folder.rglob("*"))):
            _remove([folder])


def remove_all(store_dir: Path) -> None:
    """The same of every age, and half-written masks and pictures: for an erasure, since nobody knows whose they are.

    Whoever is writing one meanwhile is refused, as by a full disk.
    """
    everywhere = [(folder, HALF_WRITTEN) for folder in ("", INBOX, "snapshot", *_IMAGES)]
    everywhere += [("", name) for name in (*_OWN[""], "osteo.duckdb.tmp")]
    _remove(path for folder, name in everywhere for path in (store_dir / folder).glob(name))


def remove_old_images(store_dir: Path) -> None:
    """Half-written masks and pictures: lists of all are read, so this is for commands that write some."""
    for folder in _IMAGES:
        remove_old_halves(store_dir / folder)


def remove_old_halves(folder: Path) -> None:
    """Half-written files in a folder that any process may write to."""
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
