"""Assignee, waiting and contacts as events, and the letter with its fields."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import ENDED, State
from osteo_core.programme.planning import (
    DEFAULT_LETTER,
    LETTER_FIELDS,
    NEXT_CONTACT,
    PLAN_KIND,
    Contact,
    Plan,
    letter,
    plan_event,
)

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "payload"),
    [
        ({"assignee": " CD "}, {"assignee": "CD"}),
        ({"assignee": ""}, {"assignee": ""}),
        ({"snooze_until": date(2026, 12, 10)}, {"snooze_until": "2026-12-10"}),
        ({"is_woken": True}, {"snooze_until": ""}),
        ({"contact": Contact.PHONE_MISSED}, {"contact": "by phone, not reached"}),
    ],
)
def test_a_plan_becomes_one_event(given, payload):
    event = plan_event(Plan(author="AB", at=AT, reason=" r ", **given), event_id="e", series_key="s")
    assert (event.kind, event.series_key, event.author, event.reason) == (PLAN_KIND, "s", "AB", "r")
    assert json.loads(event.payload_json) == payload


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"author": "AB"}, "a plan needs exactly one of"),
        ({"author": "AB", "assignee": "C", "is_woken": True}, "a plan needs exactly one of"),
        ({"author": "AB", "assignee": "C" * 101}, "an assignee's name may have 100 letters at most"),
        ({"author": " ", "assignee": "C"}, "needs an author"),
        ({"author": "AB", "snooze_until": date(2026, 11, 28)}, "waiting must end after today, found 2026-11-28"),
    ],
)
def test_a_plan_that_says_nothing_clear_is_refused(given, words):
    with pytest.raises(UsageError, match=words):
        Plan(at=AT, **given)


def test_every_open_state_says_what_the_next_contact_is_about():
    assert set(NEXT_CONTACT) == set(State) - set(ENDED)


def test_the_letter_fills_its_fields_and_refuses_unknown_ones():
    values = {name: f"<{name}>" for name in LETTER_FIELDS}
    text = letter(DEFAULT_LETTER, values)
    assert all(f"<{name}>" in text for name in LETTER_FIELDS)
    assert "{" not in text
    # a paragraph is one line: printed letters broke after 'DXA' and 'bone' in mid-sentence
    assert [line for line in text.splitlines() if line[:1].islower() and not line.startswith("a CT")] == []
    assert "DXA or QCT, by <due_date>." in text
    with pytest.raises(UsageError, match=r"unknown fields \['name'\]"):
        letter("Dear {name}", values)
    with pytest.raises(UsageError, match="cannot be read"):
        letter("Dear {patient", values)
    for faulty in ("{age:d}", "{age!z}", "{age:{nobody}}", "{age:{patient.x}}"):
        with pytest.raises(UsageError, match="letter template"):
            letter(faulty, {})
