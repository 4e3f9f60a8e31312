"""Columns and tables. A column is stated once: its name, type, unit, meaning and the source of its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields, is_dataclass
from enum import Flag
from functools import cached_property, reduce
from typing import Any

import pyarrow as pa

Row = dict[str, Any]

TEXT = pa.string()
TEXTS = pa.list_(pa.string())
FLOAT = pa.float64()
FLOATS = pa.list_(pa.float64())
INT = pa.int32()
INTS = pa.list_(pa.int32())
BIG = pa.int64()
LEVEL = pa.uint8()
LEVELS = pa.list_(pa.uint8())
FLAG = pa.bool_()
DAY = pa.date32()
MOMENT = pa.timestamp("us", tz="UTC")
#: Named sources of error (records.py: Uncertainty).
UNCERTAINTIES = pa.list_(
    pa.struct({"name": TEXT, "offset_sd_mg_cm3": FLOAT, "relative_sd": FLOAT, "source": TEXT}),
)

#: Lines of single vertebrae (records.py: LevelLine).
LEVEL_LINES = pa.list_(
    pa.struct({"level": LEVEL, "slope_mg_cm3_per_hu": FLOAT, "intercept_mg_cm3": FLOAT}),
)


class Use(Flag):
    """Where a column is used besides its own table, and its constraints."""

    NOTHING = 0
    REQUIRED = 1  #: never null
    INTERNAL = 2  #: meaningful inside a store only: files of `process` leave it out
    COHORT = 4  #: carried into the table `cohort`, by which pages filter and list
    OUTSIDE = 8
    EXPORTED = COHORT | OUTSIDE  #: and part of an exported cohort: no key, no exact day


REQUIRED, INTERNAL, COHORT, EXPORTED = Use.REQUIRED, Use.INTERNAL, Use.COHORT, Use.EXPORTED


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``unit``: a unit, or the possible values; ``source``: an attribute path of the table's record ("" for the
    column's own name), a small function of the record, or None if the writer supplies the value (keys, times).
    ``default``: stored if the source gives None.
    """

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    _: KW_ONLY
    source: str | Callable[[Any], Any] | None = ""
    default: Any = None
    use: Use = Use.NOTHING

    @property
    def comment(self) -> str:
        """Unit and meaning in one line, as stored in the database and in every file."""
        return f"{self.unit}; {self.meaning}" if self.meaning else self.unit

    @property
    def field(self) -> pa.Field:
        """The column as an Arrow field, with unit and meaning in its metadata."""
        return pa.field(self.name, self.type, metadata={"unit": self.unit, "comment": self.comment})

    def value(self, record: Any) -> Any:
        """The column's value for one record, as plain Python."""
        found = self.source(record) if callable(self.source) else at_path(record, self.source or self.name)
        return self.default if found is None else _plain(found)


def at_path(record: Any, path: str) -> Any:
    """The attribute at a dotted path; None if any part of it is None."""
    return reduce(lambda found, name: None if found is None else getattr(found, name), path.split("."), record)


@dataclass(frozen=True, kw_only=True)
class Table:
    """One kind of part and its table. ``key``: columns that identify a row; ``order``: how snapshots are sorted."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    checks: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as an Arrow schema."""
        return pa.schema([column.field for column in self.columns])

    @cached_property
    def _filled(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.source is not None)

    def row(self, record: Any, **given: Any) -> Row:
        """One row of ``record``; ``given``: the columns that the writer supplies."""
        return {**given, **{column.name: column.value(record) for column in self._filled}}


def table(name: str, meaning: str, *columns: Column, key: str, order: str = "", checks: tuple[str, ...] = ()) -> Table:
    """A table; ``key`` and ``order`` are names of columns separated by spaces."""
    return Table(
        name=name,
        meaning=meaning,
        columns=columns,
        key=tuple(key.split()),
        order=tuple((order or key).split()),
        checks=checks,
    )


def interval_columns(prefix: str, path: str, unit: str, meaning: str, *, use: Use = Use.NOTHING) -> tuple[Column, ...]:
    """Value and both ends of an estimate at ``path``; all are null if the value is NaN."""
    return (
        Column(f"{prefix}_mg_cm3", FLOAT, unit, meaning, source=_part(path, "value"), use=use),
        Column(f"{prefix}_low_mg_cm3", FLOAT, unit, "lower end of its interval", source=_part(path, "low"), use=use),
        Column(f"{prefix}_high_mg_cm3", FLOAT, unit, "upper end of its interval", source=_part(path, "high"), use=use),
    )


def method_columns(prefix: str, path: str) -> tuple[Column, ...]:
    """Confidence of the interval of an estimate at ``path``, and how it was computed."""
    return (
        Column(f"{prefix}_confidence", FLOAT, "0-1", "confidence of the interval", source=_part(path, "confidence")),
        Column(f"{prefix}_method", TEXT, "text", "how value and interval were computed", source=_part(path, "method")),
    )


def _part(path: str, part: str) -> Callable[[Any], Any]:
    def read(record: Any) -> Any:
        estimate = at_path(record, path)
        return None if estimate is None or estimate.value != estimate.value else getattr(estimate, part)

    return read


def _plain(value: Any) -> Any:
    """Members of an enum as plain text or numbers, dataclasses as dictionaries, sequences as lists."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value
