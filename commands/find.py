"""Finds series, under this site's pseudonym key, with progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from commands.cluster.progress import Listener, Tracker
from db.key import pseudonyms_beside, pseudonyms_of
from osteo_core.dicom.about import About
from osteo_core.dicom.find import find_series
from osteo_core.dicom.walk import Known
from osteo_core.records import Found
from osteo_core.settings import Settings


def find(
    paths: Iterable[Path],
    *,
    settings: Settings,
    listeners: tuple[Listener, ...] = (),
    known: Mapping[str, Known] | None = None,
    again: bool = False,
    without: tuple[Path, ...] = (),
    into_store: bool = True,
    about: About | None = None,
) -> Found:
    """The series under ``paths`` by their headers; ``known`` files are opened only if their patient has new ones.

    ``again``: known files below ``paths`` are opened too. ``without``: files and folders to skip. ``into_store``:
    results go into the store, so the key must be the store's. Raises SettingsError if the store has lost its key or was
    made with another.
    """
    pseudonyms = pseudonyms_of(settings) if into_store else pseudonyms_beside(settings)
    with Tracker("index", 0, listeners=listeners) as tracker:
        return find_series(
            list(paths),
            pseudonyms=pseudonyms,
            settings=settings,
            known=known,
            again=again,
            progress=tracker.set_count,
            without=without,
            about=about,
        )
