"""Is a store whole? Parts against their hashes, the store against its parts, and a store made anew from them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from db import intake, parts, schema
from db.connect import DATABASE, connect_database, write_version
from db.owner import OwnerLock
from db.parts import Part, PartError
from osteo_core.columns import TABLES
from osteo_core.errors import StoreError, StoreOwnedError

_BATCH = 500
#: Tables whose rows follow from the parts alone.
_FOLLOWING = (*TABLES, "cohort", "pairs")


@dataclass(frozen=True, kw_only=True)
class StoreFinding:
    """One thing looked at: ``ok`` or not, and what was found."""

    name: str
    ok: bool
    message: str


def check_store(store_dir: Path) -> tuple[StoreFinding, ...]:
    """Look at parts, quarantine and database; changes nothing. Whatever is wrong is a finding, not an exception."""
    kept = parts.kept_parts(store_dir)
    damaged = [part.name for part in kept if _fault(part)]
    aside = parts.quarantined(store_dir)
    words = (
        f"{len(kept)} parts; damaged: {', '.join(damaged)}" if damaged else f"{len(kept)} parts, each as its hash says"
    )
    return (
        StoreFinding(name="parts", ok=not damaged, message=words),
        StoreFinding(name="quarantine", ok=not aside, message=_aside_words(aside)),
        _database_finding(store_dir),
    )


def rebuild_store(store_dir: Path) -> tuple[StoreFinding, ...]:
    """Make the store anew from parts and events alone; the former file is kept as ``osteo.duckdb.before``.

    A part that cannot be read is set aside and named. Raises StoreOwnedError while another process owns
    the store.
    """
    lock = OwnerLock(store_dir)
    try:
        target, fresh = store_dir / DATABASE, store_dir / f".{DATABASE}.rebuilding"
        _remove(fresh)
        faults: list[tuple[Part, str]] = []
        with contextlib.closing(connect_database(fresh)) as connection:
            schema.bring_up(connection)
            n_taken = _fill(connection, parts.kept_parts(store_dir), faults)
            intake.take_in(connection, store_dir)
        for part, reason in faults:
            parts.set_aside(store_dir, part, reason)
        if target.exists():
            target.replace(store_dir / f"{DATABASE}.before")
        Path(f"{target}.wal").unlink(missing_ok=True)  # the former file's, and of no use without it
        os.replace(fresh, target)
        write_version(store_dir)
    finally:
        lock.release()
    words = f"rebuilt from {n_taken} parts" + (
        f"; {len(faults)} could not be read and were set aside" if faults else ""
    )
    return (StoreFinding(name="rebuild", ok=not faults, message=words), *check_store(store_dir))


def _fault(part: Part) -> str:
    try:
        parts.read_part(part)
    except PartError as error:
        return str(error)
    return ""


def _aside_words(aside: list[tuple[str, str]]) -> str:
    if not aside:
        return "no part was ever set aside"
    return f"{len(aside)} parts were set aside: " + "; ".join(f"{name[:24]}: {reason}" for name, reason in aside)


def _database_finding(store_dir: Path) -> StoreFinding:
    path = store_dir / DATABASE
    if not path.exists():
        return StoreFinding(name="store", ok=not parts.kept_parts(store_dir), message="there is no database yet")
    try:
        lock = OwnerLock(store_dir)
    except StoreOwnedError as owned:
        return StoreFinding(name="store", ok=True, message=f"in use, so not compared with its parts: {owned}")
    try:
        differing = _differing(store_dir, path)
    except StoreError as error:
        return StoreFinding(name="store", ok=False, message=str(error))
    finally:
        lock.release()
    if differing:
        return StoreFinding(
            name="store",
            ok=False,
            message=f"differs from its parts in {', '.join(differing)}; "
            "rebuild it: python -m osteo_core check --rebuild",
        )
    return StoreFinding(name="store", ok=True, message="agrees with its parts, table by table")


def _differing(store_dir: Path, path: Path) -> list[str]:
    """Names of the tables whose rows are not those that the parts give."""
    fresh = store_dir / f".{DATABASE}.checking"
    _remove(fresh)
    try:
        with contextlib.closing(connect_database(path)) as stored, contextlib.closing(connect_database(fresh)) as made:
            if not schema.is_brought_up(stored):
                raise StoreError("another version of this program wrote the store; opening it brings it up to date")
            schema.bring_up(made)
            _fill(made, parts.kept_parts(store_dir), [])
            return [name for name in _FOLLOWING if _fingerprint(stored, name) != _fingerprint(made, name)]
    finally:
        _remove(fresh)


def _fingerprint(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[object, ...]:
    """Rows of a table in number and content, whatever their order; numbers given as names came in do not count."""
    rows = f"(SELECT COLUMNS(lambda name: NOT ends_with(name, '_number')) FROM {table})"
    found = connection.execute(f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {rows} AS t").fetchone()
    return found or ()


def _fill(connection: duckdb.DuckDBPyConnection, kept: list[Part], faults: list[tuple[Part, str]]) -> int:
    """Insert all parts in the order in which they were written; gives how many. Unreadable ones go to ``faults``."""
    taken = 0
    for batch in _batches(sorted(kept, key=lambda part: (part.path.stat().st_mtime_ns, part.name))):
        read = []
        for part in batch:
            try:
                read.append((part, parts.read_part(part)))
            except PartError as error:
                faults.append((part, str(error)))
        intake.insert(connection, read)
        taken += len(read)
    return taken


def _batches(given: list[Part]) -> Iterator[Iterable[Part]]:
    for start in range(0, len(given), _BATCH):
        yield given[start : start + _BATCH]


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    Path(f"{path}.wal").unlink(missing_ok=True)
