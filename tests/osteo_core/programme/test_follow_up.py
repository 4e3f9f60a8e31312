"""States, their order and their clocks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import (
    ENDED,
    Because,
    Fact,
    Note,
    State,
    add_working_days,
    after,
    common_next,
    due_at,
    event_of,
)

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def note(**given) -> Note:
    return Note(author="AB", at=MONDAY, **given)


def event(given: Note, before: State):
    return event_of(given, event_id="e", series_key="s", before=before, versions=("m", "h"))


def test_an_event_says_who_when_what_why_and_on_which_versions() -> None:
    found = event(note(state=State.CLOSED, because=Because.DECLINED, reason=" by phone "), State.REPORTED)
    assert (found.author, found.at, found.reason, found.model_hash, found.settings_hash) == (
        "AB",
        MONDAY,
        "by phone",
        "m",
        "h",
    )
    assert json.loads(found.payload_json) == {
        "previous": "reported",
        "state": "closed",
        "because": "patient declined",
    }
    fact = event(note(fact=Fact.FALLS_ASSESSED), State.CONFIRMED)
    assert (fact.kind, json.loads(fact.payload_json)["fact"]) == ("follow-up fact", "falls assessed")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"author": " ", "state": State.CONFIRMED}, "needs an author"),
        ({"author": "A"}, "either a new state or a fact"),
        ({"author": "A", "state": State.CONFIRMED, "fact": Fact.FALLS_ASSESSED}, "either a new state or a fact"),
        ({"author": "A", "state": State.CLOSED}, "need a 'because' code"),
        ({"author": "A", "state": State.CONFIRMED, "because": Because.DIED}, "need a 'because' code"),
        ({"author": "A", "state": State.NO_ACTION, "because": Because.OTHER}, "needs a reason in words"),
    ],
)
def test_a_note_that_says_too_little_is_refused(given: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Note(at=MONDAY, **given)


def test_the_way_goes_forward_and_a_mistake_is_put_back_with_a_reason() -> None:
    with pytest.raises(UsageError, match="'DXA done' cannot follow 'to review'"):
        event(note(state=State.DXA_DONE), State.TO_REVIEW)
    with pytest.raises(UsageError, match="'confirmed' cannot follow 'reported'"):
        event(note(state=State.CONFIRMED), State.REPORTED)
    with pytest.raises(UsageError, match="needs a reason"):
        event(note(state=State.TO_REVIEW), State.CLOSED)
    assert event(note(state=State.TO_REVIEW, reason="wrong patient"), State.CLOSED).reason == "wrong patient"
    assert State.REFERRED in after(State.CONFIRMED)
    assert all(after(state) for state in State)
    assert all(after(state) == (State.TO_REVIEW,) for state in ENDED)


def test_several_series_may_go_where_each_of_them_may() -> None:
    assert common_next([State.CONFIRMED, State.REFERRED])[0] is State.TO_REVIEW
    assert State.REPORTED not in common_next([State.CONFIRMED, State.REFERRED])
    assert common_next([]) == ()
    assert State.CONFIRMED not in common_next([State.TO_REVIEW, State.CONFIRMED])


def test_five_working_days_are_counted_day_by_day() -> None:
    for start in range(14):
        moment = MONDAY + timedelta(days=start)
        days = [moment + timedelta(days=n) for n in range(1, 15)]
        working = [day for day in days if day.isoweekday() <= 5]
        assert add_working_days(moment, 5) == working[4]


@pytest.mark.parametrize(
    ("state", "days"),
    [
        (State.TO_REVIEW, 7),
        (State.CONFIRMED, 84),
        (State.DXA_BOOKED, 84),
        (State.TREAT, 112),
        (State.STARTED, 112),
        (State.CONTACT_16, 364),
        (State.CONTACT_52, None),
        (State.CLOSED, None),
        (State.NOT_CONFIRMED, None),
    ],
)
def test_clocks_run_from_the_flag(state: State, days: int | None) -> None:
    assert due_at(state, MONDAY) == (MONDAY + timedelta(days=days) if days else None)
