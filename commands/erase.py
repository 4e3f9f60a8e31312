"""``erase --patient KEY``: erase one patient from the store, on request."""

from __future__ import annotations

import argparse

from commands.cluster import runs
from commands.command import Answer, Context
from commands.sentences import counted
from db.erase import erase, resume
from db.erased import INTENT
from osteo_core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "--patient", metavar="KEY", help="the patient's pseudonym, as shown in full on the patient's page"
    )
    parser.add_argument("--author", metavar="NAME", default="", help="who carries out the request")
    parser.add_argument("--reason", metavar="WORDS", default="", help="who asked for it, and why")
    parser.add_argument("--resume", action="store_true", help="resume an interrupted erasure")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Erase, and record who did it and why."""
    store = context.settings.store
    if runs.is_at_work(store):
        raise UsageError(
            f"a run of 'index' or 'analyze' is running in {store} and may hold the patient's CT; stop it or wait "
            "until it has ended, then erase"
        )
    if arguments.resume:
        if not (store / INTENT).exists():
            raise UsageError("this store has no interrupted erasure; name a patient with --patient")
        done = resume(store)
    elif arguments.patient:
        done = erase(
            store,
            arguments.patient,
            author=arguments.author,
            reason=arguments.reason,
            identities_dir=context.settings.identities_dir,
        )
    else:
        raise UsageError("name the patient's pseudonym with --patient")
    return Answer(
        document={"series": done.series, "events": done.events, "media": done.media},
        sentences=(
            f"Erased: {counted(done.series, 'series', 'series')}, {counted(done.events, 'note', 'notes')}, "
            f"{counted(done.media, 'media file', 'media files')}.",
            "CT files, exports, backups and what was sent to a PACS are not changed. Remove the patient from them too, "
            "or the next index will add the patient again.",
        ),
    )
