"""``restore --from DIR``: restore the store from a backup."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from commands.command import FAULT, OK, Answer, Context, path_argument
from db.backup import restore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--from", dest="source", type=path_argument, required=True, metavar="DIR", help="the backup")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Check the backup, copy it and rebuild the database; the store must not exist yet."""
    found = restore(arguments.source, context.settings.store)
    sound = all(one.ok for one in found)
    return Answer(
        document={"store": str(context.settings.store), "ok": sound, "findings": [asdict(one) for one in found]},
        sentences=tuple(one.line for one in found),
        code=OK if sound else FAULT,
    )
