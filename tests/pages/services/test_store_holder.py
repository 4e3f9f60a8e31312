"""The one owner of the store inside the app: parts are taken in automatically, and another owner is respected."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from commands import store_access
from db import parts, snapshot
from db.backup import back_up, restore
from db.connect import Snapshot, Store, open_snapshot, open_store
from osteo_core.errors import StoreError, UsageError
from osteo_core.programme.cohort import CohortFilter
from osteo_core.records import Event
from pages.ui.services import store_holder
from pages.ui.services.store_holder import StoreHolder
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store, write_results
from tests.builders.waiting import wait_until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick is a twentieth of a second here."""
    monkeypatch.setattr(store_holder, "_TICK_S", 0.05)
    monkeypatch.setattr(store_holder, "_PUBLISH_EVERY_S", 0.0)


def count(holder: StoreHolder) -> int:
    return int(holder.query("cohort_summary").to_pylist()[0]["n_series"])


def test_parts_are_taken_in_and_published_while_the_app_runs(tmp_path: Path) -> None:
    holder = StoreHolder(tmp_path)
    try:
        assert holder.is_owner
        assert holder.is_empty()
        write_results(tmp_path, build_cohort(5))
        wait_until(lambda: count(holder) == 5)
        assert holder.version > 0
        assert not holder.is_empty()
        wait_until(lambda: any((tmp_path / "snapshot").iterdir()))
    finally:
        holder.close()
    assert int(open_snapshot(tmp_path).query("cohort_summary").to_pylist()[0]["n_series"]) == 5


def test_while_another_process_owns_the_store_its_snapshot_is_read_and_then_the_store_is_taken(tmp_path: Path) -> None:
    build_store(tmp_path, build_cohort(4))
    other = open_store(tmp_path)
    holder = StoreHolder(tmp_path)
    try:
        assert not holder.is_owner
        assert count(holder) == 4
        other.close()
        wait_until(lambda: holder.is_owner)
        assert count(holder) == 4
    finally:
        holder.close()


def test_a_passing_fault_is_shown_and_goes_when_the_intake_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_store(tmp_path, build_cohort(3))
    holder = StoreHolder(tmp_path)
    faults = ["disk full"] * 3
    take_in = Store.take_in

    def sometimes_broken(store: Store) -> int:
        if faults:
            raise OSError(faults.pop())
        return take_in(store)

    try:
        monkeypatch.setattr(Store, "take_in", sometimes_broken)
        wait_until(lambda: holder.fault is not None)
        assert str(holder.fault) == "disk full"
        assert count(holder) == 3  # earlier results are still shown meanwhile
        wait_until(lambda: holder.fault is None)
        write_results(tmp_path, build_cohort(5))
        wait_until(lambda: count(holder) == 5)
        assert holder.is_owner
    finally:
        holder.close()


def event(name: str) -> Event:
    return Event(event_id=name, kind="view", series_key="", author="AB", at=datetime.now(UTC))


def test_a_note_that_the_disk_refuses_is_refused_in_words_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = StoreHolder(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    try:
        with monkeypatch.context() as patched:
            patched.setattr(parts, "write_bytes", full)
            with pytest.raises(
                UsageError, match=r"cannot be written to \(No space left on device\), so nothing was saved"
            ):
                holder.record(event("refused"))
        assert holder.record(event("kept"))
        assert [row["event_id"] for row in open_events(holder)] == ["kept"]
    finally:
        holder.close()


@pytest.mark.parametrize(
    "given", [{"reason": "a" * 4001}, {"author": "a" * 4001}, {"payload_json": f'"{"a" * 2**18}"'}]
)
def test_a_note_that_is_too_long_is_refused_in_words_and_leaves_nothing(tmp_path: Path, given: dict[str, str]) -> None:
    holder = StoreHolder(tmp_path)
    try:
        with pytest.raises(UsageError, match="more than 4,000 letters is not noted"):
            holder.record(event("short"), replace(event("long"), **given))
        assert holder.record(replace(event("kept"), reason="a" * 4000))
        assert [row["event_id"] for row in open_events(holder)] == ["kept"]
    finally:
        holder.close()


def test_a_note_that_is_kept_but_not_taken_in_at_once_is_there_later_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = StoreHolder(tmp_path)
    broken = threading.Event()
    broken.set()
    take_in = Store.take_in

    def sometimes_broken(store: Store) -> int:
        if broken.is_set():
            raise StoreError("the disk is full")
        return take_in(store)

    try:
        monkeypatch.setattr(Store, "take_in", sometimes_broken)
        assert not holder.record(event("later"))
        assert str(holder.fault) == "the disk is full"
        broken.clear()
        wait_until(lambda: [row["event_id"] for row in open_events(holder)] == ["later"])
    finally:
        holder.close()


def open_events(holder: StoreHolder) -> list[dict[str, Any]]:
    reader = holder._reader
    return reader.table("events").to_pylist() if isinstance(reader, Store) else []


def test_where_nothing_can_be_written_the_snapshot_is_shown_with_the_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_store(tmp_path, build_cohort(4))

    def read_only(store_dir: Path) -> Store:
        raise StoreError(f"the store {store_dir} cannot be read or written (Read-only file system)")

    monkeypatch.setattr(store_holder, "open_store", read_only)
    holder = StoreHolder(tmp_path)
    try:
        assert "Read-only" in str(holder.fault)
        assert count(holder) == 4
        monkeypatch.setattr(store_holder, "open_store", open_store)
        wait_until(lambda: holder.is_owner and holder.fault is None)
    finally:
        holder.close()


def test_a_command_beside_the_app_sees_what_was_left_a_moment_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_holder, "_PUBLISH_EVERY_S", 1000.0)
    holder = StoreHolder(tmp_path)
    try:
        for number in (3, 5, 5):  # the last time there is nothing new
            write_results(tmp_path, build_cohort(number))
            with store_access.reading(tmp_path) as reader:
                assert isinstance(reader, Snapshot)
                assert reader.query("cohort_summary").to_pylist()[0]["n_series"] == number
        assert snapshot.hear(tmp_path) == set()
    finally:
        holder.close()


def test_a_command_that_waits_for_an_owner_who_goes_opens_the_store_itself(tmp_path: Path) -> None:
    build_store(tmp_path, build_cohort(3))
    with open_store(tmp_path) as owner:
        write_results(tmp_path, build_cohort(5))
        ending = threading.Timer(0.5, owner.close)
        ending.start()
        with store_access.reading(tmp_path) as reader:
            assert isinstance(reader, Store)
            assert reader.query("cohort_summary").to_pylist()[0]["n_series"] == 5


def test_what_a_killed_owner_did_not_publish_is_published_by_the_next(tmp_path: Path) -> None:
    build_store(tmp_path, build_cohort(3))
    write_results(tmp_path, build_cohort(5))
    with open_store(tmp_path) as killed:
        killed.take_in()
    holder = StoreHolder(tmp_path)
    try:
        wait_until(lambda: open_snapshot(tmp_path).query("cohort_summary").to_pylist()[0]["n_series"] == 5)
    finally:
        holder.close()


def test_the_store_is_free_after_the_holder_closed(tmp_path: Path) -> None:
    holder = StoreHolder(tmp_path)
    holder.close()
    open_store(tmp_path).close()
    assert not holder.is_owner


def test_a_long_publication_holds_nothing_up_and_is_broken_off_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def endless(cursor: Any, *_: object, **__: object) -> None:
        begun.set()
        cursor.execute("SELECT count(*) FROM range(1_000_000_000_000) AS a(i) WHERE i % 7 = 8").fetchall()

    monkeypatch.setattr(snapshot, "publish", endless)
    holder = StoreHolder(tmp_path)
    try:
        write_results(tmp_path, build_cohort(2))
        assert begun.wait(120)
        write_results(tmp_path, build_cohort(5)[2:])
        wait_until(lambda: count(holder) == 5)
    finally:
        monkeypatch.undo()
        holder.close()
    open_store(tmp_path).close()


def test_an_answer_is_kept_until_something_new_is_taken_in(tmp_path: Path) -> None:
    holder = StoreHolder(build_store(tmp_path / "store", build_cohort(3)))
    try:
        first = holder.query("cohort_summary")
        assert holder.query("cohort_summary") is first
        assert holder.query("cohort_summary", cohort=CohortFilter(flagged=True)) is not first
        write_results(tmp_path / "store", build_cohort(5)[3:])
        wait_until(lambda: count(holder) == 5)
    finally:
        holder.close()


def test_a_store_that_is_deleted_and_restored_under_the_app_is_opened_anew_and_loses_no_note(tmp_path: Path) -> None:
    place = tmp_path / "store"
    build_store(place, build_cohort(4))
    back_up(place, tmp_path / "backup")
    holder = StoreHolder(place)
    try:
        shutil.rmtree(place)
        restore(tmp_path / "backup", place)
        noted = Event(event_id="n", kind="note", series_key="s", author="AB", at=datetime(2026, 11, 2, tzinfo=UTC))
        assert not holder.record(noted)  # kept, and taken in once the store is reopened
        wait_until(lambda: holder.fault is None and holder.is_owner and not parts.waiting_parts(place))
        assert count(holder) == 4
    finally:
        holder.close()
    with open_store(place) as store:
        assert [row["event_id"] for row in store.table("events").to_pylist()] == ["n"]
