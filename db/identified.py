"""The files of ``process``: the patient's own identifiers, levels by their names, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from osteo_core.columns import TABLES, Column, Row
from osteo_core.columns.column import INTERNAL, LEVEL, TEXT
from osteo_core.terms import Level

_IDENTITY = Column("series_instance_uid", TEXT, "text", "SeriesInstanceUID, or the NIfTI file's stem")
#: Of the segmentation, beside the result: the landmark from which levels were counted, and the source of the outlines.
_OUTLINED = ("anchor", "engine")


def identified_tables(given: Sequence[tuple[str, dict[str, list[Row]]]]) -> dict[str, pa.Table]:
    """Tables over (identifier, rows by kind of one result); columns are the store's without what is internal to it.

    ``series_instance_uid`` comes first, levels are names, and each column's metadata says what it means.
    """
    schemas = {kind: _schema(TABLES[kind].columns) for kind in ("measurements", "exclusions", "cautions")}
    return {
        "series": _joined([(uid, [_with_result(rows)]) for uid, rows in given], _series_schema()),
        **{kind: _joined([(uid, rows[kind]) for uid, rows in given], schema) for kind, schema in schemas.items()},
    }


def _with_result(rows: dict[str, list[Row]]) -> Row:
    outlined = rows["segmentations"][0] if rows["segmentations"] else dict.fromkeys(_OUTLINED)
    return rows["series"][0] | rows["results"][0] | {name: outlined[name] for name in _OUTLINED}


def _series_schema() -> pa.Schema:
    series = TABLES["series"].columns
    own = {column.name for column in series}
    results = [column for column in TABLES["results"].columns if column.name not in own]
    outlined = [column for column in TABLES["segmentations"].columns if column.name in _OUTLINED]
    return _schema((*series, *results, *outlined))


def _schema(columns: Sequence[Column]) -> pa.Schema:
    kept = [column for column in columns if INTERNAL not in column.use]
    named = [replace(column, type=TEXT, unit="text") if column.type == LEVEL else column for column in kept]
    return pa.schema([column.field for column in (_IDENTITY, *named)])


def _joined(given: list[tuple[str, list[Row]]], schema: pa.Schema) -> pa.Table:
    rows = [{**row, "series_instance_uid": uid} for uid, found in given for row in found]
    for row in rows:
        if isinstance(row.get("level"), int):
            row["level"] = Level(row["level"]).name
    return pa.Table.from_pylist(rows, schema=schema)
