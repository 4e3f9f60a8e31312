"""``export --out DIR``: the store's tables as Parquet and CSV."""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet

from commands import store_access
from commands.command import Answer, Context, path_argument, writable_folder
from osteo_core.columns import EXPORT_TABLES
from osteo_core.errors import UsageError
from osteo_core.tables.formulas import guarded_table


def export(store_dir: Path, out_dir: Path) -> dict[str, int]:
    """Write every table that may leave the site as Parquet and CSV; gives rows by table.

    Raises UsageError when there is no store.
    """
    if not store_dir.exists():
        raise UsageError(f"there is no store at {store_dir}; 'index' or 'demo' makes one")
    out_dir.mkdir(parents=True, exist_ok=True)
    written = {}
    with store_access.reading(store_dir) as reader:
        if reader is None:
            raise UsageError(f"the owner of {store_dir} has not published anything yet; try again in a minute")
        for name in EXPORT_TABLES:
            table = reader.table(name)
            parquet.write_table(table, out_dir / f"{name}.parquet")
            csv.write_csv(guarded_table(_flat(table)), out_dir / f"{name}.csv")
            written[name] = len(table)
    return written


def _flat(table: pa.Table) -> pa.Table:
    """Lists as text, since a CSV cell holds one value: '20;21;22'."""
    for number, column in enumerate(table.schema):
        if pa.types.is_list(column.type):
            values = [None if cell is None else ";".join(map(str, cell)) for cell in table.column(number).to_pylist()]
            table = table.set_column(number, column.name, pa.array(values, pa.string()))
    return table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--out", type=path_argument, required=True, metavar="DIR", help="where the files go")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Write one file a table and format; pseudonyms only."""
    written = export(context.settings.store, writable_folder(arguments.out, "--out"))
    return Answer(
        document={"out": str(arguments.out), "rows": written},
        sentences=(*(f"{name}: {rows} rows" for name, rows in written.items()), f"Written to {arguments.out}."),
    )
