"""A clock that was set back, or had been ahead: new results still count, and the fault is reported."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.crash.scenarios import MODELS, workers_within, write_ct
from commands.analysis_job import Models
from commands.analyze import analyze
from commands.index import index
from db import moments, snapshot
from db.check import check_store, rebuild_store
from db.compact import compact
from db.connect import Store, open_store
from db.events import record
from osteo_core.events import new_event
from osteo_core.imaging.nifti import write_nifti
from osteo_core.records import Geometry, SeriesResult
from osteo_core.settings import Settings
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results

AHEAD = timedelta(days=3)


@pytest.fixture
def ahead() -> datetime:
    """The time on a clock that is three days ahead."""
    return datetime.now(UTC) + AHEAD


@pytest.fixture
def result() -> SeriesResult:
    return next(one for one in build_cohort(12) if one.measurements)


def test_without_a_store_it_is_the_clocks_time_and_never_the_same_twice(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    found = [moments.in_order(tmp_path) for _ in range(50)]
    assert before <= found[0] <= found[-1] <= datetime.now(UTC) + timedelta(milliseconds=1)
    assert found == sorted(set(found))


def test_what_follows_something_later_comes_right_after_it(tmp_path: Path, ahead: datetime) -> None:
    moments.write_taken_in(tmp_path, ahead, 1)
    assert [moments.in_order(tmp_path) - ahead for _ in range(3)] == [timedelta(microseconds=n) for n in (1, 2, 3)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"newest": 3}', '{"newest": "2026-11-30T00:00:00"}', '{"old": 1}'])
def test_a_damaged_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / moments.FILE).write_text(text)
    assert moments.newest(tmp_path) is None
    assert moments.clock_fault(tmp_path) == ""


def test_the_owner_writes_the_newest_of_all_that_it_took_in(
    store: Store, result: SeriesResult, ahead: datetime
) -> None:
    write_results(store.store_dir, [replace(result, finished_at=ahead)])
    assert moments.newest(store.store_dir) is None
    store.take_in()
    assert moments.newest(store.store_dir) == ahead


def test_one_that_was_lost_is_written_when_the_store_is_opened(store: Store, result: SeriesResult) -> None:
    write_results(store.store_dir, [result])
    store.take_in()
    path = store.store_dir / moments.FILE
    said = json.loads(path.read_text())
    path.unlink()
    store.close()
    with open_store(store.store_dir):
        assert json.loads(path.read_text()) == said


def test_a_second_analysis_counts_though_the_clock_was_set_back(tmp_path: Path, ahead: datetime) -> None:
    ct, first = tmp_path / "ct", Settings(store=tmp_path / "store")
    first.store.mkdir()
    moments.write_taken_in(first.store, ahead, 0)
    write_ct(ct, cases=1)
    (series,) = index([ct], first.store, settings=first).series

    def analyzed(settings: Settings, models: Models) -> dict[str, Any]:
        (first.store / moments.FILE).unlink()  # as if it were unknown; the store itself knows
        with workers_within():
            analyze(settings.store, settings=settings, models=models)
        with open_store(settings.store) as store:
            (row,) = store.query("worklist_rows", series_keys=[series.series_key]).to_pylist()
        assert row["finished_at"] > ahead
        return row

    before = analyzed(first, MODELS)
    changed = replace(first, normal_above_mg_cm3=130.0)
    again = analyzed(changed, MODELS)
    assert again["settings_hash"] == changed.hash
    others = analyzed(changed, replace(MODELS, model_hash="e" * 12))
    assert before["finished_at"] < again["finished_at"] < others["finished_at"]


def test_headers_that_are_read_anew_count_though_the_clock_was_set_back(tmp_path: Path, ahead: datetime) -> None:
    ct, store_dir = tmp_path / "ct", tmp_path / "store"
    settings = Settings(store=store_dir)
    store_dir.mkdir()
    moments.write_taken_in(store_dir, ahead, 0)
    write_ct(ct, cases=1)
    index([ct], store_dir, settings=settings)
    (store_dir / moments.FILE).unlink()
    (path,) = ct.iterdir()
    write_nifti(path, np.zeros((20, 20, 60), np.int16), Geometry(shape=(20, 20, 60), affine_lps=np.eye(4)))
    index([ct], store_dir, settings=settings)
    with open_store(store_dir) as store:
        (known,) = store.query("known_files").to_pylist()
    assert known["size_bytes"] == path.stat().st_size


def test_check_names_a_clock_that_is_behind(store: Store, result: SeriesResult, ahead: datetime) -> None:
    write_results(store.store_dir, [replace(result, finished_at=ahead)])
    store.take_in()
    store.close()
    (found,) = [one for one in check_store(store.store_dir) if one.name == "clock"]
    assert not found.ok
    assert f"{ahead:%Y-%m-%d %H:%M}" in found.message


def test_the_snapshot_before_is_kept_whatever_the_clock_says(store: Store) -> None:
    root = store.store_dir / snapshot.SNAPSHOT
    first = store.publish_snapshot()
    later = first.rename(root / "20991231T000000000000")
    snapshot._name_current(root, later, parts=0)
    second = store.publish_snapshot()
    assert {path.name for path in root.iterdir() if path.is_dir()} == {later.name, second.name}
    third = store.publish_snapshot()
    assert {path.name for path in root.iterdir() if path.is_dir()} == {second.name, third.name}


def test_a_sign_in_recorded_again_after_the_clock_was_set_back_stays_the_first_one(tmp_path: Path) -> None:
    folder, at = tmp_path / "store", datetime.now(UTC)
    for n, names in enumerate((["sign-in"], ["sign-in", "another"], ["sign-in"])):
        own = {"kind": "signed in", "author": "A", "at": at + timedelta(seconds=n), "payload": {"name": "A"}}
        part = record(folder, *(new_event(event_id=name, **own) for name in names))
        os.utime(part, ((at - n * AHEAD).timestamp(),) * 2)
        with open_store(folder) as store:
            store.take_in()
    expected = [("another", at + timedelta(seconds=1)), ("sign-in", at)]
    for again in (lambda: compact(folder), lambda: rebuild_store(folder), lambda: None):
        again()
        assert [one.message for one in check_store(folder) if not one.ok] == []
        with open_store(folder) as store:
            found = store.table("events").to_pylist()
        assert sorted((row["event_id"], row["at"]) for row in found) == expected
