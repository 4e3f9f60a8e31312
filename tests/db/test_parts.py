"""Parts: complete, named by content, taken in once; a damaged one is set aside and the rest continues."""

from __future__ import annotations

import hashlib
import io
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from db import derived, intake, parts, rows
from db.connect import Store, open_store
from db.events import record
from db.parts import Part, kept_parts, quarantined, waiting_parts, write_part
from osteo_core.columns import TABLES
from osteo_core.errors import BrokenPromiseError, StoreError
from osteo_core.review.read_events import opened_event, saved_event
from osteo_core.review.reads import SavedMask
from osteo_core.review.summary import Summary
from osteo_core.terms import Category
from tests.builders.cohort import build_cohort, measured_result
from tests.builders.store import write_results


def numbers(store: Store) -> tuple[int, int]:
    row = store.query("cohort_summary").to_pylist()[0]
    return row["n_series"], row["n_measured"]


def cohort_of(store: Store) -> list[dict[str, object]]:
    return store._connection.execute("FROM cohort ORDER BY series_key").to_arrow_table().to_pylist()


def write_raw(store_dir: Path, kind: str, table: pa.Table) -> Path:
    """A part as written by another program."""
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    path = store_dir / "inbox" / f"{kind}-{hashlib.sha256(buffer.getvalue()).hexdigest()}.parquet"
    path.write_bytes(buffer.getvalue())
    return path


def test_a_part_is_named_by_its_content(tmp_path: Path) -> None:
    table = rows.result_tables(build_cohort(1)[0])["results"]
    path = write_part(tmp_path, "results", table)
    assert path.name == f"results-{hashlib.sha256(path.read_bytes()).hexdigest()}.parquet"
    assert write_part(tmp_path, "results", table) == path
    assert [file.name for file in (tmp_path / "inbox").iterdir()] == [path.name]


def test_a_part_of_wrong_kind_or_columns_is_our_bug(tmp_path: Path) -> None:
    table = rows.result_tables(build_cohort(1)[0])["results"]
    with pytest.raises(BrokenPromiseError, match="no kind of part 'wishes'"):
        write_part(tmp_path, "wishes", table)
    with pytest.raises(BrokenPromiseError, match="a part of kind tissues has columns"):
        write_part(tmp_path, "tissues", table)
    assert not (tmp_path / "inbox").exists()


def test_taken_in_once_however_often_it_is_left(store: Store) -> None:
    results = build_cohort(3)
    write_results(store.store_dir, results)
    first = store.take_in()
    write_results(store.store_dir, results)
    assert (first > 0, store.take_in(), numbers(store)) == (True, 0, (3, 3))
    assert len(kept_parts(store.store_dir)) == first
    assert waiting_parts(store.store_dir) == []


def test_openings_and_saved_outlines_derive_nothing_and_would_change_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = build_cohort(3)
    write_results(store.store_dir, results)
    store.take_in()
    derived_rows, real, asked = cohort_of(store), derived.refresh, []
    monkeypatch.setattr(derived, "refresh", lambda connection: asked.append("") or real(connection))
    key, at = results[0].series.series_key, datetime(2026, 11, 29, 8, tzinfo=UTC)
    saved = SavedMask(
        version="v", base="m", reader="AB", at=at, model_hash="m", summary=Summary(category=Category.NORMAL)
    )
    opened = {"series_key": key, "reader": "AB", "at": at, "shows_read": False, "version": "m"}
    record(
        store.store_dir,
        opened_event(event_id="1", **opened),
        saved_event(saved, event_id="2", series_key=key, settings_hash="s"),
    )
    assert (store.take_in(), asked) == (1, [])
    monkeypatch.setattr(intake, "_NOT_DERIVED_FROM", pa.array([], pa.string()))
    record(store.store_dir, opened_event(event_id="3", **opened))
    assert (store.take_in(), asked) == (1, [""])
    assert cohort_of(store) == derived_rows


def test_the_same_rows_in_other_bytes_change_nothing(store: Store) -> None:
    write_results(store.store_dir, build_cohort(1))
    store.take_in()
    before = {name: store.table(name).num_rows for name in ("measurements", "results", "series")}
    for kind, table in rows.result_tables(build_cohort(1)[0]).items():
        write_raw(store.store_dir, kind, table)
    store.take_in()
    assert {name: store.table(name).num_rows for name in before} == before


def test_a_crash_between_commit_and_move_loses_and_doubles_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(store.store_dir, build_cohort(2))
    with monkeypatch.context() as patch:
        patch.setattr(intake.parts, "keep", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
        with pytest.raises(StoreError, match="check that its disk is there"):
            store.take_in()
    assert store.take_in() == 0
    assert numbers(store) == (2, 2)
    assert waiting_parts(store.store_dir) == []


def test_a_failure_in_the_transaction_leaves_the_parts_waiting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(store.store_dir, build_cohort(2))
    waiting = len(waiting_parts(store.store_dir))
    with monkeypatch.context() as patch:
        patch.setattr(intake, "_record", lambda *_: (_ for _ in ()).throw(RuntimeError("killed here")))
        with pytest.raises(RuntimeError, match="killed here"):
            store.take_in()
    assert numbers(store) == (0, 0)
    assert store.take_in() == waiting
    assert numbers(store) == (2, 2)


def test_damaged_parts_are_set_aside_with_a_reason_and_the_others_go_on(store: Store) -> None:
    write_results(store.store_dir, build_cohort(2))
    inbox = store.store_dir / "inbox"
    cut = write_part(store.store_dir, "tissues", rows.result_tables(build_cohort(3)[2])["tissues"])
    cut.write_bytes(cut.read_bytes()[:100])
    noise = random.Random(1).randbytes(300)
    (inbox / f"series-{hashlib.sha256(noise).hexdigest()}.parquet").write_bytes(noise)
    (inbox / "letters-abc.parquet").write_bytes(b"x")
    store.take_in()
    reasons = dict(quarantined(store.store_dir))
    assert len(reasons) == 3
    assert "the file is damaged" in reasons[cut.stem]
    assert "cannot be read as a part of kind series" in reasons[f"series-{hashlib.sha256(noise).hexdigest()}"]
    assert "no known kind" in reasons["letters-abc"]
    assert numbers(store) == (2, 2)
    assert waiting_parts(store.store_dir) == []


def test_rows_that_break_a_promise_are_set_aside_alone(store: Store) -> None:
    write_results(store.store_dir, build_cohort(5))
    good = rows.result_tables(build_cohort(6)[5])["results"]
    column = good.schema.get_field_index("mean_vbmd_low_mg_cm3")
    write_part(store.store_dir, "results", good.set_column(column, good.schema.field(column), pa.array([999.0])))
    store.take_in()
    (reason,) = dict(quarantined(store.store_dir)).values()
    assert reason.startswith("the store refuses its rows: Constraint Error")
    assert numbers(store) == (5, 5)


def test_a_part_of_a_newer_program_waits_in_quarantine(store: Store) -> None:
    table = rows.result_tables(build_cohort(1)[0])["tissues"]
    write_raw(store.store_dir, "tissues", table.append_column("porosity", pa.array([0.1] * len(table))))
    store.take_in()
    (reason,) = dict(quarantined(store.store_dir)).values()
    assert reason == "it has columns ['porosity'] that this program does not know; update the program"


def test_a_part_of_an_older_program_has_null_for_what_it_did_not_know(store: Store) -> None:
    tables = rows.result_tables(build_cohort(1)[0])
    table = tables.pop("tissues")
    write_raw(store.store_dir, "tissues", table.drop_columns(["area_mm2"]))
    for kind, others in tables.items():
        write_part(store.store_dir, kind, others)
    assert store.take_in() == 1 + len(tables)
    assert [row["area_mm2"] for row in store.table("tissues").to_pylist()] == [None] * len(table)


def test_half_written_files_and_strangers_are_not_seen(store: Store) -> None:
    inbox = store.store_dir / "inbox"
    (inbox / ".3f.writing").write_bytes(b"half")
    (inbox / "notes.txt").write_bytes(b"hello")
    assert store.take_in() == 0
    assert sorted(file.name for file in inbox.iterdir()) == [".3f.writing", "notes.txt"]


def test_a_result_is_listed_only_with_all_that_belongs_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = rows.result_tables(build_cohort(1)[0])
    for kind in [kind for kind in tables if kind != "results"]:
        write_part(tmp_path, kind, tables[kind])
    names, calls = parts._names, []

    def late(inbox: Path) -> set[str]:
        found = names(inbox)
        if not calls:
            write_part(tmp_path, "results", tables["results"])
        calls.append(1)
        return found

    monkeypatch.setattr(parts, "_names", late)
    assert "results" not in {part.kind for part in waiting_parts(tmp_path)}
    assert "results" in {part.kind for part in waiting_parts(tmp_path)}


def test_the_latest_finished_is_current_whatever_the_order_of_arrival(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    old = measured_result(0, rng)
    new = replace(old, model_hash="c" * 64, finished_at=old.finished_at + timedelta(days=1), seconds=1.5)
    seen = []
    for order in ((old, new), (new, old)):
        with open_store(tmp_path / order[0].model_hash[0]) as store:
            for result in order:
                write_results(store.store_dir, [result])
                store.take_in()
            row = store.query("patient", series_key=old.series.series_key).to_pylist()[0]
            seen.append((row["model_hash"], row["seconds"], store.table("results").num_rows))
    assert seen == [("c" * 64, 1.5, 2)] * 2


def test_content_read_back_from_a_part_is_what_was_written(tmp_path: Path) -> None:
    for kind, table in rows.result_tables(build_cohort(1)[0]).items():
        read = parts.read_part(Part(path=write_part(tmp_path, kind, table)))
        assert read.equals(table.cast(TABLES[kind].schema))


def test_moments_are_utc_to_the_microsecond(store: Store) -> None:
    at = datetime(2040, 2, 29, 23, 59, 59, 123457, tzinfo=UTC)
    write_results(store.store_dir, [replace(build_cohort(1)[0], finished_at=at)])
    store.take_in()
    assert store.table("results").to_pylist()[0]["finished_at"] == at


def test_a_footer_that_is_no_text_is_a_damaged_part(tmp_path: Path) -> None:
    path = write_part(tmp_path, "events", rows.table_of("events", []))
    content = path.read_bytes().replace(b"event_id", b"\xff" * 8)
    damaged = path.with_name(f"events-{hashlib.sha256(content).hexdigest()}.parquet")
    damaged.write_bytes(content)
    with pytest.raises(parts.PartError, match=r"cannot be read as a part of kind events \(UnicodeDecodeError"):
        parts.read_part(Part(path=damaged))
