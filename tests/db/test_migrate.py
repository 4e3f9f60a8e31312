"""Migrations: one transaction each with its record; newer and changed ones refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from db.connect import open_snapshot, open_store
from db.migrate import latest_version, migrate, read_migrations, store_version
from db.schemas import KINDS
from osteo_core.errors import BrokenPromiseError, StoreError

SQL_TYPES = {
    "string": "VARCHAR",
    "double": "DOUBLE",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
}


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as opened:
        yield opened


def write(folder: Path, number: int, sql: str) -> None:
    (folder / f"{number:04d}_step.sql").write_text(sql)


def sql_type(arrow_type) -> str:
    text = str(arrow_type)
    return SQL_TYPES[text] if text in SQL_TYPES else SQL_TYPES[str(arrow_type.value_type)] + "[]"


@pytest.mark.parametrize("kind", KINDS)
def test_tables_and_parts_have_the_same_columns_types_and_comments(connection, kind: str) -> None:
    migrate(connection)
    found = connection.execute(
        "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = $t ORDER BY column_index",
        {"t": kind},
    ).fetchall()
    assert found == [(f.name, sql_type(f.type), f.metadata[b"comment"].decode()) for f in KINDS[kind].schema]


def test_every_column_of_every_table_says_what_it_holds(connection) -> None:
    migrate(connection)
    bare = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal AND table_name <> 'migrations'"
    ).fetchall()
    assert bare == []


@pytest.mark.parametrize("version", range(latest_version()))
def test_a_store_of_every_earlier_version_is_brought_up(connection, tmp_path: Path, version: int) -> None:
    for migration in read_migrations()[:version]:
        (tmp_path / migration.name).write_text(migration.sql)
    assert migrate(connection, tmp_path) == version
    assert migrate(connection) == latest_version()
    assert connection.execute("SELECT number FROM migrations ORDER BY number").fetchall() == [
        (n,) for n in range(1, latest_version() + 1)
    ]


@pytest.mark.parametrize("version", range(1, latest_version()))
def test_what_a_store_of_an_earlier_version_measured_is_kept(connection, tmp_path: Path, version: int) -> None:
    for migration in read_migrations()[:version]:
        (tmp_path / migration.name).write_text(migration.sql)
    migrate(connection, tmp_path)
    connection.execute(
        "INSERT INTO measurements (result_id, series_key, level, fracture_grade, confidence) VALUES ('r', 's', 20, 2, 0.9)"
    )
    migrate(connection)
    kept = "level, fracture_grade, confidence, endplate_depression, suggested_cause, regressed_mg_cm3"
    assert connection.execute(f"SELECT {kept} FROM measurements").fetchall() == [(20, 2, 0.9, None, None, None)]


def test_looking_at_the_version_writes_nothing(connection) -> None:
    assert store_version(connection) == 0
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_one_that_fails_midway_leaves_the_store_as_it_was(connection, tmp_path: Path) -> None:
    write(tmp_path, 1, "CREATE TABLE a (x INTEGER);")
    write(tmp_path, 2, "CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(duckdb.CatalogException, match="nowhere"):
        migrate(connection, tmp_path)
    assert store_version(connection) == 1
    assert connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall() == [
        ("a",),
        ("migrations",),
    ]
    write(tmp_path, 2, "CREATE TABLE b (x INTEGER);")
    assert migrate(connection, tmp_path) == 2


def test_running_again_applies_nothing_again(connection, tmp_path: Path) -> None:
    write(tmp_path, 1, "CREATE TABLE a (x INTEGER);")
    assert [migrate(connection, tmp_path), migrate(connection, tmp_path)] == [1, 1]


def test_a_changed_migration_is_refused(connection, tmp_path: Path) -> None:
    write(tmp_path, 1, "CREATE TABLE a (x INTEGER);")
    migrate(connection, tmp_path)
    write(tmp_path, 1, "CREATE TABLE a (x BIGINT);")
    with pytest.raises(StoreError, match=r"0001_step.sql is not the one that made this store .* check --rebuild"):
        migrate(connection, tmp_path)


def test_a_gap_in_the_numbers_is_our_bug(tmp_path: Path) -> None:
    write(tmp_path, 2, "SELECT 1;")
    with pytest.raises(BrokenPromiseError, match=r"without a gap, found \[2\]"):
        read_migrations(tmp_path)


def test_a_newer_store_is_refused_with_a_sentence(connection, tmp_path: Path) -> None:
    for number in range(1, 4):
        write(tmp_path, number, f"CREATE TABLE t{number} (x INTEGER);")
    migrate(connection, tmp_path)
    (tmp_path / "0003_step.sql").unlink()
    with pytest.raises(StoreError, match="the store is at version 3; this program knows versions up to 2"):
        migrate(connection, tmp_path)


def test_a_newer_store_and_snapshot_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.publish_snapshot()
    for file in (tmp_path / "store.json", tmp_path / "snapshot" / "current.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "version": 99}))
    with pytest.raises(StoreError, match="is at version 99; this program knows"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match=r"the snapshot in .* is at version 99"):
        open_snapshot(tmp_path)
