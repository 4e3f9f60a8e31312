"""``backup --to DIR``: copy the store, also while it is in use."""

from __future__ import annotations

import argparse

from commands.command import Answer, Context, path_argument, writable_folder
from commands.sentences import counted
from db.backup import back_up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--to", type=path_argument, required=True, metavar="DIR", help="an empty folder, or a backup")
    parser.add_argument("--replace", action="store_true", help="discard the backup of another store in this folder")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Copy what is new since the last backup to the folder, checked by hash."""
    done = back_up(context.settings.store, writable_folder(arguments.to, "--to"), replace=arguments.replace)
    return Answer(
        document={"to": str(arguments.to), "parts": done.parts, "media": done.media, "at": done.at},
        sentences=(
            f"{counted(done.parts, 'part', 'parts')} and {counted(done.media, 'media file', 'media files')} are in "
            f"{arguments.to}, each part checked by its hash.",
            f"The pseudonym key is not part of a backup: keep a copy of {context.settings.key_path} separately.",
        ),
    )
