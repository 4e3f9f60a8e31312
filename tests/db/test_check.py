"""A store checked against its parts, and rebuilt from them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from db import parts, rows, snapshot
from db.backup import back_up, restore
from db.check import check_store, rebuild_store
from db.compact import compact
from db.connect import Store, open_store
from db.events import record
from db.parts import kept_parts, write_parts
from osteo_core.errors import StoreError, StoreOwnedError
from osteo_core.programme.site_line import LINE_KIND
from osteo_core.records import Event, Found
from tests.builders.cohort import build_cohort
from tests.builders.store import faults, write_results


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store of three series."""
    folder = tmp_path_factory.mktemp("built") / "store"
    write_results(folder, build_cohort(7)[4:])
    with open_store(folder) as store:
        store.take_in()
    return folder


@pytest.fixture
def closed(built: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return shutil.copytree(built, tmp_path, dirs_exist_ok=True)


def content(store_dir: Path) -> list[list[dict]]:
    with open_store(store_dir) as store:
        return [
            sorted(store.table(name).to_pylist(), key=repr)
            for name in ("results", "measurements", "series", "cautions")
        ]


def test_a_sound_store_agrees_with_its_parts(closed: Path) -> None:
    assert faults(closed) == {}
    assert {finding.name for finding in check_store(closed)} == {
        "parts",
        "quarantine",
        "store",
        "events",
        "masks",
        "lines",
        "clock",
    }
    assert not list(closed.glob(".*"))


def test_a_store_in_use_is_said_so(filled: Store) -> None:
    (finding,) = [f for f in check_store(filled.store_dir) if f.name == "store"]
    assert finding.ok
    assert finding.message.startswith("in use, so not compared")
    with pytest.raises(StoreOwnedError, match="is owned by process"):
        rebuild_store(filled.store_dir)


def test_rows_that_no_part_gave_are_found_and_rebuilding_mends_it(closed: Path) -> None:
    before = content(closed)
    with duckdb.connect(str(closed / "osteo.duckdb")) as connection:
        connection.execute("UPDATE measurements SET mean_hu = mean_hu + 0.001 WHERE level = 20")
        connection.execute("DELETE FROM cohort WHERE status = 'excluded'")
    assert "differs from its parts in measurements, cohort;" in faults(closed)["store"]
    assert [finding for finding in rebuild_store(closed) if not finding.ok] == []
    assert content(closed) == before


def test_an_event_that_is_noted_again_at_another_moment_counts_as_first_written(
    closed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A sign-in is noted again after a restart of the server: one event, in several parts of different content."""
    at, backup = datetime(2026, 11, 30, 8, tzinfo=UTC), tmp_path_factory.mktemp("backup")
    for minute in range(4):
        again = Event(event_id="a" * 32, kind="signed in", series_key="", author="s", at=at + timedelta(minutes=minute))
        os.utime(record(closed, again), (4_000_000_000 + minute, 4_000_000_000 + minute))  # the year 2096
        if minute:  # the first two are taken in at once
            with open_store(closed) as store:
                store.take_in()

    def noted(place: Path) -> list[datetime]:
        assert faults(place) == {}
        with open_store(place) as store:
            return [row["at"] for row in store.table("events").to_pylist()]

    # Of the last two, which came when the event was known, nothing is kept.
    assert len([part for part in kept_parts(closed) if part.kind == "events"]) == 2
    assert noted(closed) == [at]
    rebuild_store(closed)
    assert noted(closed) == [at]
    back_up(closed, backup)
    restore(backup, backup / "restored")
    assert noted(backup / "restored") == [at]
    compact(closed)
    rebuild_store(closed)
    assert noted(closed) == [at]


@pytest.mark.parametrize("damage", ["missing", "noise"])
def test_a_lost_database_comes_back_from_parts_alone(closed: Path, damage: str) -> None:
    before = content(closed)
    path = closed / "osteo.duckdb"
    path.unlink()
    if damage == "noise":
        path.write_bytes(b"\x07" * 5000)
    assert list(faults(closed)) == ["store"]
    assert rebuild_store(closed)[0].message == f"rebuilt from {len(kept_parts(closed))} parts"
    assert content(closed) == before


def test_a_damaged_part_is_found_and_the_others_rebuild(closed: Path) -> None:
    part = next(part for part in kept_parts(closed) if part.kind == "tissues")
    part.path.write_bytes(part.path.read_bytes()[:-1] + b"\0")
    assert part.name in faults(closed)["parts"]
    findings = {finding.name: finding for finding in rebuild_store(closed)}
    assert findings["rebuild"].message.endswith("; 1 could not be read and were set aside")
    assert "1 parts were set aside" in findings["quarantine"].message
    assert findings["store"].ok
    with open_store(closed) as store:
        assert store.query("cohort_summary").to_pylist()[0]["n_series"] == 3


def test_rebuilding_takes_in_what_waits_in_the_inbox(tmp_path: Path) -> None:
    write_results(tmp_path, build_cohort(2))
    rebuild_store(tmp_path)
    with open_store(tmp_path) as store:
        assert store.query("cohort_summary").to_pylist()[0]["n_series"] == 2


def test_too_little_memory_is_no_damage_of_a_part(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(closed)

    class Full:
        def __init__(self, *_: object) -> None:
            raise pa.ArrowMemoryError("malloc of size 64 failed")

    write_results(closed, build_cohort(8)[7:])
    with monkeypatch.context() as patch, open_store(closed) as store:
        patch.setattr("db.parts.parquet.ParquetFile", Full)
        for act in (store.take_in, lambda: check_store(closed)):
            with pytest.raises(StoreError, match="it needs more memory than there is"):
                act()
    with monkeypatch.context() as patch:
        patch.setattr("db.parts.parquet.ParquetFile", Full)
        with pytest.raises(StoreError, match="it needs more memory than there is"):
            rebuild_store(closed)
    assert parts.quarantined(closed) == []
    assert len(parts.waiting_parts(closed)) > 3
    assert content(closed) == before
    with open_store(closed) as store:
        store.take_in()
    assert faults(closed) == {}


def test_rebuilding_tries_again_what_was_set_aside(closed: Path) -> None:
    before = content(closed)
    for part in kept_parts(closed):
        if part.kind == "measurements":
            parts.set_aside(closed, part, "it could not be read then")
    assert set(faults(closed)) == {"quarantine", "store"}
    assert [finding for finding in rebuild_store(closed) if not finding.ok] == []
    assert not list((closed / "quarantine").iterdir())
    assert content(closed) == before


def killed_at(monkeypatch: pytest.MonkeyPatch, n: int, act: Callable[[], object]) -> bool:
    """Run until the n-th file is renamed, linked or removed; False if it finished first."""
    left = [n]

    def counting(function: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return function(*given, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("unlink", "replace", "rename", "link"):
            patch.setattr(os, name, counting(getattr(os, name)))
        for name in ("unlink", "replace", "rename"):
            patch.setattr(Path, name, counting(getattr(Path, name)))
        try:
            act()
        except KeyboardInterrupt:
            return True
    return False


def test_a_rebuild_that_is_killed_anywhere_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_dir = tmp_path / "store"
    write_results(store_dir, build_cohort(1))
    with open_store(store_dir) as store:
        store.take_in()
    write_results(store_dir, build_cohort(2)[1:])
    n = 0
    while killed_at(monkeypatch, n, lambda: rebuild_store(store_dir)):
        with open_store(store_dir) as store:
            assert store.query("cohort_summary").to_pylist()[0]["n_series"] in (1, 2)
            known = {name for (name,) in store._cursor().execute("SELECT name FROM parts").fetchall()}
            assert {part.name for part in kept_parts(store_dir)} <= known
        n += 2
    assert n > 5
    with open_store(store_dir) as store:
        assert store.query("cohort_summary").to_pylist()[0]["n_series"] == 2
    assert faults(store_dir) == {}


def test_parts_without_a_database_are_no_empty_store(closed: Path) -> None:
    (closed / "osteo.duckdb").unlink()
    with pytest.raises(StoreError, match=r"has parts but its database is missing; .* check --rebuild"):
        open_store(closed)
    assert not (closed / "osteo.duckdb").exists()
    rebuild_store(closed)
    open_store(closed).close()


def test_lines_that_an_older_program_made_for_every_model_are_told(closed: Path) -> None:
    for n, model in enumerate(("", "Revolution")):
        row = {"vendor": "GE", "manufacturer_model_name": model, "kvp": "120", "kernel_group": "", "mineral": "HA"}
        payload = {"row": row, "lowest_mg_cm3": 40.0, "highest_mg_cm3": 180.0}
        at = datetime(2026, 11, 1, tzinfo=UTC)
        line = Event(event_id=f"l{n}", kind=LINE_KIND, series_key="", author="A", at=at)
        record(closed, replace(line, payload_json=json.dumps(payload)))
    with open_store(closed) as store:
        store.take_in()
    (finding,) = [finding for finding in check_store(closed) if finding.name == "lines"]
    assert finding.ok
    assert finding.message.startswith("2 calibration lines from QCT pairs in use; 1 line in use has no scanner model")


def test_outlines_of_a_reader_that_are_missing_are_a_fault_and_missing_masks_are_counted(closed: Path) -> None:
    (finding,) = [finding for finding in check_store(closed) if finding.name == "masks"]
    assert finding.ok
    keys = sorted(one.series.series_key for one in build_cohort(7)[4:] if one.segmentation)
    assert f"masks of results are missing, and those series show no outline: {', '.join(keys)}; copy them" in (
        finding.message
    )
    key = build_cohort(7)[5].series.series_key
    saved = Event(event_id="s", kind="mask saved", series_key=key, author="A", at=datetime(2026, 11, 2, tzinfo=UTC))
    record(closed, replace(saved, payload_json='{"version": "v1"}'))
    with open_store(closed) as store:
        store.take_in()
    assert f"{key}_v1_reader.nii.gz" in faults(closed)["masks"]
    (closed / "media" / f"{key}_v1_reader.nii.gz").write_bytes(b"mask")
    assert faults(closed) == {}


def test_a_store_whose_only_series_was_superseded_is_up_to_date(tmp_path: Path) -> None:
    series, folder = build_cohort(1)[0].series, tmp_path / "store"
    for hour, found in enumerate((Found(series=(series,)), Found(superseded=(replace(series, is_superseded=True),)))):
        tables = rows.indexed_tables(found, at=datetime(2026, 11, 29, hour, tzinfo=UTC))
        write_parts(folder, tables)
        with open_store(folder) as store:
            store.take_in()
    assert [one.message for one in check_store(folder) if not one.ok] == []


def test_a_snapshot_of_before_a_rebuild_is_out_of_date_though_the_number_of_parts_is_the_same(closed: Path) -> None:
    with open_store(closed) as store:
        store.publish_snapshot()
    assert snapshot.is_up_to_date(closed)
    damaged = kept_parts(closed)[0]
    damaged.path.write_bytes(b"damaged")
    rebuild_store(closed)
    record(closed, Event(event_id="new", kind="note", series_key="", author="A", at=datetime.now(UTC)))
    with open_store(closed) as store:
        store.take_in()
    assert not snapshot.is_up_to_date(closed)
    with open_store(closed) as store:
        store.publish_snapshot()
    assert snapshot.is_up_to_date(closed)
