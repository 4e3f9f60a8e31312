"""``index PATH...``: read headers into the store."""

from __future__ import annotations

import argparse
import contextlib
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from commands import store_access
from commands.cluster import runs
from commands.cluster.progress import Listener, progress_file
from commands.command import (
    Answer,
    Context,
    about_of,
    add_about_argument,
    existing_paths,
    not_used,
    path_argument,
    writable_folder,
)
from commands.find import find
from commands.progress_bar import Bar
from commands.sentences import counted
from db import rows
from db.identities import Kept, keep, remove
from db.key import pseudonyms_of
from db.moments import in_order
from db.parts import write_parts
from osteo_core.archives import count_changed
from osteo_core.dicom.about import About
from osteo_core.dicom.who import read_who
from osteo_core.errors import UsageError
from osteo_core.records import Found
from osteo_core.settings import Settings


def index(
    paths: Iterable[Path],
    store_dir: Path,
    *,
    settings: Settings,
    again: bool = False,
    listeners: tuple[Listener, ...] = (),
    about: About | None = None,
) -> Found:
    """Find the series under ``paths`` and write new or changed ones to the store; returns what was written.

    With ``again``, unchanged files too, as after a change of the site table; measurements stay.
    ``about``: a table of what files other than DICOM cannot say.
    """
    with (
        store_access.indexing(store_dir),
        runs.joined(store_dir.resolve(), uuid.uuid4().hex[:12]),  # no erasure can run meanwhile
    ):
        found = find(
            paths,
            settings=settings,
            listeners=(*listeners, progress_file(store_dir)),
            known=store_access.known_files(store_dir),
            again=again,
            without=(*_never_ct(settings), *((about.path,) if about and about.path else ())),
            about=about,
        )
        found = store_access.superseded(store_dir, found)
        if settings.keep_identities:  # before the store has them: a known series is not opened again
            keep(settings.identities_dir, pseudonyms_of(settings), _identities(found))
        gone = frozenset(series.series_key for series in found.superseded)
        remove(settings.identities_dir, patient_key="", series_keys=gone)
        write_parts(store_dir, rows.indexed_tables(found, at=in_order(store_dir)))
        store_access.hand_over(store_dir)
    return found


def _never_ct(settings: Settings) -> tuple[Path, ...]:
    """The program's own files, which may lie in a folder of CT; a path given inside the store is still read."""
    return settings.store, settings.key_path, settings.identities_dir


def _identities(found: Found) -> Iterator[Kept]:
    """The patient's identifiers in the header of each series; files other than DICOM have none."""
    for one in (*found.series, *(series for series, _ in found.excluded)):
        with contextlib.suppress(UsageError):
            who = read_who(one.files)
            if count_changed(one.files, one.file_stamps):  # since it was found: it may be another patient's name
                continue
            said = {name: value for name, value in vars(who).items() if name != "is_kept"}
            yield Kept(patient_key=one.patient_key, series_key=one.series_key, identifiers=said)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "paths", nargs="+", type=path_argument, metavar="PATH", help="folder of DICOM, or NIfTI file or folder"
    )
    add_about_argument(parser)
    parser.add_argument("--again", action="store_true", help="read unchanged files too (after the site table changed)")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Find the series under the paths and write new ones to the store."""
    paths = existing_paths(arguments.paths)
    about = about_of(arguments)
    writable_folder(context.settings.store, "the store")
    with contextlib.closing(Bar()) as bar:
        found = index(
            paths,
            context.settings.store,
            settings=context.settings,
            again=arguments.again,
            listeners=(bar,),
            about=about,
        )
    left_out = len({series.series_key for series, _ in found.excluded})
    return Answer(
        document={
            "store": str(context.settings.store),
            "eligible": len(found.series),
            "excluded": left_out,
            "rows_without_file": list(found.rows_without_file),
        },
        sentences=(
            f"New or changed: {counted(len(found.series), 'eligible series', 'eligible series')}, {left_out} excluded.",
            "Next: python -m osteo_core analyze" if found.series else "Nothing new to analyze.",
            *not_used(about, found.rows_without_file),
        ),
    )
