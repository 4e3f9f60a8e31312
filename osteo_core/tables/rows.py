"""The rows of a table under its columns: each taken with typed cells, or refused with what was expected and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteo_core.errors import TableError
from osteo_core.tables.columns import CellRefusedError, Column, check_columns, guess_columns, shown
from osteo_core.tables.content import Refused, Table, read_table_file
from osteo_core.tables.numbers import Decimals, decimals_of

_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: its line, and the values by name of column (None for a blank cell)."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a table that were taken and refused, and the headings that are mapped to no column."""

    taken: tuple[Row, ...]
    refused: tuple[Refused, ...]
    unused: tuple[str, ...] = ()


def read_rows(
    table: Table, columns: Sequence[Column], mapping: Mapping[str, str], *, holds_patients: bool = False
) -> Rows:
    """Every row under ``mapping`` (column's name -> heading of the file), taken or refused.

    ``holds_patients``: reasons repeat no cell, since in shifted columns a cell may be a patient's name.
    Raises TableError if the table as a whole cannot be used: a column is missing or in another unit.
    """
    check_columns(table.columns, columns, mapping)
    places = {column.name: table.columns.index(mapping[column.name]) for column in columns if column.name in mapping}
    decimals = {
        name: decimals_of((cells[place] for _, cells in table.rows), comma_separates=table.separator == "comma")
        for name, place in places.items()
    }
    taken: list[Row] = []
    refused = list(table.refused)
    for line, cells in table.rows:
        given = {name: cells[place] for name, place in places.items()}
        try:
            taken.append(Row(line=line, cells=_values(given, columns, decimals, holds_patients=holds_patients)))
        except TableError as error:
            refused.append(Refused(line=line, why=str(error)))
    unused = tuple(heading for heading in table.columns if heading not in mapping.values())
    return Rows(taken=tuple(taken), refused=tuple(sorted(refused, key=lambda row: row.line)), unused=unused)


def _values(
    given: Mapping[str, str], columns: Sequence[Column], decimals: Mapping[str, Decimals], *, holds_patients: bool
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in columns:
        text = given.get(column.name, "")
        if not text and (column.may_be_blank or column.name not in given):
            values[column.name] = None
            continue
        if not text:
            raise TableError(f"{column.name} must be given, found a blank cell")
        try:
            values[column.name] = column.kind.read(text, decimals[column.name])
        except CellRefusedError as error:
            found = (error.found or "other words") if holds_patients else shown(text)
            raise TableError(f"{column.name}: expected {error.expected}, found {found}") from None
    return values


def read_whole(path: Path, what: str, columns: Sequence[Column], *, holds_patients: bool = False) -> Rows:
    """A table whose rows must all be valid: a site's own, or one given to a command.

    Raises TableError naming the kind of table (``what``), its file and the first refused rows; nothing of it is used.
    """
    where = f"{what} {path.name}"
    try:
        table = read_table_file(path)
        rows = read_rows(table, columns, guess_columns(table.columns, columns), holds_patients=holds_patients)
    except TableError as error:
        raise TableError(f"{where}: {error}") from None
    refuse_rows(where, rows.refused)
    return rows


def refuse_rows(where: str, refused: Sequence[Refused]) -> None:
    """Raises TableError naming the first of the refused rows, if there are any."""
    if refused:
        named = "; ".join(f"row {row.line}: {row.why}" for row in refused[:_MOST_NAMED])
        more = f"; and {len(refused) - _MOST_NAMED} more rows" if len(refused) > _MOST_NAMED else ""
        raise TableError(f"{where}, {named}{more}. Nothing of it was taken in")
