"""Finding series under this site's key, with progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from commands.cluster.progress import Listener, Tracker
from db.key import pseudonyms_beside, pseudonyms_of
from osteo_core.dicom.about import About
from osteo_core.dicom.find import find_series
from osteo_core.records import Found
from osteo_core.settings import Settings


@dataclass(frozen=True, kw_only=True)
class KnownFiles:
    """Files that are indexed already, by absolute path: (size, time of change in ns), and the key of their study."""

    stamps: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    studies: Mapping[str, str] = field(default_factory=dict)


def find(
    paths: Iterable[Path],
    *,
    settings: Settings,
    listeners: tuple[Listener, ...] = (),
    known: KnownFiles | None = None,
    without: tuple[Path, ...] = (),
    into_store: bool = True,
    about: About | None = None,
) -> Found:
    """The series under ``paths`` by their headers; ``known`` files are opened only if their study has new ones.

    ``without``: files and folders that are passed over. ``into_store``: what is found goes into the store, whose key it
    must be. Raises SettingsError when the store has lost its key or was made with another.
    """
    known = known or KnownFiles()
    pseudonyms = pseudonyms_of(settings) if into_store else pseudonyms_beside(settings)
    with Tracker("index", 0, listeners=listeners) as tracker:
        return find_series(
            list(paths),
            pseudonyms=pseudonyms,
            settings=settings,
            known=known.stamps,
            known_studies=known.studies,
            progress=tracker.stand_at,
            without=without,
            about=about,
        )
