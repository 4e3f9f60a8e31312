"""Which signed reads a reader may see: SQL and osteo_core use the same rule, and lists show the program's result."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db import rows
from db.connect import Store, open_snapshot, open_store
from db.events import record
from db.parts import write_parts
from osteo_core.outcomes import ExclusionCode
from osteo_core.programme.cohort import Change, CohortFilter
from osteo_core.programme.follow_up import Note, State
from osteo_core.programme.follow_up import event_of as follow_up_event
from osteo_core.records import Estimate, Event, Exclusion, Found, SeriesResult
from osteo_core.review.read_events import opened_event, reading_of, signed_event
from osteo_core.review.reads import Read, Role, Verdict
from osteo_core.review.summary import Summary
from osteo_core.terms import Category, Step
from tests.builders.cohort import build_cohort, key_of
from tests.builders.store import write_results
from tests.db.test_queries import PARAMETERS

START = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
#: Possible steps on a series: the person, their role (None for opening it), and whether it shows the read.
STEPS = (
    ("AB", Role.FIRST, False),
    ("CD", Role.SECOND, False),
    ("EF", Role.ADJUDICATOR, False),
    ("CD", None, False),
    ("EF", None, True),
)
SIGNATURES = STEPS[:3]
#: In any order, except that the first reader signs before the second, and the adjudicator last.
HISTORIES = [
    steps
    for count in range(5)
    for steps in itertools.permutations(STEPS, count)
    if (signed := tuple(step for step in steps if step[1])) == SIGNATURES[: len(signed)]
]
READERS = ("", "AB", "CD", "EF", "GH")


def event_of(series_key: str, n: int, step: tuple[str, Role | None, bool]) -> Event:
    reader, role, shows_read = step
    at, event_id = START + timedelta(minutes=n), f"{series_key}-{n}"
    if role is None:
        given = {"event_id": event_id, "series_key": series_key, "reader": reader, "at": at}
        return opened_event(**given, shows_read=shows_read, version="m")
    read = Read(
        verdict=Verdict.ACCEPT,
        role=role,
        version="m",
        reader=reader,
        at=at,
        model_hash="m",
        settings_hash="s",
        summary=Summary(category=Category.NORMAL if role is Role.FIRST else Category.OSTEOPOROSIS),
    )
    return signed_event(read, event_id=event_id, series_key=series_key)


def as_signed(result: SeriesResult) -> SeriesResult:
    """The same series as signed by a reader: normal, whatever the program found."""
    assert result.assessment is not None
    mean = Estimate(value=180.0, low=170.0, high=190.0, n=1, method="signed")
    assessment = replace(result.assessment, category=Category.NORMAL, is_flagged=False, mean_vbmd_mg_cm3=mean)
    return replace(result, assessment=assessment, is_read=True, model_hash="reader", finished_at=START)


@pytest.fixture
def read_store(tmp_path: Path, store: Store) -> tuple[Store, SeriesResult]:
    """Two series with osteoporosis according to the program; AB signed the first as normal."""
    wanted = [r for r in build_cohort(28) if r.assessment and r.assessment.category is Category.OSTEOPOROSIS]
    assert len(wanted) == 2
    write_results(store.store_dir, [*wanted, as_signed(wanted[0])])
    record(store.store_dir, event_of(wanted[0].series.series_key, 0, STEPS[0]))
    store.take_in()
    return store, wanted[0]


def test_the_rule_in_sql_is_that_of_the_reading_for_every_short_history(store: Store) -> None:
    assert len(HISTORIES) == len(set(HISTORIES)) > 40
    keys = {key_of(n): steps for n, steps in enumerate(HISTORIES)}
    one = next(r for r in build_cohort(28) if r.assessment is not None)
    series = [replace(one, series=replace(one.series, series_key=key)) for key in keys]
    write_results(store.store_dir, [*series, *map(as_signed, series)])
    events = {key: [event_of(key, n, step) for n, step in enumerate(steps)] for key, steps in keys.items()}
    record(store.store_dir, *itertools.chain.from_iterable(events.values()))
    store.take_in()
    for reader in READERS:
        expected = {key for key in keys if reading_of(events[key]).is_hidden_from(reader)}
        found = set(store.query("hidden_series", seen_by=reader).column("series_key").to_pylist())
        assert {keys[key] for key in found ^ expected} == set(), f"reader {reader!r}"
        assert expected or reader == "AB"


def listed(store: Store, seen_by: str | None, *categories: Category) -> Sequence[dict]:
    """The worklist by urgency under this filter."""
    chosen = CohortFilter(categories=categories)
    order = store.query("worklist_order", cohort=chosen, seen_by=seen_by, sort="urgency", descending=False, limit=9)
    keys = order.column("series_key").to_pylist()
    found = {
        row["series_key"]: row for row in store.query("worklist_rows", series_keys=keys, seen_by=seen_by).to_pylist()
    }
    return [found[key] for key in keys]


@pytest.mark.parametrize("seen_by", ["CD", ""])
def test_a_list_shows_orders_and_filters_by_the_program_where_the_read_is_hidden(read_store, seen_by: str) -> None:
    store, signed = read_store
    key = signed.series.series_key
    assert [row["category"] for row in listed(store, None, Category.NORMAL)] == ["normal"]
    assert listed(store, seen_by, Category.NORMAL) == []
    program = listed(store, seen_by, Category.OSTEOPOROSIS)
    assert [row["mean_vbmd_mg_cm3"] for row in program] == sorted(row["mean_vbmd_mg_cm3"] for row in program)
    (own,) = (row for row in program if row["series_key"] == key)
    assert own["mean_vbmd_mg_cm3"] == pytest.approx(signed.assessment.mean_vbmd_mg_cm3.value)
    assert (own["is_flagged"], own["model_hash"]) == (True, signed.model_hash)
    assert listed(store, None)[-1]["series_key"] == key, "not flagged any more as signed: the last"
    (whole,) = store.query("cohort_summary", seen_by=seen_by).to_pylist()
    assert (whole["n_series"], whole["n_flagged"]) == (2, 2)


def test_who_signed_or_was_shown_it_sees_the_read_and_no_query_shows_it_to_others(read_store) -> None:
    store, signed = read_store
    key = signed.series.series_key
    record(store.store_dir, event_of(key, 5, ("EF", None, True)))
    store.take_in()
    for reader in ("AB", "EF"):
        assert [row["mean_vbmd_mg_cm3"] for row in listed(store, reader, Category.NORMAL)] == [180.0]
    store.publish_snapshot()
    with open_snapshot(store.store_dir) as snapshot:
        for name in ("worklist_rows", "find_patients", "patient_series", "flow_series", "export_cohort"):
            given = {
                "worklist_rows": {"series_keys": [key]},
                "find_patients": {"patient_keys": [signed.series.patient_key], "accession_keys": []},
                "patient_series": {"series_key": key},
                "flow_series": {"kind": "found", "steps": [], "code": "", "limit": 9},
                "export_cohort": {"with_keys": True, "salt": "s"},
            }[name]
            for held in (store, snapshot):
                assert not any("normal" in row.values() for row in held.query(name, seen_by="CD", **given).to_pylist())
        assert "normal" in str(snapshot.query("worklist_rows", seen_by="AB", series_keys=[key]).to_pylist())


@pytest.mark.parametrize("step", [State.CONFIRMED, State.NOT_CONFIRMED])
def test_the_follow_up_of_a_hidden_series_is_told_by_no_filter_count_or_file(read_store, step: State) -> None:
    store, signed = read_store
    key = signed.series.series_key
    note = Note(state=step, author="AB", at=START + timedelta(hours=1))
    record(
        store.store_dir,
        follow_up_event(note, event_id="f", series_key=key, before=State.TO_REVIEW, versions=("m", "s")),
    )
    store.take_in()
    noted = CohortFilter(changed=Change.NOTED, since=START)
    for reader, is_hidden in (("CD", True), ("", True), ("AB", False), (None, False)):
        seen = State.TO_REVIEW if is_hidden else step
        listing = store.query("export_cohort", seen_by=reader, with_keys=True, salt="s").to_pylist()
        (own,) = (row for row in listing if row["series"] == key)
        assert own["follow_state"] == seen
        marks = store.query("filter_marks", seen_by=reader).to_pylist()
        counts = {row["value"]: row["n"] for row in marks if row["field"] == "state"}
        assert counts == ({State.TO_REVIEW: 2} if is_hidden else {State.TO_REVIEW: 1, step: 1})
        chosen = CohortFilter(states=(step,))
        assert store.query("cohort_summary", cohort=chosen, seen_by=reader).to_pylist()[0]["n_series"] == (
            not is_hidden
        )
        assert store.query("cohort_summary", cohort=noted, seen_by=reader).to_pylist()[0]["n_series"] == (not is_hidden)
        assert store.query("changes", since=START, seen_by=reader).to_pylist()[0]["n_noted"] == (not is_hidden)
    order = [row["series_key"] for row in listed(store, "CD")]
    (row,) = (row for row in listed(store, "CD") if row["series_key"] == key)
    assert (row["follow_since"], row["follow_because"]) == (None, None)
    assert order == [row["series_key"] for row in sorted(listed(store, "CD"), key=lambda row: row["mean_vbmd_mg_cm3"])]


def test_a_hidden_series_that_lost_its_preference_is_excluded_for_the_blind_too(read_store) -> None:
    store, signed = read_store
    excluded = Exclusion(code=ExclusionCode.NOT_PREFERRED, step=Step.FIND, found="another")
    write_parts(store.store_dir, rows.indexed_tables(Found(excluded=((signed.series, excluded),))))
    store.take_in()
    for reader in (None, "", "AB", "CD"):
        (whole,) = store.query("cohort_summary", seen_by=reader).to_pylist()
        assert (whole["n_series"], whole["n_measured"]) == (2, 1)
        assert store.query("hidden_series", seen_by=reader).num_rows == 0


@pytest.mark.parametrize("is_flagged", [True, False])
def test_a_patient_with_a_hidden_flag_and_another_one_counts_once(
    is_flagged: bool, tmp_path: Path, store: Store
) -> None:
    one, other = (r for r in build_cohort(28) if r.assessment and r.assessment.category is Category.OSTEOPOROSIS)
    other = replace(other, series=replace(other.series, patient_key=one.series.patient_key))
    read = as_signed(one)
    read = replace(read, assessment=replace(read.assessment, is_flagged=is_flagged))
    write_results(store.store_dir, [one, other, read])
    record(store.store_dir, event_of(one.series.series_key, 0, STEPS[0]))
    store.take_in()
    for reader in (None, "AB", "CD", ""):
        given = {"now": START + timedelta(days=400), "seen_by": reader}
        found = {row["indicator"]: row for row in store.query("follow_up_indicators", **given).to_pylist()}
        assert found["reviewed in time"]["due"] + found["reviewed in time"]["running"] == 1


def test_the_second_table_follows_the_first_however_it_is_made(tmp_path: Path, read_store) -> None:
    """Rows built incrementally equal those built from all parts at once."""
    store, _ = read_store
    before = store.query("worklist_rows", series_keys=PARAMETERS["series_keys"], seen_by="").to_pylist()
    store.close()
    with open_store(store.store_dir) as again:
        assert again.query("worklist_rows", series_keys=PARAMETERS["series_keys"], seen_by="").to_pylist() == before
