"""Follow-up in the store: state and clock beside each flag, and the indicators against a slow second count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from db.connect import Store, open_store
from db.events import record
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.follow_up import ENDED, Because, Note, State, due_at, event_of
from osteo_core.records import Event, SeriesResult
from tests.builders.follow_up import NOW, build_followed_store
from tests.builders.worklist import worklist


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[SeriesResult], list[Event]]]:
    folder = tmp_path_factory.mktemp("followed") / "store"
    results, events = build_followed_store(folder, count=300)
    with open_store(folder) as store:
        yield store, results, events


def last_states(events: list[Event]) -> dict[str, State]:
    return {
        e.series_key: State(json.loads(e.payload_json)["state"])
        for e in sorted(events, key=lambda e: e.at)
        if e.kind == "follow-up"
    }


def flags(results: list[SeriesResult]) -> dict[str, datetime]:
    return {r.series.series_key: r.finished_at for r in results if r.assessment and r.assessment.is_flagged}


def test_every_flag_has_its_state_and_the_clock_of_the_programme(followed) -> None:
    store, results, events = followed
    states = last_states(events)
    rows = {r["series_key"]: r for r in worklist(store)}
    for key, flagged_at in flags(results).items():
        state = states.get(key, State.TO_REVIEW)
        assert (rows[key]["follow_state"], rows[key]["flagged_at"]) == (state, flagged_at)
        assert rows[key]["due_at"] == due_at(state, flagged_at)
    assert {states.get(key, State.TO_REVIEW) for key in flags(results)} >= {State.TO_REVIEW, State.CONFIRMED}
    listed = list(rows.values())
    is_open = [r["is_flagged"] and State(r["follow_state"]) not in ENDED for r in listed]
    assert is_open == sorted(is_open, reverse=True)


def test_counts_by_state_and_week(followed) -> None:
    store, results, events = followed
    states = last_states(events)
    expected = Counter(states.get(key, State.TO_REVIEW) for key in flags(results))
    rows = store.query("follow_up_states", now=NOW).to_pylist()
    assert {r["state"]: r["n"] for r in rows} == expected
    late = Counter(
        state
        for key, at in flags(results).items()
        if (due := due_at(state := states.get(key, State.TO_REVIEW), at)) and due < NOW
    )
    assert {r["state"]: r["n_overdue"] for r in rows if r["n_overdue"]} == late
    weeks = Counter((at - timedelta(days=at.weekday())).date() for at in flags(results).values())
    assert {r["week"]: r["n"] for r in store.query("follow_up_weeks").to_pylist()} == weeks


def test_the_filter_by_state_and_by_an_overdue_clock(followed) -> None:
    store, _, _ = followed
    rows = worklist(store)
    confirmed = CohortFilter(states=(State.CONFIRMED, State.REFERRED))
    found = worklist(store, confirmed)
    assert len(found) == sum(r["follow_state"] in ("confirmed", "referred") for r in rows)
    overdue = worklist(store, CohortFilter(overdue=True))
    assert overdue
    assert all(r["due_at"] is not None for r in overdue)


REVIEWS = ("repeat scan", "not confirmed", "confirmed")
DECISIONS = ("treatment advised", "observe", "no action", "treatment started")
OF_CONFIRMED = (
    ("risk assessed", 12, "fracture risk assessed"),
    ("DXA", 12, "DXA done"),
    ("falls assessed", 12, "falls assessed"),
    ("treatment advised", 16, "treatment advised"),
    ("exercise started", 16, "strength and balance training started"),
    ("monitored", 16, "4-month contact"),
)


class SlowPatient:
    """One patient (one series here) and what was noted, for the second count in plain Python."""

    def __init__(self, key: str, flagged_at: datetime, events: list[Event]) -> None:
        self.flagged_at = flagged_at
        notes = sorted((e.at, json.loads(e.payload_json)) for e in events if e.series_key == key)
        self.first: dict[str, datetime] = {}
        for at, payload in notes:
            self.first.setdefault(payload.get("state") or payload["fact"], at)
        self.gone = min((at for at, p in notes if p.get("because") in (Because.DIED, Because.MOVED)), default=None)
        answers = [p["state"] for _, p in notes if p.get("state") in ("to review", *REVIEWS)]
        self.answer = answers[-1] if answers else None
        self.reviewed = self.earliest(*REVIEWS)

    def earliest(self, *names: str) -> datetime | None:
        return min((self.first[name] for name in names if name in self.first), default=None)

    def complete(self) -> datetime | None:
        parts = [self.first.get(n) for n in ("fracture risk assessed", "DXA done", "falls assessed")]
        parts.append(self.earliest(*DECISIONS))
        ends = [self.earliest("no action", "closed"), None if None in parts else max(parts)]
        return min((end for end in ends if end), default=None)

    def asked(self, grade: int) -> Iterator[tuple[str, datetime, datetime | None, datetime | None]]:
        """(indicator, until, done, gone) of everything that is asked of this patient."""
        yield "reviewed in time", due_at(State.TO_REVIEW, self.flagged_at), self.reviewed, self.gone
        if self.answer in ("confirmed", "not confirmed"):
            yield "confirmed", self.reviewed, self.reviewed if self.answer == "confirmed" else None, None
        if self.answer != "confirmed":
            return
        if grade >= 2:
            yield "spine fractures", self.reviewed, self.reviewed, None
        for name, weeks, what in OF_CONFIRMED:
            yield name, self.flagged_at + timedelta(weeks=weeks), self.first.get(what), self.gone
        late, year = self.flagged_at + timedelta(weeks=16), self.flagged_at + timedelta(weeks=52)
        if "treatment advised" in self.first:
            yield "treatment started", late, self.first.get("treatment started"), self.gone
        if "treatment started" in self.first:
            yield "still treated", year, self.first.get("still on treatment at 12 months"), self.gone
        yield "complete", late, self.complete(), self.gone


def slow_counts(results: list[SeriesResult], events: list[Event]) -> dict[str, tuple[int, int, int]]:
    """(due, done, running) of every indicator, patient by patient."""
    found: dict[str, list[int]] = {}
    grades = {r.series.series_key: r.assessment.worst_fracture_grade or 0 for r in results if r.assessment}
    for key, at in flags(results).items():
        for name, until, done, gone in SlowPatient(key, at, events).asked(grades[key]):
            row = found.setdefault(name, [0, 0, 0])
            is_due = until <= NOW and (gone is None or gone > until)
            row[0] += is_due
            row[1] += is_due and done is not None and done <= until
            row[2] += until > NOW and gone is None
    return {name: tuple(row) for name, row in found.items()}


def test_indicators_agree_with_a_slow_second_count(followed) -> None:
    store, results, events = followed
    rows = store.query("follow_up_indicators", now=NOW).to_pylist()
    assert {r["indicator"]: (r["due"], r["done"], r["running"]) for r in rows} == slow_counts(results, events)
    assert {r["indicator"] for r in rows} >= {"DXA", "reviewed in time", "confirmed", "complete"}


def test_a_note_counts_at_once_and_its_history_stays(followed) -> None:
    store, results, events = followed
    key = next(key for key in flags(results) if key not in last_states(events))
    for number, (state, before) in enumerate(((State.CONFIRMED, State.TO_REVIEW), (State.TO_REVIEW, State.CONFIRMED))):
        note = Note(state=state, author="AB", at=NOW + timedelta(minutes=number), reason="seen twice")
        record(
            store.store_dir,
            event_of(note, event_id=f"n{number}", series_key=key, before=before, versions=("m", "s")),
        )
        store.take_in()
        rows = {r["series_key"]: r for r in worklist(store)}
        assert rows[key]["follow_state"] == state
    history = store.query("follow_up_history", series_key=key).to_pylist()
    assert [(r["note"], r["previous"], r["author"]) for r in history] == [
        ("to review", "confirmed", "AB"),
        ("confirmed", "to review", "AB"),
    ]
