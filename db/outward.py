"""The files of ``process``: a person's own identifiers, levels by their names, no database."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from db.columns import Row
from db.schemas import KINDS, LEVEL, TEXT
from osteo_core.terms import Level

_IDENTITY = pa.field("series_instance_uid", TEXT, metadata={"comment": "SeriesInstanceUID, or the NIfTI file's stem"})
#: Of the segmentation, beside the result: from what levels were counted, and whose outlines they are.
_OUTLINED = ("anchor", "engine")
#: Columns that mean something inside a store only.
_INTERNAL = ("index_id", "result_id", "source_id", "indexed_at", "position", "is_eligible", "affine_lps")


def outward_tables(given: Sequence[tuple[str, dict[str, list[Row]]]]) -> dict[str, pa.Table]:
    """Tables over (identifier, rows by kind of one result); columns are the store's without what is internal to it.

    ``series_instance_uid`` comes first, levels are names, and each column's metadata says what it means.
    """
    schemas = {kind: _outward(KINDS[kind].schema) for kind in ("measurements", "exclusions")}
    return {
        "series": _joined([(uid, [_with_result(rows)]) for uid, rows in given], _series_schema()),
        **{kind: _joined([(uid, rows[kind]) for uid, rows in given], schema) for kind, schema in schemas.items()},
    }


def _with_result(rows: dict[str, list[Row]]) -> Row:
    outlined = rows["segmentations"][0] if rows["segmentations"] else dict.fromkeys(_OUTLINED)
    return rows["series"][0] | rows["results"][0] | {name: outlined[name] for name in _OUTLINED}


def _series_schema() -> pa.Schema:
    series, results = KINDS["series"].schema, KINDS["results"].schema
    fields = [*series, *(field for field in results if field.name not in series.names)]
    outlined = [KINDS["segmentations"].schema.field(name) for name in _OUTLINED]
    return _outward(pa.schema([*fields, *outlined]))


def _outward(schema: pa.Schema) -> pa.Schema:
    fields = [_IDENTITY]
    for field in schema:
        if field.name not in _INTERNAL:
            fields.append(pa.field(field.name, TEXT, metadata=field.metadata) if field.type == LEVEL else field)
    return pa.schema(fields)


def _joined(given: list[tuple[str, list[Row]]], schema: pa.Schema) -> pa.Table:
    rows = [{**row, "series_instance_uid": uid} for uid, found in given for row in found]
    for row in rows:
        if isinstance(row.get("level"), int):
            row["level"] = Level(row["level"]).name
    return pa.Table.from_pylist(rows, schema=schema)
