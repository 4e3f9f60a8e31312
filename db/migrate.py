"""Migrations: numbered SQL files, each applied in one transaction together with its record and hash."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from osteo_core.errors import BrokenPromiseError, StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_RECORD = """
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
)
"""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One numbered step of the store's form."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hash of the file, recorded when it is applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """All migrations in order. Raises BrokenPromiseError unless they are numbered 1, 2, 3 ..."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if not match:
            raise BrokenPromiseError(f"a migration is named NNNN_words.sql, found {path.name}")
        found.append(Migration(number=int(match[1]), name=path.name, sql=path.read_text(encoding="utf-8")))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise BrokenPromiseError(f"migrations must be numbered from 1 without a gap, found {numbers}")
    return tuple(found)


def latest_version(folder: Path = MIGRATIONS) -> int:
    """The version of a store to which every migration of this program was applied."""
    return len(read_migrations(folder))


def store_version(connection: duckdb.DuckDBPyConnection) -> int:
    """How many migrations this store has; 0 for a file that holds nothing. Looking never writes."""
    row = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'migrations' AND NOT temporary"
    ).fetchone()
    if not row or not row[0]:
        return 0
    newest = connection.execute("SELECT coalesce(max(number), 0) FROM migrations").fetchone()
    return int(newest[0]) if newest else 0


def refuse_newer(found: int, *, what: str, folder: Path = MIGRATIONS) -> None:
    """Raise StoreError when ``what`` is of a later version than this program knows."""
    known = latest_version(folder)
    if found > known:
        raise StoreError(
            f"{what} is at version {found}; this program knows versions up to {known}. "
            "Update the program, or name another store with --store"
        )


def migrate(connection: duckdb.DuckDBPyConnection, folder: Path = MIGRATIONS) -> int:
    """Apply what is missing; gives the version.

    Raises StoreError when the store is newer than this program, or when a migration that was applied
    to it has changed since. A migration that fails leaves the store as it was before that one.
    """
    migrations = read_migrations(folder)
    version = store_version(connection)
    refuse_newer(version, what="the store", folder=folder)
    if version:
        _refuse_changed(connection, migrations[:version])
    for migration in migrations[version:]:
        _apply(connection, migration)
    return len(migrations)


def _refuse_changed(connection: duckdb.DuckDBPyConnection, applied: tuple[Migration, ...]) -> None:
    recorded = dict(connection.execute("SELECT number, sha256 FROM migrations").fetchall())
    for migration in applied:
        if recorded.get(migration.number) != migration.sha256:
            raise StoreError(
                f"migration {migration.name} is not the one that made this store "
                f"(recorded {str(recorded.get(migration.number))[:12]}, found {migration.sha256[:12]}); "
                "install the program's own files again, or rebuild the store: python -m osteo_core check --rebuild"
            )


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    connection.execute("BEGIN TRANSACTION")
    try:
        connection.execute(_RECORD)
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO migrations VALUES ($number, $name, $sha256, $at)",
            {
                "number": migration.number,
                "name": migration.name,
                "sha256": migration.sha256,
                "at": datetime.now(UTC),
            },
        )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
