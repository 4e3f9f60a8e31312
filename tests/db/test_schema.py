"""The store's tables: created from the columns, migrated in one transaction; newer ones are refused with a sentence."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import duckdb
import pytest

from db import derived, schema
from db.connect import open_snapshot, open_store
from osteo_core.columns import TABLES
from osteo_core.columns.column import FLOAT, REQUIRED, Column
from osteo_core.errors import StoreError
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results
from tests.builders.worklist import worklist

EVERY = {**schema.TRUTH, **derived.TABLES}


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as opened:
        yield opened


@pytest.mark.parametrize("name", EVERY)
def test_tables_are_what_the_columns_say(connection, name: str) -> None:
    schema.bring_up(connection)
    found = connection.execute(
        "SELECT column_name, data_type, comment, is_nullable FROM duckdb_columns() WHERE table_name = $t "
        "ORDER BY column_index",
        {"t": name},
    ).fetchall()
    found = [(column, kind.replace('"', ""), *rest) for column, kind, *rest in found]
    assert found == [
        (
            c.name,
            schema.sql_type(c.type).replace('"', ""),
            c.comment,
            REQUIRED not in c.use and c.name not in unique(name),
        )
        for c in EVERY[name].columns
    ]


def unique(name: str) -> tuple[str, ...]:
    return EVERY[name].key if name in ("parts", "about", "events", "results", "chain") else ()


def test_opening_again_changes_nothing(connection) -> None:
    assert not_brought_up(connection)
    assert schema.bring_up(connection)
    assert schema.is_brought_up(connection)
    assert not schema.bring_up(connection)


def not_brought_up(connection) -> bool:
    before = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone()
    try:
        return not schema.is_brought_up(connection)
    finally:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == before, "looking writes nothing"


@pytest.mark.parametrize("name", TABLES)
def test_a_column_that_a_store_lacks_is_added_and_its_rows_are_kept(connection, name: str) -> None:
    one = TABLES[name]
    last = next(column for column in reversed(one.columns) if column.name not in one.key)
    schema.bring_up(connection)
    before = connection.execute(f'SELECT * EXCLUDE ("{last.name}") FROM {name}').fetchall()
    connection.execute(f"DROP TABLE {name}")
    smaller = type(one)(
        name=one.name,
        meaning=one.meaning,
        columns=tuple(c for c in one.columns if c is not last),
        key=one.key,
        order=one.order,
    )
    schema.create(connection, smaller)
    connection.execute(f"INSERT INTO {name} ({', '.join(one.key)}) VALUES ({example(one)})") if required_is_key(
        smaller
    ) else None
    rows = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
    assert not schema.is_brought_up(connection)
    schema.bring_up(connection)
    assert schema.is_brought_up(connection)
    assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == rows
    assert before == []
    comment = connection.execute(
        "SELECT comment FROM duckdb_columns() WHERE table_name = $t AND column_name = $c", {"t": name, "c": last.name}
    ).fetchone()
    assert comment == (last.comment,)


def required_is_key(one) -> bool:
    return {c.name for c in one.columns if REQUIRED in c.use} <= set(one.key)


def example(one) -> str:
    return ", ".join("'x'" if one.schema.field(name).type == "string" else "1" for name in one.key)


def test_what_a_store_of_fewer_columns_measured_is_kept(connection) -> None:
    schema.bring_up(connection)
    connection.execute("ALTER TABLE measurements DROP COLUMN suggested_cause")
    connection.execute(
        "INSERT INTO measurements (result_id, series_key, level, fracture_grade) VALUES ('r', 's', 20, 2)"
    )
    schema.bring_up(connection)
    kept = connection.execute("SELECT level, fracture_grade, suggested_cause FROM measurements").fetchall()
    assert kept == [(20, 2, None)]


def test_a_store_with_columns_of_a_newer_program_is_refused_and_left_alone(connection) -> None:
    schema.bring_up(connection)
    connection.execute("ALTER TABLE results ADD COLUMN of_the_future DOUBLE")
    for look in (schema.bring_up, schema.is_brought_up):
        with pytest.raises(StoreError, match=r"does not know \(results.of_the_future\): a newer program wrote it"):
            look(connection)


def test_a_newer_store_and_snapshot_are_refused_before_they_are_opened(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.publish_snapshot()
    for file in (tmp_path / "store.json", tmp_path / "snapshot" / "current.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "version": 9999}))
    with pytest.raises(StoreError, match="is at version 9999; this program knows"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match=r"the snapshot in .* is at version 9999"):
        open_snapshot(tmp_path)


def test_a_snapshot_of_another_recipe_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.publish_snapshot()
    file = tmp_path / "snapshot" / "current.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "recipe": "another"}))
    with pytest.raises(StoreError, match="another version of this program published the snapshot"):
        open_snapshot(tmp_path)


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store of three series, with an older recipe and a table that is no longer derived."""
    folder = tmp_path_factory.mktemp("holding")
    write_results(folder, build_cohort(3))
    with open_store(folder) as store:
        store.take_in()
    make_stale(folder)
    return folder


def make_stale(folder: Path) -> None:
    with duckdb.connect(str(folder / "osteo.duckdb")) as connection:
        connection.execute("UPDATE about SET value = 'older' WHERE name = 'recipe'; UPDATE cohort SET vendor = 'wrong'")
        connection.execute("ALTER TABLE measurements DROP COLUMN suggested_cause")


def vendors(folder: Path) -> set[str]:
    with open_store(folder) as store:
        rows = worklist(store)
        assert len(rows) == 3
        return {row["vendor"] for row in rows}


def kill_at(n: int, folder: Path) -> bool:
    """Open the store in a child process killed before its n-th statement; False if it finished first."""
    child = os.fork()
    if child == 0:
        left = [n]

        class Counting:
            def __init__(self, inner) -> None:
                self._inner = inner

            def execute(self, *given):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return self._inner.execute(*given)

        with duckdb.connect(str(folder / "osteo.duckdb")) as opened:
            schema.bring_up(Counting(opened))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_bringing_up_killed_at_any_statement_leaves_no_page_empty(holding: Path) -> None:
    """A process killed between migrating and refreshing once left every page empty for good."""
    n = 0
    while kill_at(n, holding):
        with duckdb.connect(str(holding / "osteo.duckdb")) as connection:
            assert connection.execute("SELECT count(*) FROM cohort").fetchone() == (3,), f"killed at statement {n}"
        n += 3
    assert n > 15
    assert "wrong" not in vendors(holding)


def test_a_store_whose_pages_were_emptied_is_filled_again(tmp_path: Path) -> None:
    write_results(tmp_path, build_cohort(3))
    with open_store(tmp_path) as store:
        store.take_in()
    with duckdb.connect(str(tmp_path / "osteo.duckdb")) as connection:
        connection.execute("DELETE FROM cohort")
    assert vendors(tmp_path)


def test_a_new_column_of_the_columns_reaches_table_part_and_row(connection, monkeypatch) -> None:
    one = TABLES["measurements"]
    more = type(one)(
        name=one.name,
        meaning=one.meaning,
        columns=(*one.columns, Column("dummy_mm", FLOAT, "mm", "a dummy", source=lambda m: 2.0 * m.voxels)),
        key=one.key,
        order=one.order,
    )
    schema.bring_up(connection)
    monkeypatch.setitem(schema.TRUTH, "measurements", more)
    schema.bring_up(connection)
    names = [row[0] for row in connection.execute("DESCRIBE measurements").fetchall()]
    assert names[-1] == "dummy_mm"
    assert more.row(build_cohort(1)[0].measurements[0])["dummy_mm"] > 0
