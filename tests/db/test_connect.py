"""One owner, any number of readers: in threads of its process, and through the snapshot in other processes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from db import parts, rows, snapshot
from db.connect import Snapshot, Store, open_snapshot, open_store
from db.events import record
from osteo_core.errors import BrokenPromiseError, StoreError, StoreOwnedError
from osteo_core.records import Event
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results
from tests.builders.worklist import worklist

ROOT = Path(__file__).resolve().parents[2]
HOLD = "import sys, pathlib; from db.connect import open_store; s = open_store(pathlib.Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"


def n_series(reader: Store | Snapshot) -> int:
    return reader.query("cohort_summary").to_pylist()[0]["n_series"]


def test_a_second_owner_is_refused_by_pid(store: Store) -> None:
    with pytest.raises(StoreOwnedError, match=f"is owned by process {os.getpid()};"):
        open_store(store.store_dir)
    assert n_series(store) == 0


def test_another_process_is_named_and_its_death_frees_the_store(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StoreOwnedError, match=f"is owned by process {other.pid};"):
            open_store(tmp_path)
    finally:
        other.kill()
        other.communicate()
    with open_store(tmp_path) as store:
        assert n_series(store) == 0


def test_a_file_that_another_program_holds_is_owned_too(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "osteo.duckdb")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StoreOwnedError, match="another program has"):
            open_store(tmp_path)
    finally:
        other.kill()
        other.communicate()


def test_a_closed_store_opens_again_with_what_was_in_it(tmp_path: Path) -> None:
    write_results(tmp_path, build_cohort(2))
    with open_store(tmp_path) as store:
        store.take_in()
    store.close()
    with open_store(tmp_path) as store:
        assert n_series(store) == 2


def test_a_damaged_file_is_a_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "osteo.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"seems to be damaged; .* check --rebuild"):
        open_store(tmp_path)
    (tmp_path / "osteo.duckdb").unlink()
    open_store(tmp_path).close()


def test_a_snapshot_answers_as_of_its_publishing_and_follows_the_next(store: Store) -> None:
    with pytest.raises(StoreError, match="there is no snapshot in"):
        open_snapshot(store.store_dir)
    write_results(store.store_dir, build_cohort(2))
    store.take_in()
    store.publish_snapshot()
    with open_snapshot(store.store_dir) as snapshot:
        assert n_series(snapshot) == 2
        write_results(store.store_dir, build_cohort(5))
        store.take_in()
        assert n_series(snapshot) == 2
        for _ in range(4):
            store.publish_snapshot()
        assert n_series(snapshot) == 5
        assert snapshot.table("results").num_rows == 5
    assert len([path for path in (store.store_dir / "snapshot").iterdir() if path.is_dir()]) == 2


def test_within_unchanging_answers_are_of_one_snapshot(store: Store) -> None:
    """Otherwise an export would have more series in results than in measurements if the owner published in between."""
    write_results(store.store_dir, build_cohort(2))
    store.take_in()
    store.publish_snapshot()
    with open_snapshot(store.store_dir) as read:
        with read.unchanging():
            before = read.table("measurements")
            write_results(store.store_dir, build_cohort(5))
            store.take_in()
            store.publish_snapshot()
            assert set(read.table("results")["series_key"].to_pylist()) == set(before["series_key"].to_pylist())
        assert n_series(read) == 5


def test_a_folder_named_like_a_column_changes_no_value(tmp_path: Path) -> None:
    """By default DuckDB reads ``vendor=GE`` in a path as the value of that column in every row."""
    place = tmp_path / "vendor=GE" / "store"
    with open_store(place) as store:
        write_results(place, build_cohort(5))
        store.take_in()
        store.publish_snapshot()
        with open_snapshot(place) as read:
            assert sorted(read.table("series")["vendor"].to_pylist()) == sorted(
                store.table("series")["vendor"].to_pylist()
            )


def test_a_table_that_did_not_change_is_linked_and_one_that_changed_is_written_anew(store: Store) -> None:
    write_results(store.store_dir, build_cohort(3))
    store.take_in()
    before = store.publish_snapshot()
    record(store.store_dir, Event(event_id="e", kind="note", series_key="s", author="AB", at=datetime.now(UTC)))
    store.take_in()
    after = store.publish_snapshot()
    names = {path.name for path in after.iterdir()}
    same = {name for name in names if (before / name).samefile(after / name)}
    assert {"measurements.parquet", "results.parquet", "series.parquet"} <= same
    assert {"events.parquet", "cohort.parquet", "parts.parquet"} <= names - same
    with open_snapshot(store.store_dir) as read:
        assert n_series(read) == 3
        assert read.table("events").num_rows == 1


def test_parts_are_taken_in_while_a_snapshot_is_published(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, publish = threading.Event(), threading.Event(), snapshot.publish

    def slow(cursor: Any, store_dir: Path, **given: Any) -> Any:
        begun.set()
        go_on.wait(60)
        return publish(cursor, store_dir, **given)

    monkeypatch.setattr(snapshot, "publish", slow)
    publishing = threading.Thread(target=store.publish_snapshot)
    publishing.start()
    begun.wait(60)
    write_results(store.store_dir, build_cohort(2))
    assert store.take_in()
    assert n_series(store) == 2
    go_on.set()
    publishing.join(60)
    assert not publishing.is_alive()


def test_a_publishing_that_was_killed_leaves_the_former_snapshot(store: Store, monkeypatch) -> None:
    store.publish_snapshot()
    write_results(store.store_dir, build_cohort(2))
    store.take_in()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no space")))
        with pytest.raises(StoreError, match="free disk space"):
            store.publish_snapshot()
    with open_snapshot(store.store_dir) as snapshot:
        assert n_series(snapshot) == 0
        store.publish_snapshot()
        assert n_series(snapshot) == 2
    assert not list((store.store_dir / "snapshot").glob(".*.writing"))


def test_threads_read_while_parts_are_taken_in(tmp_path: Path) -> None:
    results = build_cohort(12)
    seen: list[int] = []
    faults: list[Exception] = []
    with open_store(tmp_path) as store:
        done = threading.Event()

        def read() -> None:
            last = 0
            while not done.is_set():
                try:
                    count = n_series(store)
                    if count < last:
                        raise AssertionError(f"the count fell from {last} to {count}")
                    last = count
                    worklist(store)
                except Exception as error:  # errors of the threads are asserted below
                    faults.append(error)
                    return
                seen.append(last)
                time.sleep(0.05)

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for start in range(0, 12, 4):
            write_results(tmp_path, results[start : start + 4])
            store.take_in()
        done.set()
        for thread in threads:
            thread.join()
        assert faults == []
        assert n_series(store) == 12
        assert len(seen) > 3


def test_tables_with_local_paths_do_not_leave(filled: Store) -> None:
    with pytest.raises(BrokenPromiseError, match="table 'files' is not for export"):
        filled.table("files")
    assert filled.table("series").num_rows == 28


def test_times_are_utc_whatever_the_machine_says(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = filled.query("runs").schema.field("last_finished_at").type.tz
    assert zone in ("UTC", "Etc/UTC")


def test_the_database_names_its_views(filled: Store) -> None:
    names = filled._cursor().sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    assert {name for (name,) in names} == {
        "current_series",
        "current_results",
        "current_files",
        "current_reference_values",
        "follow_up_notes",
        "cause_readings",
        "current_cause_readings",
        "follow_up_plans",
        "valid_reference_values",
        "measured_results",
        "sound_results",
    }
    assert duckdb.__version__ == "2.0.0"


def test_rows_of_a_result_that_never_came_whole_are_not_exported(store: Store) -> None:
    (result,) = build_cohort(1)
    tables = rows.result_tables(result)
    for kind in ("measurements", "cautions", "tissues"):  # the worker was killed before the result's own row
        parts.write_part(store.store_dir, kind, tables[kind])
    store.take_in()
    assert [store.table(kind).num_rows for kind in ("measurements", "cautions", "tissues")] == [0, 0, 0]
    write_results(store.store_dir, [result])
    store.take_in()
    assert store.table("measurements").num_rows == tables["measurements"].num_rows


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_store_that_is_removed_or_replaced_while_it_is_open_takes_nothing_in_and_touches_nothing(
    tmp_path: Path, how: str
) -> None:
    place = tmp_path / "store"
    write_results(place, build_cohort(2))
    with open_store(place) as store:
        store.take_in()
    shutil.copytree(place, tmp_path / "copy")
    with open_store(place) as store:
        assert n_series(store) == 2
        shutil.rmtree(place)
        if how == "replaced":
            shutil.copytree(tmp_path / "copy", place)
            write_results(place, build_cohort(3)[2:])
            (place / "osteo.duckdb.wal").write_bytes(b"of the new owner")
        for act in (store.take_in, store.publish_snapshot):
            with pytest.raises(StoreError, match="was removed or replaced while it was open"):
                act()
    if how == "replaced":
        assert (place / "osteo.duckdb.wal").read_bytes() == b"of the new owner"
        (place / "osteo.duckdb.wal").unlink()
        assert len(parts.waiting_parts(place)) > 3
        with open_store(place) as store:
            store.take_in()
            assert n_series(store) == 3
