"""The columns as a page of the documentation: every table with the name, type, unit and meaning of its columns."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from osteo_core.columns import TABLES
from osteo_core.columns.cohort import EXPORT
from osteo_core.columns.column import INTERNAL, Column

_HEAD = """# Columns

Written by `python -m osteo_core.columns > docs/columns.md` from the one place where columns are stated
([osteo_core/columns](../osteo_core/columns)); a test holds this page to it.

`process` writes `series` (with the columns of `results`), `measurements`, `exclusions` and `cautions`, without the
columns marked *store only* and with levels by name. `export` writes every table but `files`.
"""


def document() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for one in TABLES.values():
        parts.append(f"## {one.name}\n\n{one.meaning[0].upper()}{one.meaning[1:]}.\n\n{_table(one.columns)}\n")
    parts.append(f"## The exported cohort\n\nThe files of the page *Export*, one row a series.\n\n{_table(EXPORT)}\n")
    return "\n".join(parts)


def _table(columns: Iterable[Column]) -> str:
    rows = [
        f"| `{column.name}` | {_kind(column.type)} | {column.unit} | {_meaning(column)} |".replace("\\", "\\\\")
        for column in columns
    ]
    return "\n".join(("| column | type | unit or values | meaning |", "|---|---|---|---|", *rows))


def _meaning(column: Column) -> str:
    return column.meaning + (" (*store only*)" if INTERNAL in column.use else "")


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_list(type_):
        return f"list of {_kind(type_.value_type)}"
    if pa.types.is_struct(type_):
        return "(" + ", ".join(f"{field.name} {_kind(field.type)}" for field in type_) + ")"
    return str(type_)
