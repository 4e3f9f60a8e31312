"""A hash chain over events: each link holds the hash of the one before, so that an edit by hand is found.

Events are chained in the order in which the owner takes them in. A link stores the hash of the event's content beside
its own, so that the chain stays valid after an event was erased with its patient (db/erase.py), the one recorded
exception to insert-only. Anyone who can write to the database can also compute a new chain: `check` prints the last
link, to be recorded elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from osteo_core.columns.column import BIG, REQUIRED, TEXT, Column, table

CHAIN = table(
    "chain",
    "hash chain over events, in the order in which they were taken in",
    Column("position", BIG, "count", "from 1 without a gap", use=REQUIRED),
    Column("event_id", TEXT, "text", "the event", use=REQUIRED),
    Column("content", TEXT, "text", "SHA-256 of the event's content", use=REQUIRED),
    Column("link", TEXT, "text", "SHA-256 of the link before and the content", use=REQUIRED),
    key="position",
)
ERASURE_KIND = "erasure"
_FIRST = "0" * 64


def extend(connection: duckdb.DuckDBPyConnection) -> None:
    """Chain the events that are not in the chain yet, within the caller's transaction."""
    fresh = _rows(
        connection, 'SELECT * FROM events WHERE event_id NOT IN (SELECT event_id FROM chain) ORDER BY "at", event_id'
    )
    position, link = head(connection)
    links = []
    for row in fresh:
        content = content_of(row)
        link = _link(link, content)
        position += 1
        links.append((position, row["event_id"], content, link))
    if links:
        connection.executemany("INSERT INTO chain VALUES (?, ?, ?, ?)", links)


def head(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """Position and hash of the last link."""
    found = connection.execute("SELECT position, link FROM chain ORDER BY position DESC LIMIT 1").fetchall()
    return (int(found[0][0]), str(found[0][1])) if found else (0, _FIRST)


def erased_words(connection: duckdb.DuckDBPyConnection) -> str:
    """How many events of a chain without a fault are gone, each named by an erasure; '' for none."""
    sql = "SELECT count(*) FROM chain WHERE event_id NOT IN (SELECT event_id FROM events)"
    ((gone,),) = connection.execute(sql).fetchall()
    return f", {gone} of them erased with their patients" if gone else ""


def faults(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Contradictions between chain and events, in words; empty if they agree."""
    events = {row["event_id"]: row for row in _rows(connection, "SELECT * FROM events")}
    erased = _erased(events)
    found, before, chained = [], _FIRST, set()
    rows = connection.execute("SELECT position, event_id, content, link FROM chain ORDER BY position").fetchall()
    for expected, (position, event_id, content, link) in enumerate(rows, start=1):
        chained.add(event_id)
        if position != expected or link != _link(before, content):
            found.append(f"link {position} does not follow from the one before")
        if event_id not in events and event_id not in erased:
            found.append(f"event {event_id[:12]} was removed")
        elif event_id in events and content_of(events[event_id]) != content:
            found.append(f"event {event_id[:12]} was changed")
        before = link
    return [*found, *(f"event {event_id[:12]} is not in the chain" for event_id in set(events) - chained)]


def content_of(row: dict[str, Any]) -> str:
    """SHA-256 of an event; empty columns, such as those of a later program, do not count."""
    filled = {name: _text(value) for name, value in row.items() if value is not None}
    return hashlib.sha256(json.dumps(filled, sort_keys=True).encode()).hexdigest()


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    table: pa.Table = connection.sql(sql).to_arrow_table()
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _link(before: str, content: str) -> str:
    return hashlib.sha256(f"{before}\0{content}".encode()).hexdigest()


def _erased(events: dict[str, dict[str, Any]]) -> set[str]:
    records = (json.loads(row["payload_json"]) for row in events.values() if row["kind"] == ERASURE_KIND)
    return {event_id for record in records for event_id in record.get("events", ())}


def _text(value: Any) -> str:
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else str(value)
