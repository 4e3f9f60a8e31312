"""Opens a store: as its one owner, or, beside an owner, through the snapshot that the owner publishes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from db import intake, moments, parts, schema, site_lines, snapshot
from db.border import translated
from db.erased import refuse_half_erased
from db.leftovers import remove_leftovers
from db.owner import OwnerLock
from db.parts import INBOX, MEDIA, PARTS, SNAPSHOT
from db.query import EVERYBODY
from db.reader import Reader
from osteo_core.errors import StoreError
from osteo_core.programme.cohort import CohortFilter
from osteo_core.whole_files import write_text

DATABASE = "osteo.duckdb"
VERSION_FILE = "store.json"
_FOLDERS = (INBOX, PARTS, SNAPSHOT, MEDIA)
#: The newest of the moments that decide which of several rows counts (in microseconds: DuckDB's moments need another
#: library to be read), and the number of parts.
_TAKEN_IN = """
SELECT
    epoch_us(list_max([
        (SELECT max(indexed_at) FROM series), (SELECT max(finished_at) FROM results),
        (SELECT max("at") FROM events), (SELECT max(imported_at) FROM reference_values)
    ])),
    (SELECT count(*) FROM parts)
"""


class Store(Reader):
    """The store as opened by its owner: takes in parts, publishes snapshots, answers queries."""

    def __init__(
        self, store_dir: Path, connection: duckdb.DuckDBPyConnection, lock: OwnerLock, *, is_lent: bool = False
    ) -> None:
        super().__init__(store_dir, connection)
        self._lock, self._is_lent = lock, is_lent
        self._writing = threading.Lock()
        self._publishing = threading.Lock()
        self._owes_files = False
        self._published: snapshot.Written | None = None
        self._publisher: duckdb.DuckDBPyConnection | None = None

    def take_in(self) -> int:
        """Take in the parts that wait in the inbox; returns how many were new."""
        with self._writing, translated(self.store_dir, "writing to"):
            self._refuse_replaced()
            try:
                taken = intake.take_in(self._connection, self.store_dir)
                if taken or self._owes_files:
                    _write_what_follows(self._connection, self.store_dir)
            except BaseException:
                self._owes_files = True  # of parts that may have been taken in before
                raise
            self._owes_files = False
            return taken

    def publish_snapshot(self) -> Path:
        """Write the snapshot that other processes read; returns its folder. Parts can be taken in at the same time."""
        with self._publishing, translated(self.store_dir, "publishing"):
            self._refuse_replaced()
            self._publisher = self._connection.cursor()
            try:
                self._published = snapshot.publish(self._publisher, self.store_dir, former=self._published)
            finally:
                self._publisher.close()
                self._publisher = None
            return self._published.folder

    def stop_publishing(self) -> None:
        """Interrupt a publication running in another thread; it raises a database error there."""
        publisher = self._publisher
        if publisher is not None:
            publisher.interrupt()

    def _refuse_replaced(self) -> None:
        """Refuse an open store that was deleted or replaced, such as by a restored one."""
        if not self._lock.is_in_place:
            raise StoreError(
                f"the store {self.store_dir} was removed or replaced while it was open; the app reopens it within a "
                "minute, a command must be started again"
            )

    def keys_of(self, patient_key: str) -> tuple[list[str], list[str]]:
        """Keys of all series of a patient, and identifiers of all events noted about them."""
        given = {"patient": patient_key}
        series = "SELECT DISTINCT series_key FROM series WHERE patient_key = $patient"
        found = self._cursor().execute(f"{series} ORDER BY 1", given).fetchall()
        noted = f"SELECT event_id FROM events WHERE series_key IN ({series}) ORDER BY 1"
        events = self._cursor().execute(noted, given).fetchall()
        return [key for (key,) in found], [event_id for (event_id,) in events]

    def knows(self, patient_key: str) -> bool:
        """Whether any series or QCT value is this patient's."""
        sql = "SELECT $patient IN (SELECT patient_key FROM series UNION ALL SELECT patient_key FROM reference_values)"
        return bool(self._cursor().execute(sql, {"patient": patient_key}).fetchall()[0][0])

    def close(self) -> None:
        """Close the database and release the store, unless its lock was lent; a second call does nothing."""
        with self._publishing, self._writing:
            if not self._lock.is_in_place:
                with suppress(duckdb.Error):  # closed already, or its log would be removed under the other store's name
                    self._connection.execute("PRAGMA disable_checkpoint_on_shutdown")
            super().close()
            if not self._is_lent:
                self._lock.release()


class Snapshot(Reader):
    """The store as last published by its owner; checks for a newer snapshot before every answer."""

    def __init__(self, store_dir: Path) -> None:
        self._published = snapshot.published(store_dir)
        super().__init__(store_dir, snapshot.open_views(self._published))
        self._changing = threading.Lock()
        self._is_held = False

    def query(self, name: str, *, cohort: CohortFilter = EVERYBODY, **params: Any) -> pa.Table:
        """Answer the query ``name`` about ``cohort`` as an Arrow table."""
        self._follow()
        try:
            return super().query(name, cohort=cohort, **params)
        except StoreError:  # two newer snapshots were published meanwhile and this one is gone
            self._follow()
            return super().query(name, cohort=cohort, **params)

    def table(self, name: str) -> pa.Table:
        """A whole table for export."""
        self._follow()
        return super().table(name)

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Within this context all answers come from the current snapshot, even if newer ones appear.

        The owner keeps only the snapshot before the latest: after two newer ones, answers raise StoreError.
        """
        self._follow()
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def _follow(self) -> None:
        if self._is_held:
            return
        with self._changing:
            latest = snapshot.published(self.store_dir)
            if latest != self._published:
                # The former connection is not closed: another thread may be answering from it.
                self._connection = snapshot.open_views(latest)
                self._published = latest


def open_store(store_dir: Path, *, held: OwnerLock | None = None) -> Store:
    """Own the store (created if missing), upgrade it to this program's version, and open it.

    ``held``: the caller's lock, which the caller releases. Raises StoreOwnedError naming the owner's pid, StoreError if
    the store is newer than this program or damaged, or if an erasure was interrupted.
    """
    _refuse_newer_file(store_dir)
    lock = held or OwnerLock(store_dir)
    try:
        if held is None:
            refuse_half_erased(store_dir)
        with translated(store_dir, "opening"):
            connection = _open_database(store_dir)
    except BaseException:
        if held is None:
            lock.release()
        raise
    return Store(store_dir, connection, lock, is_lent=held is not None)


def _open_database(store_dir: Path) -> duckdb.DuckDBPyConnection:
    """Open the store's folders and its database, upgraded to this program's version."""
    if not (store_dir / DATABASE).exists() and parts.any_kept(store_dir):
        raise StoreError(
            f"the store {store_dir} has parts but its database is missing; rebuild it from them: python -m "
            "osteo_core check --rebuild"
        )
    for folder in _FOLDERS:
        (store_dir / folder).mkdir(parents=True, exist_ok=True)
    remove_leftovers(store_dir)
    connection = connect_database(store_dir / DATABASE)
    try:
        schema.bring_up(connection)
        _write_what_follows(connection, store_dir)
        write_version(store_dir)
    except BaseException:
        connection.close()
        raise
    return connection


def _write_what_follows(connection: duckdb.DuckDBPyConnection, store_dir: Path) -> None:
    """Write the files beside the database that other processes read: calibration lines, and what was taken in."""
    site_lines.write_lines(connection, store_dir)
    newest_us, n_parts = connection.execute(_TAKEN_IN).fetchall()[0]
    if newest_us is not None:
        moments.write_taken_in(store_dir, datetime.fromtimestamp(0, UTC) + timedelta(microseconds=newest_us), n_parts)


def open_snapshot(store_dir: Path) -> Snapshot:
    """Open the published snapshot. Raises StoreError if there is none yet, or none that can be read."""
    return Snapshot(store_dir)


def connect_database(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file with times in UTC. Raises StoreOwnedError or StoreError when it cannot be opened."""
    with translated(path.parent, "opening"):
        connection = duckdb.connect(str(path))
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


def _refuse_newer_file(store_dir: Path) -> None:
    """Refuse a newer store before its file is touched: a newer DuckDB format may not open at all."""
    path = store_dir / VERSION_FILE
    if path.exists():
        try:
            found = int(json.loads(path.read_text(encoding="utf-8"))["version"])
        except (ValueError, KeyError, TypeError):
            return  # the database itself knows its version
        schema.refuse_newer(found, what=f"the store {store_dir}")


def write_version(store_dir: Path) -> None:
    """Note the store's version beside it, where an older program looks before it opens the database."""
    write_text(store_dir / VERSION_FILE, json.dumps({"version": schema.version()}) + "\n")
