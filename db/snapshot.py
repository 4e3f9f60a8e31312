"""Snapshots: every table as Parquet in one folder that is renamed as a whole, for processes that do not own the store.

``snapshot/current.json`` names the folder to read. The previous one is kept, so that a process that has just read this
file still finds its files.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from db import derived, moments, rules, schema
from db.parts import SNAPSHOT, waiting_parts
from db.sql import identifier, literal
from osteo_core.errors import StoreError
from osteo_core.whole_files import write_text

CURRENT = "current.json"
_ASKED, _HEARD = "asked-", "heard-"
#: How each table is sorted, so that a reader can skip what it does not need.
_ORDER: dict[str, tuple[str, ...]] = {name: one.order for name, one in {**schema.TRUTH, **derived.TABLES}.items()}
_ROW_GROUP = 50_000
#: Otherwise DuckDB would take a parent folder named `vendor=GE` for a column of that name.
OWN_COLUMNS = "hive_partitioning = false"
#: Tables whose rows are replaced when parts arrive; the others only gain rows while one process owns the store.
_REPLACED = ("cohort", "pairs", "unread")


@dataclass(frozen=True, kw_only=True)
class Published:
    """The content of ``current.json``."""

    folder: Path
    version: int
    recipe: str
    parts: int


@dataclass(frozen=True, kw_only=True)
class Written:
    """A published folder, with the row count of each table, which shows whether it has changed since."""

    folder: Path
    marks: Mapping[str, int]


def publish(cursor: duckdb.DuckDBPyConnection, store_dir: Path, *, former: Written | None = None) -> Written:
    """Write every table and make the new folder the current one. Only the owner calls this.

    ``former``: this owner's previous publication; files of unchanged tables are linked, not rewritten, which saves two
    thirds of the work after a note at a million series.
    """
    root = store_dir / SNAPSHOT
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    writing = root / f".{name}.writing"
    writing.mkdir(parents=True)
    cursor.execute("BEGIN TRANSACTION")  # all tables as of one moment
    try:
        marks = _marks(cursor)
        for table, order in _ORDER.items():
            target = writing / f"{table}.parquet"
            is_same = former is not None and former.marks[table] == marks[table]
            if former is not None and is_same and _link(former.folder / target.name, target):
                continue
            cursor.execute(
                f"COPY (SELECT * FROM {table} ORDER BY {', '.join(map(identifier, order))}) TO {literal(target)} "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise
    finally:
        cursor.execute("ROLLBACK")
    folder = root / name
    writing.rename(folder)
    before = _named_now(root)
    _name_current(root, folder, parts=marks["parts"])
    _remove_others(root, keep={folder.name, before})
    return Written(folder=folder, marks=marks)


def _marks(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The number of rows of each table; for a table whose rows are replaced, the number of parts taken in."""
    counted = {table: "parts" if table in _REPLACED else table for table in _ORDER}
    columns = ", ".join(f"(SELECT count(*) FROM {source})" for source in counted.values())
    (counts,) = cursor.execute(f"SELECT {columns}").fetchall()
    return dict(zip(counted, counts, strict=True))


def _link(former: Path, target: Path) -> bool:
    """Hard-link the file as ``target``; False where the file system has no hard links."""
    try:
        os.link(former, target)
    except OSError:
        return False
    return True


def _name_current(root: Path, folder: Path, *, parts: int) -> None:
    current = {"folder": folder.name, "version": schema.version(), "recipe": derived.recipe(), "parts": parts}
    write_text(root / CURRENT, json.dumps(current) + "\n")


def _named_now(root: Path) -> str:
    """Name of the folder that ``current.json`` points to, '' if it cannot be read; not always the latest folder."""
    try:
        return str(json.loads((root / CURRENT).read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _remove_others(root: Path, *, keep: set[str]) -> None:
    for path in root.iterdir():
        if path.is_dir() and path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def published(store_dir: Path) -> Published:
    """The current snapshot. Raises StoreError if there is none, or if this program cannot read it."""
    path = store_dir / SNAPSHOT / CURRENT
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        found = Published(
            folder=store_dir / SNAPSHOT / str(given["folder"]),
            version=int(given["version"]),
            recipe=str(given["recipe"]),
            parts=int(given.get("parts", 0)),
        )
    except FileNotFoundError:
        raise StoreError(
            f"there is no snapshot in {store_dir}; its owner publishes one when results are in: wait a moment"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged ({type(error).__name__}); its owner will rewrite it") from error
    schema.refuse_newer(found.version, what=f"the snapshot in {store_dir}")
    if found.version < schema.version() or found.recipe != derived.recipe():
        raise StoreError(
            f"another version of this program published the snapshot in {store_dir}; "
            "end the program that owns the store, or use one version for both"
        )
    return found


def is_up_to_date(store_dir: Path) -> bool:
    """Whether the snapshot holds everything left for the store so far; for its owner, on opening."""
    try:
        return published(store_dir).parts == moments.parts_taken_in(store_dir) and not waiting_parts(store_dir)
    except (StoreError, OSError):
        return False


def outdate(store_dir: Path) -> None:
    """Let the snapshot count as out of date from now on, as its store is rebuilt: its count of parts means others."""
    path = store_dir / SNAPSHOT / CURRENT
    with suppress(OSError, ValueError, TypeError):  # none, or a damaged one
        write_text(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")), "parts": -1}) + "\n")


class Request:
    """Asks the owner of a store to publish what is in its inbox by now.

    The file ``asked-ID`` in the folder of snapshots becomes ``heard-ID`` once the owner has seen it, and goes once all
    is published. Raises OSError if this process may not write there.
    """

    def __init__(self, store_dir: Path) -> None:
        name = uuid.uuid4().hex
        self._asked, self._heard = (store_dir / SNAPSHOT / f"{prefix}{name}" for prefix in (_ASKED, _HEARD))
        self._asked.touch()

    @property
    def is_heard(self) -> bool:
        """Whether the owner has seen it."""
        return not self._asked.exists()

    @property
    def is_met(self) -> bool:
        """Whether all is published."""
        return self.is_heard and not self._heard.exists()

    def withdraw(self) -> None:
        """Withdraw the request."""
        answer((self._asked, self._heard))


def hear(store_dir: Path) -> set[Path]:
    """Acknowledge, as the store's owner, every request not yet met: they ask for what is in the inbox now."""
    root = store_dir / SNAPSHOT
    for path in root.glob(f"{_ASKED}*"):
        with suppress(OSError):  # withdrawn meanwhile
            path.rename(path.with_name(_HEARD + path.name.removeprefix(_ASKED)))
    return set(root.glob(f"{_HEARD}*"))


def answer(heard: Iterable[Path]) -> None:
    """Mark these requests as met."""
    for path in heard:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def open_views(found: Published) -> duckdb.DuckDBPyConnection:
    """An in-memory database whose tables are the snapshot's files."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    for table in _ORDER:
        file = found.folder / f"{table}.parquet"
        if not file.is_file():
            connection.close()
            raise StoreError(f"the snapshot {found.folder} lacks {file.name}; its owner writes a new one")
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({literal(file)}, {OWN_COLUMNS})")
    for one in rules.RULES.values():
        connection.execute(schema.create_sql(one))
    rules.fill(connection)
    connection.execute(derived.VIEWS)
    return connection
