"""Snapshots: every table as Parquet in one folder that is renamed whole, for whoever does not own the store.

``snapshot/current.json`` names the folder to read. The one before it is kept, so that a reader who has
just looked still finds its files.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from db import derived, rules, schema
from osteo_core.errors import StoreError
from osteo_core.whole_files import write_text

SNAPSHOT = "snapshot"
CURRENT = "current.json"
#: How each table is sorted, so that a reader can skip what it does not ask for.
_ORDER: dict[str, tuple[str, ...]] = {name: one.order for name, one in {**schema.TRUTH, **derived.TABLES}.items()}
_ROW_GROUP = 50_000


@dataclass(frozen=True, kw_only=True)
class Published:
    """What ``current.json`` says."""

    folder: Path
    version: int
    recipe: str


def publish(cursor: duckdb.DuckDBPyConnection, store_dir: Path) -> Path:
    """Write every table and make the new folder the current one; returns the folder. Only the owner calls this."""
    root = store_dir / SNAPSHOT
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    writing = root / f".{name}.writing"
    writing.mkdir(parents=True)
    cursor.execute("BEGIN TRANSACTION")  # all tables as of one moment
    try:
        for table, order in _ORDER.items():
            target = str(writing / f"{table}.parquet").replace("'", "''")
            columns = ", ".join(f'"{column}"' for column in order)
            cursor.execute(
                f"COPY (SELECT * FROM {table} ORDER BY {columns}) TO '{target}' "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
    finally:
        cursor.execute("ROLLBACK")
    folder = root / name
    writing.rename(folder)
    _name_current(root, folder)
    _remove_older(root, keep=folder)
    return folder


def _name_current(root: Path, folder: Path) -> None:
    current = {"folder": folder.name, "version": schema.version(), "recipe": derived.recipe()}
    write_text(root / CURRENT, json.dumps(current) + "\n")


def _remove_older(root: Path, *, keep: Path) -> None:
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path != keep)
    for old in folders[:-1] if folders and not folders[-1].name.startswith(".") else folders:
        shutil.rmtree(old, ignore_errors=True)


def published(store_dir: Path) -> Published:
    """The current snapshot. Raises StoreError when there is none, or when this program cannot read it."""
    path = store_dir / SNAPSHOT / CURRENT
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        found = Published(
            folder=store_dir / SNAPSHOT / str(given["folder"]),
            version=int(given["version"]),
            recipe=str(given["recipe"]),
        )
    except FileNotFoundError:
        raise StoreError(
            f"there is no snapshot in {store_dir}; its owner publishes one when results are in: wait a moment"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged ({type(error).__name__}); its owner writes it anew") from error
    schema.refuse_newer(found.version, what=f"the snapshot in {store_dir}")
    if found.version < schema.version() or found.recipe != derived.recipe():
        raise StoreError(
            f"another version of this program published the snapshot in {store_dir}; "
            "end the program that owns the store, or use one version for both"
        )
    return found


def open_views(found: Published) -> duckdb.DuckDBPyConnection:
    """An in-memory database whose tables are the snapshot's files."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    for table in _ORDER:
        file = found.folder / f"{table}.parquet"
        if not file.is_file():
            connection.close()
            raise StoreError(f"the snapshot {found.folder} lacks {file.name}; its owner writes a new one")
        quoted = str(file).replace("'", "''")
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{quoted}')")
    for one in rules.RULES.values():
        connection.execute(schema.create_sql(one))
    rules.fill(connection)
    connection.execute(derived.VIEWS)
    return connection
