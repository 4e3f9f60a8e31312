"""``export --out DIR``: the store's tables as Parquet and CSV."""

from __future__ import annotations

import argparse

from osteo_core.commands.command import Answer, Context, path_argument, writable_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--out", type=path_argument, required=True, metavar="DIR", help="where the files go")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Write one file a table and format; pseudonyms only."""
    from osteo_core.engine.export import export

    written = export(context.settings.store, writable_folder(arguments.out, "--out"))
    return Answer(
        document={"out": str(arguments.out), "rows": written},
        sentences=(*(f"{name}: {rows} rows" for name, rows in written.items()), f"Written to {arguments.out}."),
    )
