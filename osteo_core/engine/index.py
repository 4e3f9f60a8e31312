"""``index``: headers into a store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from db import rows
from osteo_core.engine import store
from osteo_core.engine.find import find
from osteo_core.engine.progress import Listener, progress_file
from osteo_core.records import Found
from osteo_core.settings import Settings


def index(
    paths: Iterable[Path],
    store_dir: Path,
    *,
    settings: Settings,
    again: bool = False,
    listeners: tuple[Listener, ...] = (),
) -> Found:
    """Find the series under ``paths`` and write what is new or changed to the store; gives what was written.

    With ``again`` unchanged files too, as after a change of the site table; what was measured stays.
    """
    known = None if again else store.known_files(store_dir)
    found = find(paths, settings=settings, listeners=(*listeners, progress_file(store_dir)), known=known)
    store.leave(store_dir, rows.indexed_tables(found))
    store.hand_over(store_dir)
    return found
