"""Finding series under this site's key, with progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from osteo_core.dicom.find import find_series
from osteo_core.engine.progress import Listener, Tracker
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Found
from osteo_core.settings import Settings


def find(
    paths: Iterable[Path],
    *,
    settings: Settings,
    listeners: tuple[Listener, ...] = (),
    known: Mapping[str, tuple[int, int]] | None = None,
) -> Found:
    """The series under ``paths`` by their headers; ``known`` files (path: size, mtime_ns) are not opened."""
    with Tracker("index", 0, listeners=listeners) as tracker:
        return find_series(
            list(paths),
            pseudonyms=Pseudonyms.from_key_file(settings.key_file),
            settings=settings,
            known=known,
            progress=tracker.stand_at,
        )
