"""A reader's class of one level as an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from osteo_core.errors import UsageError
from osteo_core.programme.cause import CAUSE_KIND, Cause, CauseReading, event_of
from osteo_core.terms import Level, SuggestedCause

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_the_event_says_who_when_what_why_and_what_the_model_had_suggested() -> None:
    reading = CauseReading(
        level=Level.L1,
        cause=Cause.NON_OSTEOPOROTIC,
        author=" AB ",
        at=AT,
        reason=" Scheuermann ",
        suggested=SuggestedCause.NOT_DEPRESSED,
    )
    event = event_of(reading, event_id="e", series_key="s", versions=("m", "h"))
    assert (event.kind, event.series_key, event.author, event.at, event.reason) == (
        CAUSE_KIND,
        "s",
        "AB",
        AT,
        "Scheuermann",
    )
    assert json.loads(event.payload_json) == {
        "level": 20,
        "cause": "non-osteoporotic deformity",
        "suggested": "deformity without endplate depression",
    }
    assert (event.model_hash, event.settings_hash) == ("m", "h")


@pytest.mark.parametrize("author", ["", "  "])
def test_a_reading_without_its_author_is_refused(author: str) -> None:
    with pytest.raises(UsageError, match="needs an author: type your name or initials"):
        CauseReading(level=Level.L1, cause=Cause.NORMAL, author=author, at=AT)
