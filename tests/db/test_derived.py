"""Derived rows built incrementally, in any order, equal those built from all parts at once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from db import derived, rows
from db.connect import open_store
from db.parts import write_part, write_parts
from osteo_core.outcomes import ExclusionCode
from osteo_core.programme.follow_up import Note, State
from osteo_core.programme.follow_up import event_of as follow_up_event
from osteo_core.records import Event, Exclusion, Found, Series, SeriesResult
from osteo_core.review.reads import Role
from osteo_core.terms import Status, Step
from tests.builders.cohort import build_cohort, build_references
from tests.db.test_seen_by import as_signed, event_of

START = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)


def later(n: int, series: Series) -> Found:
    """The series when read again: excluded, superseded, or of another patient."""
    if n == 0:
        return Found(excluded=((series, Exclusion(code=ExclusionCode.NOT_PREFERRED, step=Step.FIND, found="x")),))
    if n == 1:
        return Found(superseded=(replace(series, is_superseded=True),))
    return Found(series=(replace(series, patient_key="another"),))


def histories(results: list[SeriesResult]) -> list[tuple[str, pa.Table]]:
    """Headers, results, reads, signatures and notes of three series, two of them of one study; the first also fails."""
    same = {"patient_key": results[0].series.patient_key, "study_key": "study"}
    given = [
        replace(r, series=replace(r.series, preference_rank=n + 1, **same)) if n < 2 else r
        for n, r in enumerate(results)
    ]
    parts: list[tuple[str, pa.Table]] = [("reference_values", rows.reference_table(build_references(given)))]
    for n, result in enumerate(given):
        key = result.series.series_key
        first = later(0, result.series) if n == 1 else Found(series=(result.series,))
        for at, found in ((1, first), (9, later(n, result.series))):
            tables = rows.indexed_tables(found, at=START + timedelta(hours=at))
            parts += [(kind, table) for kind, table in tables.items() if kind in ("series", "exclusions")]
        failed = [replace(result, status=Status.FAILED, finished_at=START + timedelta(hours=1))] if n == 0 else []
        for one in (result, *failed, as_signed(result)):
            parts += [(kind, table) for kind, table in rows.result_tables(one).items()]
        note = Note(state=State.CONFIRMED, author="AB", at=START + timedelta(hours=2))
        own = {"event_id": f"{key}-note", "series_key": key, "before": State.TO_REVIEW, "versions": ("m", "s")}
        undone = Event(
            event_id=f"{key}-undo",
            kind="follow-up undone",
            series_key=key,
            author="AB",
            at=START + timedelta(hours=3),
            reason="",
            payload_json=f'{{"undoes": "{key}-note"}}',
        )
        signed = [event_of(key, 0, ("AB", Role.FIRST, False)), event_of(key, 5, ("CD", Role.SECOND, False))]
        for event in (*signed, follow_up_event(note, **own), undone):
            parts.append(("events", rows.event_table(event)))
    return parts


def content(store: object, table: str) -> list[dict]:
    found = store._connection.sql(f"SELECT * FROM {table} ORDER BY series_key").to_arrow_table()
    return [{k: v for k, v in row.items() if not k.endswith("_number")} for row in found.to_pylist()]


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_come_in_any_order_are_those_of_a_rebuild(seed: int, tmp_path: Path) -> None:
    chosen = random.Random(seed)
    results = [r for r in build_cohort(28) if r.assessment is not None and r.assessment.is_flagged][:3]
    parts = histories(results)
    chosen.shuffle(parts)
    parts = parts[: chosen.randrange(len(parts) // 2, len(parts) + 1)]
    with open_store(tmp_path / "store") as store:
        for kind, table in parts:
            write_part(store.store_dir, kind, table)
            if chosen.random() < 0.5:
                store.take_in()
        store.take_in()
        tables = ("cohort", "unread", "pairs")
        before = {name: content(store, name) for name in tables}
        for name in tables:
            store._connection.execute(f"DELETE FROM {name}")
        derived.fill(store._connection)
        assert {name: content(store, name) for name in tables} == before


def test_a_series_that_moved_on_is_counted_beside_all_series_of_its_new_patient(tmp_path: Path) -> None:
    """One of A's two series turns out to be B's, who has a flagged one; then something is noted about A's other one."""
    results = [r for r in build_cohort(28) if r.assessment is not None and r.assessment.is_flagged][:3]
    moved, of_a, of_b = (
        replace(r, series=replace(r.series, patient_key=key)) for r, key in zip(results, "AAB", strict=True)
    )
    now_of_b = Found(series=(replace(moved.series, patient_key="B"),))
    note = Note(state=State.CONFIRMED, author="AB", at=START + timedelta(hours=2))
    noted = {"event_id": "note", "series_key": of_a.series.series_key, "before": State.TO_REVIEW}
    event = follow_up_event(note, versions=("m", "s"), **noted)
    with open_store(tmp_path / "store") as store:
        for tables in (
            *(rows.result_tables(one) for one in (moved, of_a, of_b)),
            rows.indexed_tables(now_of_b, at=START + timedelta(hours=1)),
            {"events": rows.event_table(event)},
        ):
            write_parts(store.store_dir, tables)
            store.take_in()
        only = {row["series_key"]: row["is_only_flag"] for row in content(store, "cohort")}
    assert only == {one.series.series_key: one is of_a for one in (moved, of_a, of_b)}


def test_the_next_series_of_a_study_counts_while_the_preferred_one_is_not_measured(tmp_path: Path) -> None:
    """What a reader signed counts on; a reader's values for the preferred series end the search, a rejection does not."""
    flagged = [r for r in build_cohort(28) if r.assessment is not None and r.assessment.is_flagged]
    same = {"patient_key": "p", "study_key": "s"}
    first, second = (
        replace(r, series=replace(r.series, preference_rank=rank, **same))
        for rank, r in zip((1, 2), flagged, strict=False)
    )
    why = Exclusion(code=ExclusionCode.NOT_PREFERRED, step=Step.FIND, found="x")
    found = Found(series=(first.series,), excluded=((second.series, why),))
    failed = replace(first, status=Status.FAILED, finished_at=START)
    measured = replace(first, finished_at=START + timedelta(hours=1))

    def statuses(name: str, *steps: dict[str, pa.Table]) -> list[list[str]]:
        """Status of both series after each step."""
        seen = []
        with open_store(tmp_path / name) as store:
            for tables in (rows.indexed_tables(found, at=START), *steps):
                write_parts(store.store_dir, tables)
                store.take_in()
                by_key = {row["series_key"]: row["status"] for row in content(store, "cohort")}
                seen.append([by_key[one.series.series_key] for one in (first, second)])
            unread.update({row["series_key"]: row["status"] for row in content(store, "unread")})
        return seen

    unread: dict[str, str] = {}
    results = [rows.result_tables(one) for one in (failed, second, measured)]
    waits, stands = ["waiting", "excluded"], ["failed", "measured"]
    assert statuses("a", *results) == [waits, ["failed", "waiting"], stands, ["measured", "excluded"]]

    def signed(one: SeriesResult, status: Status = Status.MEASURED) -> dict[str, pa.Table]:
        signature = rows.event_table(event_of(one.series.series_key, 5, ("AB", Role.FIRST, False)))
        return rows.result_tables(replace(as_signed(one), status=status)) | {"events": signature}

    assert statuses("b", *results[:2], signed(second), results[2])[2:] == [stands, stands, ["measured", "measured"]]
    assert unread == {second.series.series_key: "measured"}
    assert statuses("c", *results[:2], signed(first))[2:] == [stands, ["measured", "excluded"]]
    rejected = signed(first, Status.EXCLUDED)
    assert statuses("d", *results[:2], rejected)[3] == ["excluded", "measured"]
    assert statuses("e", results[2], rejected)[2] == ["excluded", "excluded"]
