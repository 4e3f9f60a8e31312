"""``export --out DIR [--with-words]``: the store's tables as Parquet and CSV.

Free text may name a person whatever the field is for, so it stays in the store unless it is requested.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet

from commands import store_access
from commands.command import Answer, Context, path_argument, writable_folder
from osteo_core.columns import EXPORT_TABLES
from osteo_core.tables.formulas import guarded_table

#: Fields of an event's payload that may name a person: what was typed, who signed in, and the UID under which a PACS
#: holds a read beside the patient's name; and the field with a reader's words, at any depth (osteo_core/review).
_TELLING, _WORDS = ("name", "query", "note", "sop_instance_uid"), "words"


def export(store_dir: Path, out_dir: Path, *, with_words: bool = False) -> dict[str, int]:
    """Write every table that may leave the site as Parquet and CSV; returns the number of rows by table.

    Without ``with_words`` events say what was done and by whom, not what was typed.
    Raises UsageError when there is no store.
    """
    written = {}
    with store_access.store_to_read(store_dir) as reader, reader.unchanging():
        out_dir.mkdir(parents=True, exist_ok=True)
        for name in EXPORT_TABLES:
            table = reader.table(name)
            table = without_words(table) if name == "events" and not with_words else table
            parquet.write_table(table, out_dir / f"{name}.parquet")
            csv.write_csv(guarded_table(_flat(table)), out_dir / f"{name}.csv")
            written[name] = len(table)
    return written


def without_words(events: pa.Table) -> pa.Table:
    """The same events without their reasons and without what was typed in their payloads."""
    payloads = [_without_words(json.loads(one or "{}")) for one in events.column("payload_json").to_pylist()]
    changed = {
        "reason": pa.nulls(len(events), pa.string()),
        "payload_json": pa.array([json.dumps(one, ensure_ascii=False) for one in payloads], pa.string()),
    }
    columns = [changed.get(name, events.column(name)) for name in events.column_names]
    return pa.table(columns, schema=events.schema)


def _without_words(payload: dict[str, Any]) -> dict[str, Any]:
    return {name: _without_readers_words(value) for name, value in payload.items() if name not in (*_TELLING, _WORDS)}


def _without_readers_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_readers_words(one) for name, one in value.items() if name != _WORDS}
    return [_without_readers_words(one) for one in value] if isinstance(value, list) else value


def _flat(table: pa.Table) -> pa.Table:
    """Lists as text, since a CSV cell holds one value: '20;21;22'."""
    for number, column in enumerate(table.schema):
        if pa.types.is_list(column.type):
            values = [None if cell is None else ";".join(map(str, cell)) for cell in table.column(number).to_pylist()]
            table = table.set_column(number, column.name, pa.array(values, pa.string()))
    return table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--out", type=path_argument, required=True, metavar="DIR", help="output folder")
    parser.add_argument("--with-words", action="store_true", help="include free text, which may name a person")


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Write one file per table and format; pseudonyms only."""
    written = export(context.settings.store, writable_folder(arguments.out, "--out"), with_words=arguments.with_words)
    return Answer(
        document={"out": str(arguments.out), "rows": written},
        sentences=(*(f"{name}: {rows} rows" for name, rows in written.items()), f"Written to {arguments.out}."),
    )
