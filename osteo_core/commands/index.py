"""``index PATH...``: read headers into the store."""

from __future__ import annotations

import argparse
import contextlib

from osteo_core.commands.bar import Bar
from osteo_core.commands.command import Answer, Context, existing_paths, path_argument, writable_folder
from osteo_core.commands.words import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "paths", nargs="+", type=path_argument, metavar="PATH", help="folder of DICOM, or NIfTI file or folder"
    )
    parser.add_argument("--again", action="store_true", help="read unchanged files too (after the site table changed)")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Find the series under the paths and write what is new to the store."""
    paths = existing_paths(arguments.paths)
    writable_folder(context.settings.store, "the store")
    from osteo_core.engine.index import index

    with contextlib.closing(Bar()) as bar:
        found = index(paths, context.settings.store, settings=context.settings, again=arguments.again, listeners=(bar,))
    left_out = len({series.series_key for series, _ in found.excluded})
    return Answer(
        document={"store": str(context.settings.store), "eligible": len(found.series), "excluded": left_out},
        sentences=(
            f"New or changed: {counted(len(found.series), 'eligible series', 'eligible series')}, {left_out} excluded.",
            "Next: python -m osteo_core analyze" if found.series else "Nothing new to analyse.",
        ),
    )
