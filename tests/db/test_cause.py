"""Readers' statements on causes in the store: the latest counts, all are kept, and the export contains them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.connect import Store, open_snapshot, open_store
from db.events import record
from osteo_core.programme.cause import Cause, CauseReading, event_of
from osteo_core.records import SeriesResult
from osteo_core.terms import Level, SuggestedCause
from tests.builders.cohort import MODEL_HASH, SETTINGS_HASH, build_cohort
from tests.builders.store import write_results
from tests.builders.worklist import worklist

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def read(store: Store, key: str, level: Level, cause: Cause, *, minute: int, author: str = "AB") -> None:
    reading = CauseReading(level=level, cause=cause, author=author, at=AT + timedelta(minutes=minute))
    event_id = f"{key}-{level}-{minute}"
    record(store.store_dir, event_of(reading, event_id=event_id, series_key=key, versions=(MODEL_HASH, SETTINGS_HASH)))
    store.take_in()


@pytest.fixture
def fractured(store: Store) -> tuple[Store, SeriesResult]:
    """A store of some patients, and the result of one with a fracture of L1."""
    results = build_cohort(28)
    write_results(store.store_dir, results)
    store.take_in()
    return store, next(r for r in results if r.assessment and r.assessment.worst_fracture_grade)


def levels(store: Store, key: str) -> dict[Level, dict]:
    return {Level(row["level"]): row for row in store.query("patient_levels", series_key=key).to_pylist()}


def test_a_suggestion_stands_apart_from_the_grade_and_a_reading_beside_it(fractured) -> None:
    store, result = fractured
    key = result.series.series_key
    before = levels(store, key)
    assert before[Level.L1]["suggested_cause"] == SuggestedCause.DEPRESSED
    assert before[Level.L1]["endplate_depression"] == pytest.approx(0.17)
    assert before[Level.L2]["suggested_cause"] == SuggestedCause.NO_DEFORMITY
    assert {row["reader_cause"] for row in before.values()} == {None}
    read(store, key, Level.L1, Cause.NON_OSTEOPOROTIC, minute=1)
    after = levels(store, key)
    assert (after[Level.L1]["reader_cause"], after[Level.L1]["reader"]) == (Cause.NON_OSTEOPOROTIC, "AB")
    assert after[Level.L1]["suggested_cause"] == before[Level.L1]["suggested_cause"]
    assert after[Level.L1]["fracture_grade"] == before[Level.L1]["fracture_grade"]
    assert {row["reader_cause"] for level, row in after.items() if level != Level.L1} == {None}


def test_the_latest_reading_of_a_level_counts_and_every_one_is_kept(fractured) -> None:
    store, result = fractured
    key = result.series.series_key
    read(store, key, Level.L1, Cause.MODERATE, minute=5, author="CD")
    read(store, key, Level.L1, Cause.MILD, minute=1)
    read(store, key, Level.L2, Cause.NORMAL, minute=9)
    assert levels(store, key)[Level.L1]["reader_cause"] == Cause.MODERATE
    history = store.query("follow_up_history", series_key=key).to_pylist()
    assert [(row["level"], row["note"], row["author"]) for row in history] == [
        (Level.L2, Cause.NORMAL, "AB"),
        (Level.L1, Cause.MODERATE, "CD"),
        (Level.L1, Cause.MILD, "AB"),
    ]
    listed = {row["series_key"]: row for row in worklist(store)}
    assert listed[key]["follow_state"] == "to review", "reading a cause answers no review"


def test_the_export_holds_suggestions_and_readings_of_the_current_result(fractured, tmp_path: Path) -> None:
    store, result = fractured
    key = result.series.series_key
    read(store, key, Level.L1, Cause.SEVERE, minute=1)
    read(store, key, Level.L3, Cause.NOT_ASSESSABLE, minute=2)
    rows = {row["series"]: row for row in store.query("export_cohort", with_keys=True, salt="s").to_pylist()}
    assert rows[key]["suggested_causes"] == "20: osteoporotic-looking endplate depression"
    assert rows[key]["reader_causes"] == "20: osteoporotic fracture, severe (m2ABQ 3); 22: not assessable"
    others = [row for name, row in rows.items() if name != key]
    assert {row["reader_causes"] for row in others} == {None}
    sound = [row for row in others if row["worst_fracture_grade"] == 0]
    assert sound
    assert {row["suggested_causes"] for row in sound} == {None}


def test_a_snapshot_answers_the_same(tmp_path: Path) -> None:
    (result,) = build_cohort(1)
    key = result.series.series_key
    with open_store(tmp_path) as store:
        write_results(tmp_path, [result])
        store.take_in()
        read(store, key, Level.L2, Cause.NORMAL, minute=1)
        store.publish_snapshot()
    found = open_snapshot(tmp_path).query("patient_levels", series_key=key).to_pylist()
    assert [row["reader_cause"] for row in found] == [None, Cause.NORMAL, None, None]
