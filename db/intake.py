"""Takes in parts: all waiting ones in one transaction; a part that breaks it is found and set aside alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from db import chain, derived, erased, parts
from db.parts import Part, PartError
from db.sql import identifier
from osteo_core.columns import TABLES

_log = logging.getLogger("osteo.store")
#: Bounds the memory of one transaction; the rest follows in the next.
_PARTS_AT_ONCE = 2000
#: Arrow tables lent to the database while it inserts from them.
_LENT = ("fresh_rows", "part_records", "touched_keys", "touched_patients", "touched_events")
#: Events that no derived row depends on (refresh.sql): a series was opened or looked up, an identity was revealed,
#: outlines were saved but not yet signed.
_NOT_DERIVED_FROM = pa.array(["opened", "looked up", "identity asked", "identity shown", "mask saved"])
#: Column with the place of a row among those inserted at once.
_PLACE = "place_among_fresh_rows"
_NO_KEYS = TABLES["series"].schema.empty_table().select(["series_key"])
_NO_EVENTS = TABLES["events"].schema.empty_table().select(["kind", "payload_json"])
_NO_PATIENTS = TABLES["reference_values"].schema.empty_table().select(["patient_key"])


def take_in(connection: duckdb.DuckDBPyConnection, store_dir: Path) -> int:
    """Take in every part of the inbox; returns how many were new. Only the owner calls this, one thread at a time."""
    taken = 0
    waiting = parts.as_written(parts.waiting_parts(store_dir))
    for start in range(0, len(waiting), _PARTS_AT_ONCE):
        taken += _take_in_batch(connection, store_dir, waiting[start : start + _PARTS_AT_ONCE])
    return taken


def _take_in_batch(connection: duckdb.DuckDBPyConnection, store_dir: Path, waiting: Sequence[Part]) -> int:
    known = known_names(connection, [part.name for part in waiting])
    fresh = []
    for part in waiting:
        if part.name in known:  # a crash between commit and move, or the same part left again
            parts.keep(store_dir, part)
            continue
        try:
            fresh.append((part, parts.read_part(part)))
        except PartError as fault:
            _set_aside(store_dir, part, str(fault))
    may_stay = dict(_without_known_events(connection, store_dir, erased.admitted(connection, store_dir, fresh)))
    known = known_names(connection, [part.name for part in may_stay])  # one without rows of the erased may be
    for part in [part for part in may_stay if part.name in known]:
        parts.keep(store_dir, part)
        del may_stay[part]
    taken = _insert_or_split(connection, store_dir, list(may_stay.items()))
    for part in taken:
        parts.keep(store_dir, part)
    return len(taken)


def _without_known_events(
    connection: duckdb.DuckDBPyConnection, store_dir: Path, fresh: Sequence[tuple[Part, pa.Table]]
) -> list[tuple[Part, pa.Table]]:
    """These parts without events of which the store has another row; a part that held some is rewritten or removed.

    Otherwise a clock that was set back would date the later row before the one that counts, and a rebuild, which goes
    by the parts' times, would take it instead.
    """
    ids = [one for part, rows in fresh if part.kind == "events" for one in rows["event_id"].to_pylist()]
    if not ids:
        return list(fresh)
    sql = "SELECT event_id FROM events WHERE list_contains($ids, event_id)"
    known = pa.array([one for (one,) in connection.execute(sql, {"ids": ids}).fetchall()], pa.string())
    found = []
    for part, rows in fresh:
        left = rows.filter(pc.invert(pc.is_in(rows["event_id"], known))) if part.kind == "events" else rows
        kept = part if len(left) == len(rows) else parts.rewrite(store_dir, part, left)
        found += [(kept, left)] if kept else []
    return found


def _insert_or_split(
    connection: duckdb.DuckDBPyConnection, store_dir: Path, fresh: Sequence[tuple[Part, pa.Table]]
) -> list[Part]:
    """Insert all in one transaction, or else by halves until the faulty part is found; returns the parts inserted."""
    if not fresh:
        return []
    try:
        insert(connection, fresh)
    except (duckdb.ConstraintException, duckdb.ConversionException) as error:
        if len(fresh) == 1:
            _set_aside(store_dir, fresh[0][0], f"the store refuses its rows: {str(error).splitlines()[0]}")
            return []
        middle = len(fresh) // 2
        return [
            *_insert_or_split(connection, store_dir, fresh[:middle]),
            *_insert_or_split(connection, store_dir, fresh[middle:]),
        ]
    return [part for part, _ in fresh]


def _set_aside(store_dir: Path, part: Part, reason: str) -> None:
    _log.warning("part %s was set aside: %s", part.name, reason)
    parts.set_aside(store_dir, part, reason)


def known_names(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> set[str]:
    """Which of these parts the store has already taken in."""
    rows = connection.execute("SELECT name FROM parts WHERE list_contains($names, name)", {"names": list(names)})
    return {name for (name,) in rows.fetchall()}


def insert(connection: duckdb.DuckDBPyConnection, read: Sequence[tuple[Part, pa.Table]]) -> None:
    """Insert the rows of these parts, their records and the affected rows of the cohort, in one transaction."""
    tables = {kind: [table for part, table in read if part.kind == kind] for kind in TABLES}
    connection.execute("BEGIN TRANSACTION")
    try:
        for kind, given in tables.items():
            if given:
                _insert_rows(connection, kind, pa.concat_tables(given))
        if tables["events"]:
            chain.extend(connection)
        _record(connection, read)
        _refresh(connection, tables)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    else:
        connection.execute("COMMIT")
    finally:  # only now: a failed transaction accepts no more statements
        for name in _LENT:
            connection.unregister(name)


def _insert_rows(connection: duckdb.DuckDBPyConnection, kind: str, rows: pa.Table) -> None:
    """Insert rows; of those with the same key, by their kind, the first stays as it is: stored, or in these rows.

    A sign-in that is recorded again after a restart has the same key and another moment.
    """
    key = [identifier(name) for name in TABLES[kind].key]
    same = " AND ".join(f"stored.{name} IS NOT DISTINCT FROM fresh.{name}" for name in key)
    connection.register("fresh_rows", rows.append_column(_PLACE, pa.array(np.arange(len(rows)))))
    connection.execute(
        f"INSERT INTO {kind} BY NAME SELECT * EXCLUDE ({_PLACE}) FROM fresh_rows AS fresh "
        f"WHERE {_PLACE} IN (SELECT min({_PLACE}) FROM fresh_rows GROUP BY {', '.join(key)}) "
        f"AND NOT EXISTS (SELECT 1 FROM {kind} AS stored WHERE {same})"
    )


def _record(connection: duckdb.DuckDBPyConnection, read: Sequence[tuple[Part, pa.Table]]) -> None:
    at = datetime.now(UTC)
    records = [{"name": part.name, "kind": part.kind, "n_rows": len(table), "taken_in_at": at} for part, table in read]
    connection.register("part_records", pa.Table.from_pylist(records))
    connection.execute("INSERT INTO parts BY NAME SELECT * FROM part_records")


def _refresh(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Sequence[pa.Table]]) -> None:
    """Write the derived rows of every patient with series or QCT values in these rows."""
    of_series = ("series", "results", "measurements", "exclusions", "events", "tissues")
    is_derived_from = ~pc.field("kind").isin(_NOT_DERIVED_FROM)
    changing = {**tables, "events": [table.filter(is_derived_from) for table in tables["events"]]}
    keys = [table.select(["series_key"]) for kind in of_series for table in changing[kind] if len(table)]
    patients = [table.select(["patient_key"]) for table in tables["reference_values"]]
    if not keys and not patients:
        return
    connection.register("touched_keys", pa.concat_tables(keys or [_NO_KEYS]))
    connection.register("touched_patients", pa.concat_tables(patients or [_NO_PATIENTS]))
    events = [table.select(["kind", "payload_json"]) for table in tables["events"]]
    connection.register("touched_events", pa.concat_tables(events or [_NO_EVENTS]))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE touched AS WITH patient AS ("
        "SELECT patient_key FROM touched_patients "
        "UNION SELECT patient_key FROM reference_values WHERE imported_at IN ("
        "SELECT (payload_json ->> '$.imported_at')::TIMESTAMPTZ FROM touched_events "
        "WHERE kind = 'QCT import withdrawn') "
        "UNION SELECT patient_key FROM series WHERE series_key IN (SELECT series_key FROM touched_keys)) "
        # Only series that are still these patients': one that moved on needs all series of its new patient beside it.
        "SELECT series_key FROM ("
        "SELECT series_key, patient_key FROM series "
        "WHERE series_key IN (SELECT series_key FROM series WHERE patient_key IN (FROM patient)) "
        "QUALIFY is_current_series(series_key, indexed_at, index_id)) WHERE patient_key IN (FROM patient)"
    )
    derived.refresh(connection)
