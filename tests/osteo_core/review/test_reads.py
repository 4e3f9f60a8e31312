"""Reads as events: who may sign what, which one counts, and the history at any time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from osteo_core.errors import UsageError
from osteo_core.programme.cause import Cause
from osteo_core.records import Event
from osteo_core.review.decisions import Decisions, LeftOut, Reason
from osteo_core.review.read_events import opened_event, reading_of, saved_event, sent_event, signed_event
from osteo_core.review.reads import (
    Read,
    Reading,
    ReadingStatus,
    Role,
    SavedMask,
    Sending,
    Verdict,
    check_signature,
    pairs_of,
)
from osteo_core.review.summary import LevelSummary, Summary
from osteo_core.terms import Category, ContrastPhase, Level

START = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
MODEL = "m" * 12


def summary(mean: float, *, grade: int = 0) -> Summary:
    category = Category.OSTEOPOROSIS if mean < 80 else Category.LOW_BONE_MASS
    return Summary(
        category=category, mean_mg_cm3=(mean, mean - 5, mean + 5), levels={Level.L1: LevelSummary(grade=grade)}
    )


def signed(minute: int, reader: str, role: Role, mean: float = 70.0, **changes) -> Event:
    read = Read(
        verdict=Verdict.ACCEPT,
        role=role,
        version=MODEL,
        reader=reader,
        at=START + timedelta(minutes=minute),
        model_hash=MODEL,
        settings_hash="s",
        summary=summary(mean, grade=changes.pop("grade", 0)),
    )
    return signed_event(replace(read, **changes), event_id=f"e{minute}", series_key="k")


def test_a_first_read_counts_and_is_signed() -> None:
    reading = reading_of([signed(1, "AB", Role.FIRST)])
    assert reading.status is ReadingStatus.SIGNED
    assert reading.counts.reader == "AB"
    assert reading_of([]).status is ReadingStatus.UNREAD


def test_the_history_can_be_replayed_to_any_moment() -> None:
    events = [
        signed(1, "AB", Role.FIRST),
        signed(2, "CD", Role.SECOND, 90.0),
        signed(3, "EF", Role.ADJUDICATOR, 78.0),
    ]
    statuses = [reading_of(events, until=START + timedelta(minutes=n)).status for n in range(4)]
    assert statuses == [ReadingStatus.UNREAD, ReadingStatus.SIGNED, ReadingStatus.AT_ODDS, ReadingStatus.ADJUDICATED]
    assert reading_of(reversed(events)).counts.reader == "EF"
    assert [step.reader for step in reading_of(reversed(events)).steps] == ["AB", "CD", "EF"]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"mean": 82.0}, "category: osteoporosis and low bone mass"),
        ({"mean": 58.0}, "mean vBMD: 70 and 58"),
        ({"grade": 2}, "fracture grade of L1: 0 and 2"),
        ({"verdict": Verdict.REJECT}, "one accepted it, the other rejected it"),
    ],
)
def test_readers_who_differ_beyond_a_limit_are_at_odds(second, words: str) -> None:
    reading = reading_of([signed(1, "AB", Role.FIRST), signed(2, "CD", Role.SECOND, **second)])
    assert reading.status is ReadingStatus.AT_ODDS
    assert words in "; ".join(reading.differences)
    assert reading.role_of("EF") is Role.ADJUDICATOR
    assert reading.role_of("CD") is None
    assert reading.counts.reader == "AB"


def test_readers_within_the_limits_agree() -> None:
    reading = reading_of([signed(1, "AB", Role.FIRST), signed(2, "CD", Role.SECOND, 79.0)])
    assert reading.status is ReadingStatus.AGREED
    assert len(pairs_of([reading, Reading()])) == 1


def test_only_who_may_sign_signs() -> None:
    reading = reading_of([signed(1, "AB", Role.FIRST)])
    assert (reading.role_of("AB"), reading.role_of("CD")) == (Role.FIRST, Role.SECOND)
    given_well = {"reader": "CD", "role": Role.SECOND, "version": MODEL, "allowed": (MODEL,), "seen": {}}
    check_signature(reading, **given_well)
    for given, words in (
        ({"reader": " "}, "needs its reader"),
        ({"version": "old"}, "no longer the latest"),
        (
            {"role": Role.FIRST},
            "signed as first reader on 29 Nov 2026, 08:01 UTC; .* and read as second reader",
        ),
        ({"role": Role.ADJUDICATOR}, "must not be one of them"),
    ):
        with pytest.raises(UsageError, match=words):
            check_signature(reading, **{**given_well, **given})


def test_a_signature_replaces_no_read_that_its_page_did_not_show() -> None:
    events = [signed(1, "AB", Role.FIRST), signed(2, "CD", Role.SECOND, 90.0)]
    first = {"reader": "AB", "role": Role.FIRST, "version": MODEL, "allowed": (MODEL,)}
    seen = reading_of(events).seen_as(Role.FIRST)
    assert seen == {"first reader": "e1"}
    check_signature(reading_of(events), **first, seen=seen)
    later = reading_of([*events, signed(3, "AB", Role.FIRST, verdict=Verdict.CORRECT)])
    with pytest.raises(
        UsageError, match="no longer the latest: corrected was signed on 29 Nov 2026, 08:03 UTC; reload"
    ):
        check_signature(later, **first, seen=seen)
    third = {"reader": "EF", "role": Role.ADJUDICATOR, "version": MODEL, "allowed": (MODEL,)}
    both = reading_of(events).seen_as(Role.ADJUDICATOR)
    check_signature(reading_of(events), **third, seen=both)
    with pytest.raises(UsageError, match="the first reader's read on this page is no longer the latest"):
        check_signature(later, **third, seen=both)


def test_a_second_reader_is_blind_until_the_first_read_was_on_the_screen() -> None:
    first = signed(1, "AB", Role.FIRST, version="corrected1")
    seen = opened_event(
        event_id="o", series_key="k", reader="CD", at=START + timedelta(minutes=2), shows_read=True, version=MODEL
    )
    blind = reading_of([first, replace(seen, event_id="p", payload_json='{"shows_read": false}')])
    assert not blind.has_seen("CD")
    assert blind.latest_version("CD", MODEL) == MODEL
    shown = reading_of([first, seen])
    assert shown.has_seen("CD")
    assert shown.latest_version("CD", MODEL) == "corrected1"


def test_all_that_was_said_goes_through_an_event_unchanged() -> None:
    decisions = Decisions(
        left_out={Level.L1: Reason(why=LeftOut.OTHER, words="odd")},
        grades={Level.L2: 1},
        causes={Level.L2: Cause.NON_OSTEOPOROTIC},
        phase=ContrastPhase.NATIVE,
        is_count_wrong=True,
    )
    event = signed(1, "AB", Role.FIRST, decisions=decisions, words="said", dice={Level.L1: 0.9}, is_blind=True)
    read = reading_of([event]).counts
    assert (read.decisions, read.words, read.dice, read.is_blind) == (decisions, "said", {Level.L1: 0.9}, True)
    saved = SavedMask(
        version="v1", base=MODEL, reader="AB", at=START, model_hash=MODEL, summary=summary(70), dice={Level.L1: 0.5}
    )
    back = reading_of([saved_event(saved, event_id="s", series_key="k", settings_hash="s")])
    assert back.masks == (saved,)
    assert back.status is ReadingStatus.DRAFT


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"grades": {"20": 7}}, "a Genant grade is 0, 1, 2 or 3"),
        ({"grades": {"20": 1.9}}, "a Genant grade is 0, 1, 2 or 3"),
        ({"grades": {"20": float("inf")}}, "a Genant grade is 0, 1, 2 or 3"),
        ({"left_out": {"20": {"why": LeftOut.OTHER.value}}}, "needs a reason in words"),
        ({"left_out": {"20": {"why": "bored"}}}, "cannot be read"),
        ({"phase": "violet"}, "cannot be read"),
        ({"causes": ["x"]}, "cannot be read"),
    ],
)
def test_a_decision_that_cannot_be_meant_is_a_sentence(given, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Decisions.from_dict(given)


def test_what_was_sent_of_a_read_is_known_by_pacs_and_moment() -> None:
    def sent(minute: int, read_id: str, to: str, what: str = "SR") -> Event:
        sending = Sending(read_id=read_id, what=what, to=to, at=START + timedelta(minutes=minute))
        return sent_event(sending, event_id=f"s{minute}", series_key="k", author="night", sop_instance_uid="2.25.1")

    events = [signed(1, "AB", Role.FIRST), sent(2, "e1", "A"), sent(4, "e1", "B"), signed(6, "AB", Role.FIRST)]
    reading = reading_of(events)
    first, latest = reading.reads
    assert reading.sent(first, "SR").to == "B"
    assert reading.sent(first, "SR", to="A").at == START + timedelta(minutes=2)
    assert reading.sent(first, "SEG") is None
    assert reading.sent(first, "SR", to="C") is None
    assert reading.sent(latest, "SR") is None
    assert reading_of(events, until=START + timedelta(minutes=3)).sent(first, "SR").to == "A"
    assert reading.status is ReadingStatus.SIGNED
