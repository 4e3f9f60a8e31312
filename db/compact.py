"""Compacts parts: many small ones of a kind become a few large ones, from which the store can still be rebuilt.

The larger part is in ``parts`` before the smaller ones are removed. A kill in between leaves rows in two parts, which
is harmless: a rebuild takes in each row once, by the key of its table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from db import parts
from db.border import translated
from db.erased import refuse_half_erased
from db.owner import OwnerLock
from db.parts import Part
from osteo_core.columns import TABLES

#: A part with fewer rows is small; small parts are merged up to about this many rows.
_SMALL_ROWS, _LARGE_ROWS = 20_000, 200_000
#: Maximum number of parts open at once.
_MOST_PARTS = 5_000


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """Number of parts before and after."""

    before: int
    after: int


def compact(store_dir: Path) -> Compacted:
    """Merge the store's small parts.

    Raises StoreOwnedError while another process owns the store, PartError for a damaged part (`check` says which),
    StoreError if an erasure was interrupted.
    """
    with OwnerLock(store_dir), translated(store_dir, "compacting"):
        refuse_half_erased(store_dir)
        before = parts.as_written(parts.kept_parts(store_dir))
        for kind in TABLES:
            small = ((part, parts.row_count(part)) for part in before if part.kind == kind)
            for group in _groups([(part, n) for part, n in small if n < _SMALL_ROWS]):
                _join(store_dir, kind, group)
        return Compacted(before=len(before), after=len(parts.kept_parts(store_dir)))


def _groups(small: Sequence[tuple[Part, int]]) -> Iterator[list[Part]]:
    """Groups of parts to merge, at least two each."""
    group: list[Part] = []
    rows = 0
    for part, n in small:
        if group and (rows + n > _LARGE_ROWS or len(group) >= _MOST_PARTS):
            yield group
            group, rows = [], 0
        group.append(part)
        rows += n
    if len(group) > 1:
        yield group


def _join(store_dir: Path, kind: str, group: Sequence[Part]) -> None:
    joined = _each_once(pa.concat_tables([parts.read_part(part) for part in group]), TABLES[kind].key)
    latest = max(part.path.stat().st_mtime_ns for part in group)
    written = Part(path=parts.write_part(store_dir, kind, joined))
    os.utime(written.path, ns=(latest, latest))
    parts.keep(store_dir, written)
    for part in group:
        if part.name != written.name:
            part.path.unlink()


def _each_once(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """The first row of each key, as the store takes them in."""
    seen: set[tuple[object, ...]] = set()
    first = []
    for number, values in enumerate(zip(*(rows.column(name).to_pylist() for name in key), strict=True)):
        if values not in seen:
            seen.add(values)
            first.append(number)
    return rows if len(first) == len(rows) else rows.take(first)
