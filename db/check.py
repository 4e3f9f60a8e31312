"""Is a store intact? Parts against their hashes, the store against its parts, and a rebuild from the parts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from db import chain, erased, intake, moments, parts, schema, site_lines, snapshot
from db.border import translated
from db.connect import DATABASE, connect_database, write_version
from db.finding import Finding
from db.owner import OwnerLock
from db.parts import MEDIA, Part, PartError
from db.sql import literal
from osteo_core.columns import TABLES
from osteo_core.errors import StoreError, StoreOwnedError
from osteo_core.programme.site_line import any_model_words
from osteo_core.whole_files import sync_folder

_BATCH = 500
#: Maximum number of series with missing masks that are named.
_MOST_NAMED = 10
_REBUILD = "rebuild it: python -m osteo_core check --rebuild"
#: Tables whose rows follow from the parts only.
_FOLLOWING = (*TABLES, "cohort", "unread", "pairs")
#: Names in the folder of masks: outlines that readers saved, and masks of results.
_OUTLINES = """
SELECT DISTINCT series_key || '_' || (payload_json ->> '$.version') || '_reader.nii.gz' AS name
FROM events WHERE kind = 'mask saved' AND name IS NOT NULL
"""
_MASKS = """
SELECT DISTINCT mask_file FROM segmentations JOIN results USING (result_id)
WHERE mask_file IS NOT NULL AND NOT coalesce(is_read, false)
"""


def check_store(store_dir: Path) -> tuple[Finding, ...]:
    """Check parts, events, database and quarantine, the most serious first; changes nothing.

    A fault is a finding that says what to do, not an exception.
    """
    try:
        erased.refuse_half_erased(store_dir)
    except StoreError as error:
        return (Finding(name="erasure", ok=False, message=str(error)), _clock_finding(store_dir))
    kept = parts.kept_parts(store_dir)
    with translated(store_dir, "reading"):
        damaged = [part.name for part in kept if _fault(part)]
    aside = parts.quarantined(store_dir)
    words = f"{len(kept)} parts, each matches its hash"
    if damaged:
        words = (
            f"{len(kept)} parts; damaged: {', '.join(damaged)}; restore a backup (python -m osteo_core restore), or go "
            "on without them: python -m osteo_core check --rebuild"
        )
    return (
        Finding(name="parts", ok=not damaged, message=words),
        *_database_findings(store_dir),
        _clock_finding(store_dir),
        Finding(name="quarantine", ok=not aside, message=_aside_words(aside)),
    )


def rebuild_store(
    store_dir: Path, *, chain_file: Path | None = None, held: OwnerLock | None = None
) -> tuple[Finding, ...]:
    """Rebuild the store from parts and events only; the former file is kept as ``osteo.duckdb.before``.

    A part that cannot be read is set aside and named, and those that were set aside before are tried again. The chain
    over events is carried over from the former database, else from ``chain_file`` or the snapshot. ``held``: the
    caller's lock. Raises StoreOwnedError while another process owns the store, StoreError after a cut-off erasure.
    """
    with contextlib.nullcontext(held) if held else OwnerLock(store_dir):
        if held is None:
            erased.refuse_half_erased(store_dir)
        with translated(store_dir, "rebuilding"):
            n_taken, faults = _rebuild(store_dir, chain_file)
    words = f"rebuilt from {n_taken} parts" + (
        f"; {len(faults)} could not be read and were set aside" if faults else ""
    )
    found = Finding(name="rebuild", ok=not faults, message=words)
    return (found,) if held else (found, *check_store(store_dir))


def _rebuild(store_dir: Path, chain_file: Path | None) -> tuple[int, list[tuple[Part, str]]]:
    erased.purge(store_dir)
    target, fresh = store_dir / DATABASE, store_dir / f".{DATABASE}.rebuilding"
    _remove(fresh)
    faults: list[tuple[Part, str]] = []
    with contextlib.closing(connect_database(fresh)) as connection:
        schema.bring_up(connection)
        _carry_chain(connection, store_dir, chain_file)
        n_taken = _fill(connection, parts.kept_parts(store_dir), faults)
    for part, reason in faults:
        parts.set_aside(store_dir, part, reason)
    snapshot.outdate(store_dir)
    _keep_former(target)
    os.replace(fresh, target)
    sync_folder(store_dir)
    write_version(store_dir)
    for part in parts.parts_aside(store_dir):
        if not _fault(part):
            parts.put_back(store_dir, part)
    # Only now: parts taken in leave the inbox, and would be missing in the former database.
    with contextlib.closing(connect_database(target)) as connection:
        intake.take_in(connection, store_dir)
    return n_taken, faults


def _keep_former(target: Path) -> None:
    """Give the former database a second name; it keeps its own name until the new one replaces it."""
    if target.exists():
        with contextlib.suppress(StoreError):  # merges its log into the file; a damaged file is not opened
            connect_database(target).close()
        link = target.with_name(f".{DATABASE}.rebuilding.before")
        link.unlink(missing_ok=True)
        try:
            os.link(target, link)
        except OSError:  # no hard links on this file system: if it ends here, opening the store says what to do
            target.replace(link)
        link.replace(target.with_name(f"{DATABASE}.before"))
    Path(f"{target}.wal").unlink(missing_ok=True)  # belongs to the former file and is useless without it


def _clock_finding(store_dir: Path) -> Finding:
    fault = moments.clock_fault(store_dir)
    return Finding(name="clock", ok=not fault, message=fault or "not behind the newest entry of the store")


def _carry_chain(connection: duckdb.DuckDBPyConnection, store_dir: Path, chain_file: Path | None) -> None:
    """Carry over the links of chained events; if none can be read, the chain starts again."""
    former = store_dir / DATABASE
    if former.exists():
        try:
            connection.execute(f"ATTACH {literal(former)} AS former (READ_ONLY)")
            connection.execute("INSERT INTO chain BY NAME SELECT * FROM former.chain")
            connection.execute("DETACH former")
            return
        except duckdb.Error:
            pass  # damaged: that is why it is rebuilt
    try:
        published = chain_file or snapshot.published(store_dir).folder / "chain.parquet"
    except StoreError:
        return
    if published.exists():
        file = literal(published)
        connection.execute(f"INSERT INTO chain BY NAME SELECT * FROM read_parquet({file}, {snapshot.OWN_COLUMNS})")


def _fault(part: Part) -> str:
    try:
        parts.read_part(part)
    except PartError as error:
        return str(error)
    return ""


def _aside_words(aside: list[tuple[str, str]]) -> str:
    if not aside:
        return "no part was ever set aside"
    return (
        f"{len(aside)} parts were set aside: "
        + "; ".join(f"{name[:24]}: {reason}" for name, reason in aside)
        + ". What they held is missing: analyze those series again, then empty the folder quarantine"
    )


def _database_findings(store_dir: Path) -> tuple[Finding, ...]:
    path = store_dir / DATABASE
    if not path.exists():
        has_parts = bool(parts.kept_parts(store_dir))
        words = "there is no database yet" + (f"; {_REBUILD}" if has_parts else "")
        return (Finding(name="store", ok=not has_parts, message=words),)
    try:
        lock = OwnerLock(store_dir)
    except StoreOwnedError as owned:
        return (Finding(name="store", ok=True, message=f"in use, so not compared with its parts: {owned}"),)
    except StoreError as error:
        return (Finding(name="store", ok=False, message=str(error)),)
    try:
        with lock, contextlib.closing(connect_database(path)) as stored:
            if not schema.is_brought_up(stored):
                raise StoreError("another version of this program wrote the store; opening it brings it up to date")
            return (
                _event_finding(stored),
                _mask_finding(store_dir, stored),
                _line_finding(stored),
                _compared(store_dir, stored),
            )
    except StoreError as error:
        return (Finding(name="store", ok=False, message=str(error)),)


def _event_finding(stored: duckdb.DuckDBPyConnection) -> Finding:
    found = chain.faults(stored)
    (n, link), gone = chain.head(stored), chain.erased_words(stored)
    if found:
        words = f"{'; '.join(found)}: they were changed outside the program; find out by whom, then {_REBUILD}"
        return Finding(name="events", ok=False, message=words)
    return Finding(name="events", ok=True, message=f"{n} events, each in the chain{gone}; last link {link[:16]}")


def _mask_finding(store_dir: Path, stored: duckdb.DuckDBPyConnection) -> Finding:
    """Compares the masks named by results and readers' saved outlines with the files present."""
    drawn, made = ({name for (name,) in stored.execute(sql).fetchall()} for sql in (_OUTLINES, _MASKS))
    held = set(os.listdir(store_dir / MEDIA)) if (store_dir / MEDIA).is_dir() else set()
    lost = sorted(drawn - held)
    words = f"{len(drawn & held)} outlines of readers and {len(made & held)} masks are there"
    if missing := sorted(name.partition("_")[0] for name in made - held):  # a mask is named after its series
        more = ", ..." if len(missing) > _MOST_NAMED else ""
        words += (
            f"; {len(missing)} masks of results are missing, and those series show no outline: "
            f"{', '.join(missing[:_MOST_NAMED])}{more}; copy them from the folder media of a backup, or segment again "
            "into a new store"
        )
    if lost:
        words += (
            f"; outlines that readers drew are missing: {', '.join(lost)}; they cannot be made again: copy them from "
            "the folder media of a backup"
        )
    return Finding(name="masks", ok=not lost, message=words)


def _line_finding(stored: duckdb.DuckDBPyConnection) -> Finding:
    """Calibration lines from this store in use; names those for any scanner model, which are not a fault."""
    rows = site_lines.rows_of(stored)
    words = (f"{len(rows)} calibration lines from QCT pairs in use", any_model_words(rows))
    return Finding(name="lines", ok=True, message="; ".join(filter(None, words)))


def _compared(store_dir: Path, stored: duckdb.DuckDBPyConnection) -> Finding:
    differing = _differing(store_dir, stored)
    if differing:
        words = f"differs from its parts in {', '.join(differing)}; {_REBUILD}"
        return Finding(name="store", ok=False, message=words)
    return Finding(name="store", ok=True, message="agrees with its parts, table by table")


def _differing(store_dir: Path, stored: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the tables whose rows differ from those of the parts."""
    fresh = store_dir / f".{DATABASE}.checking"
    _remove(fresh)
    try:
        with contextlib.closing(connect_database(fresh)) as made:
            schema.bring_up(made)
            _fill(made, parts.kept_parts(store_dir), [])
            return [name for name in _FOLLOWING if _fingerprint(stored, name) != _fingerprint(made, name)]
    finally:
        _remove(fresh)


def _fingerprint(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[object, ...]:
    """Rows of a table in number and content, whatever their order; numbers given as names came in do not count."""
    rows = f"(SELECT COLUMNS(lambda name: NOT ends_with(name, '_number')) FROM {table})"
    found = connection.execute(f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {rows} AS t").fetchall()
    return tuple(found)


def _fill(connection: duckdb.DuckDBPyConnection, kept: list[Part], faults: list[tuple[Part, str]]) -> int:
    """Insert all parts in the order in which they were written; returns how many. Unreadable ones go to ``faults``."""
    taken = 0
    for batch in _batches(parts.as_written(kept)):
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
