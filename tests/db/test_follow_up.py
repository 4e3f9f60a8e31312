"""Follow-up in the store: state and clock of each flag, and the indicators against a slow independent count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.connect import Store, open_store
from db.events import record
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.follow_up import ENDED, Because, Fact, Note, State, due_at, event_of
from osteo_core.records import Event, SeriesResult
from tests.builders.cohort import build_cohort
from tests.builders.follow_up import NOW, build_followed_store
from tests.builders.store import build_store
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


@pytest.mark.parametrize("each", [1, 3])
def test_weeks_and_who_waits_are_counted_in_patients(each: int, tmp_path: Path) -> None:
    results, events = build_followed_store(tmp_path / "store", count=300, each=each)
    at, states = flags(results), last_states(events)
    patients = {r.series.series_key: r.series.patient_key for r in results}
    weeks = Counter(
        week for week, _ in {((t - timedelta(days=t.weekday())).date(), patients[k]) for k, t in at.items()}
    )
    waiting = {patients[k] for k in at if states.get(k) in (State.CONFIRMED, State.REPORTED, State.REFERRED)}
    review = {patients[k] for k in at if states.get(k, State.TO_REVIEW) is State.TO_REVIEW} - waiting
    with open_store(tmp_path / "store") as store:
        rows = store.query("follow_up_weeks").to_pylist()
    assert {r["week"]: r["n"] for r in rows} == weeks
    assert sum(r["n_to_review"] for r in rows) == len(review)
    assert sum(r["n_before_clinic"] for r in rows) == len(waiting)
    assert len({patients[k] for k in at}) < len(at) or each == 1


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
ADVICE = ("treatment advised", "treatment started")
OF_CONFIRMED = (
    ("risk assessed", 12, ("fracture risk assessed",)),
    ("DXA", 12, ("DXA done",)),
    ("falls assessed", 12, ("falls assessed",)),
    ("treatment advised", 16, ADVICE),
    ("exercise started", 16, ("strength and balance training started",)),
    ("monitored", 16, ("4-month contact",)),
)


class SlowFlag:
    """One flagged series and its notes, for the independent count in plain Python."""

    def __init__(self, key: str, flagged_at: datetime, grade: int, events: list[Event]) -> None:
        self.flagged_at, self.grade = flagged_at, grade
        notes = sorted((e.at, json.loads(e.payload_json)) for e in events if e.series_key == key)
        self.first: dict[str, datetime] = {}
        for at, payload in notes:
            self.first.setdefault(payload.get("state") or payload["fact"], at)
        self.gone = min((at for at, p in notes if p.get("because") in (Because.DIED, Because.MOVED)), default=None)
        states = [p["state"] for _, p in notes if p.get("state")]
        answers = [state for state in states if state in ("to review", *REVIEWS)]
        self.answer = answers[-1] if answers else None
        self.waits = not states or states[-1] == "to review"
        self.reviewed = self.earliest(*REVIEWS)

    def earliest(self, *names: str) -> datetime | None:
        return min((self.first[name] for name in names if name in self.first), default=None)


def chosen(found: list[SlowFlag]) -> SlowFlag:
    """The flag that represents its patient: the first confirmed, else the one waiting longest, else the last."""
    for some in ([one for one in found if one.answer == "confirmed"], [one for one in found if one.waits]):
        if some:
            return min(some, key=lambda one: one.flagged_at)
    return max(found, key=lambda one: one.flagged_at)


class SlowPatient:
    """One patient: the representative flag, and what was done for the patient after it on any series."""

    def __init__(self, found: list[SlowFlag]) -> None:
        self.flag = chosen(found)
        self.others = [one for one in found if one is not self.flag]

    def done(self, *names: str) -> datetime | None:
        later = [at for one in self.others for name, at in one.first.items() if name in names]
        own = self.flag.earliest(*names)
        return min([*([own] if own else []), *(at for at in later if at >= self.flag.flagged_at)], default=None)

    def gone(self) -> datetime | None:
        later = [one.gone for one in self.others if one.gone and one.gone >= self.flag.flagged_at]
        return min([*([self.flag.gone] if self.flag.gone else []), *later], default=None)

    def complete(self) -> datetime | None:
        """'No action' and 'closed' end only that flag; a decision on treatment applies to the patient."""
        parts = [self.done(name) for name in ("fracture risk assessed", "DXA done", "falls assessed")]
        decided = (self.flag.earliest(*DECISIONS), self.done(*ADVICE))
        parts.append(min((at for at in decided if at), default=None))
        ends = [self.flag.earliest("no action", "closed"), None if None in parts else max(parts)]
        return min((end for end in ends if end), default=None)

    def asked(self) -> Iterator[tuple[str, datetime, datetime | None, datetime | None]]:
        """(indicator, until, done, gone) for every indicator that applies to this patient."""
        flag, gone = self.flag, self.gone()
        yield "reviewed in time", due_at(State.TO_REVIEW, flag.flagged_at), flag.reviewed, gone
        if flag.answer in ("confirmed", "not confirmed"):
            yield "confirmed", flag.reviewed, flag.reviewed if flag.answer == "confirmed" else None, None
        if flag.answer != "confirmed":
            return
        if flag.grade >= 2:
            yield "spine fractures", flag.reviewed, flag.reviewed, None
        for name, weeks, what in OF_CONFIRMED:
            yield name, flag.flagged_at + timedelta(weeks=weeks), self.done(*what), gone
        late, year = flag.flagged_at + timedelta(weeks=16), flag.flagged_at + timedelta(weeks=52)
        if self.done(*ADVICE):
            yield "treatment started", late, self.done("treatment started"), gone
        if self.done("treatment started"):
            yield "still treated", year, self.done("still on treatment at 12 months"), gone
        yield "complete", late, self.complete(), gone


def slow_counts(results: list[SeriesResult], events: list[Event]) -> dict[str, tuple[int, int, int]]:
    """(due, done, running) of every indicator, patient by patient."""
    found: dict[str, list[int]] = {}
    series = {r.series.series_key: r for r in results if r.assessment}
    patients: dict[str, list[SlowFlag]] = {}
    for key, at in flags(results).items():
        flag = SlowFlag(key, at, series[key].assessment.worst_fracture_grade or 0, events)
        patients.setdefault(series[key].series.patient_key, []).append(flag)
    for own in patients.values():
        for name, until, done, gone in SlowPatient(own).asked():
            row = found.setdefault(name, [0, 0, 0])
            is_due = until <= NOW and (gone is None or gone > until)
            row[0] += is_due
            row[1] += is_due and done is not None and done <= until
            row[2] += until > NOW and gone is None
    return {name: tuple(row) for name, row in found.items()}


def counted(store: Store, now: datetime = NOW) -> dict[str, tuple[int, int, int]]:
    rows = store.query("follow_up_indicators", now=now).to_pylist()
    return {r["indicator"]: (r["due"], r["done"], r["running"]) for r in rows}


def test_indicators_agree_with_a_slow_second_count(followed) -> None:
    store, results, events = followed
    found = counted(store)
    assert found == slow_counts(results, events)
    assert found.keys() >= {"DXA", "reviewed in time", "confirmed", "complete"}


@pytest.mark.parametrize(("each", "seed"), [(2, 5), (4, 7)])
def test_indicators_of_patients_with_several_flags_agree_with_the_slow_count(
    each: int, seed: int, tmp_path: Path
) -> None:
    results, events = build_followed_store(tmp_path / "store", count=300, seed=seed, each=each)
    with open_store(tmp_path / "store") as store:
        assert counted(store) == slow_counts(results, events)


def flagged_twice(tmp_path: Path, first: datetime, second: datetime, grades: tuple[int, int]) -> Path:
    """A store of one patient with two series, flagged at these times; keys 0 and 1."""
    base = next(r for r in build_cohort(28) if r.assessment and r.assessment.is_flagged)
    results = [
        replace(
            base,
            series=replace(base.series, series_key=str(n) * 16, study_key=str(n) * 16),
            finished_at=at,
            assessment=replace(base.assessment, worst_fracture_grade=grade),
        )
        for n, (at, grade) in enumerate(zip((first, second), grades, strict=True))
    ]
    return build_store(tmp_path / "store", results)


def note_on(store: Path, number: int, at: datetime, before: State, said: State | Fact) -> None:
    given = {"state": said} if isinstance(said, State) else {"fact": said}
    note = Note(author="AB", at=at, **given)
    key = str(number) * 16
    record(store, event_of(note, event_id=f"{key}-{said}", series_key=key, before=before, versions=("m", "s")))


def test_a_new_confirmed_flag_runs_by_its_own_clock(tmp_path: Path) -> None:
    """Flagged June 2025 and not confirmed; flagged again on 19 Nov 2026, confirmed on the 20th, risk on the 23rd."""
    june, november = datetime(2025, 6, 2, 9, tzinfo=UTC), datetime(2026, 11, 19, 9, tzinfo=UTC)
    folder = flagged_twice(tmp_path, june, november, (2, 0))
    note_on(folder, 0, june + timedelta(days=1), State.TO_REVIEW, State.NOT_CONFIRMED)
    with open_store(folder) as store:
        store.take_in()
        assert counted(store)["reviewed in time"] == (0, 0, 1)  # the old answer does not count for the new flag
        note_on(folder, 1, november + timedelta(days=1), State.TO_REVIEW, State.CONFIRMED)
        note_on(folder, 0, november + timedelta(days=4), State.NOT_CONFIRMED, Fact.RISK_ASSESSED)
        store.take_in()
        found = counted(store)
        assert "spine fractures" not in found  # the fracture is in the unconfirmed series
        assert {found[name] for name in (*(name for name, _, _ in OF_CONFIRMED), "complete")} == {(0, 0, 1)}
        assert found["confirmed"] == (1, 1, 0)
        late = counted(store, november + timedelta(weeks=13))  # noted on the other series, done for the patient
        assert (late["risk assessed"], late["DXA"]) == ((1, 1, 0), (1, 0, 0))


def test_the_flag_that_waits_longest_is_not_hidden_by_a_later_one(tmp_path: Path) -> None:
    folder = flagged_twice(tmp_path, NOW - timedelta(days=30), NOW - timedelta(days=1), (0, 0))
    with open_store(folder) as store:
        assert counted(store) == {"reviewed in time": (1, 0, 0)}


def test_treatment_that_was_started_was_advised(tmp_path: Path) -> None:
    at = NOW - timedelta(weeks=20)
    folder = flagged_twice(tmp_path, at, NOW - timedelta(days=1), (0, 0))
    note_on(folder, 0, at + timedelta(days=1), State.TO_REVIEW, State.CONFIRMED)
    note_on(folder, 0, at + timedelta(days=9), State.CONFIRMED, State.STARTED)
    with open_store(folder) as store:
        store.take_in()
        found = counted(store)
    assert (found["treatment advised"], found["treatment started"]) == ((1, 1, 0), (1, 1, 0))


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
