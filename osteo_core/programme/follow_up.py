"""From a flag to an action: the states of one flagged series, which may follow which, and their clocks.

A state is what a person noted last. Nothing is erased: a mistake is corrected by a later event, either a return to
review with its reason, or an undo that names the note it takes back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from osteo_core.errors import UsageError, needs_author
from osteo_core.limits.follow_up import ASSESSMENT_WEEKS, PERSISTENCE_WEEKS, REVIEW_WORKING_DAYS, TREATMENT_WEEKS
from osteo_core.records import Event

#: Kinds of events that this module writes and reads.
STATE_KIND, FACT_KIND, UNDO_KIND = "follow-up", "follow-up fact", "follow-up undone"
_WEEKEND = 5


class State(StrEnum):
    """State of a flagged series, in order of follow-up; a flag that nobody reviewed is TO_REVIEW."""

    TO_REVIEW = "to review"
    REPEAT = "repeat scan"
    NOT_CONFIRMED = "not confirmed"
    CONFIRMED = "confirmed"
    REPORTED = "reported"
    REFERRED = "referred"
    DXA_BOOKED = "DXA booked"
    DXA_DONE = "DXA done"
    TREAT = "treatment advised"
    OBSERVE = "observe"
    STARTED = "treatment started"
    CONTACT_16 = "4-month contact"
    CONTACT_52 = "12-month contact"
    NO_ACTION = "no action"
    CLOSED = "closed"


class Because(StrEnum):
    """Why no action is taken, or why the follow-up is closed."""

    TREATED = "treated, way complete"
    ALREADY_TREATED = "already treated before the flag"
    DECLINED = "patient declined"
    DIED = "patient died"
    MOVED = "moved or cannot be reached"
    NOT_CONFIRMED = "finding not confirmed"
    DXA_NORMAL = "DXA and risk ask for no treatment"
    FRAIL = "too ill or frail to benefit"
    OTHER = "other, said in words"


class Fact(StrEnum):
    """What happened beside the way; noting it changes no state."""

    RISK_ASSESSED = "fracture risk assessed"
    FALLS_ASSESSED = "falls assessed"
    EXERCISE_STARTED = "strength and balance training started"
    STILL_TREATED = "still on treatment at 12 months"


#: Nothing is due any more.
ENDED = (State.NOT_CONFIRMED, State.NO_ACTION, State.CLOSED)
#: These need a code.
WITH_CODE = (State.NO_ACTION, State.CLOSED)
_REVIEWS = (State.REPEAT, State.NOT_CONFIRMED, State.CONFIRMED)
#: Confirmed, and not yet seen in the clinic.
BEFORE_CLINIC = (State.CONFIRMED, State.REPORTED, State.REFERRED)
#: Things that a programme reaches, each with the words of the notes that say so.
MILESTONES: dict[str, tuple[State | Fact | Because, ...]] = {
    "reviewed": _REVIEWS,
    "review": (State.TO_REVIEW, *_REVIEWS),
    "risk": (Fact.RISK_ASSESSED,),
    "dxa": (State.DXA_DONE,),
    "falls": (Fact.FALLS_ASSESSED,),
    "advised": (State.TREAT, State.STARTED),  # nobody starts what was not advised
    "decided": (State.TREAT, State.OBSERVE, State.NO_ACTION, State.STARTED),
    "exercise": (Fact.EXERCISE_STARTED,),
    "contact": (State.CONTACT_16,),
    "started": (State.STARTED,),
    "still": (Fact.STILL_TREATED,),
    "ended": (State.NO_ACTION, State.CLOSED),
    "gone": (Because.DIED, Because.MOVED),
}


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a person notes: a new state or a fact, who and when, why in words, and the code of an end."""

    state: State | None = None
    fact: Fact | None = None
    because: Because | None = None
    author: str
    at: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.state is None) == (self.fact is None):
            raise UsageError("a note holds one new state or one fact")
        if not self.author.strip():
            raise needs_author("a note")
        if (self.because is None) is (self.state in WITH_CODE):
            raise UsageError(f"'{' and '.join(WITH_CODE)}' need a 'because' code, and only they have one")
        if self.because is Because.OTHER and not self.reason.strip():
            raise UsageError(f"'{Because.OTHER}' needs its words: type the reason")


@dataclass(frozen=True, kw_only=True)
class UndoneNote:
    """A note to take back: its event, what it says, and the event that is now the last one of its series."""

    event_id: str
    series_key: str
    note: str
    last_event_id: str


def after(state: State) -> tuple[State, ...]:
    """Which states may follow: any later one of the way; what ended or went on may be put back to review."""
    if state in ENDED:
        return (State.TO_REVIEW,)
    order = list(State)
    later = tuple(one for one in order[order.index(state) + 1 :] if one not in _REVIEWS)
    if state in (State.TO_REVIEW, State.REPEAT):
        reviews = tuple(one for one in _REVIEWS if one is not state)
        return (*reviews, State.NO_ACTION, State.CLOSED)
    return (*later, State.TO_REVIEW)


def event_of(note: Note, *, event_id: str, series_key: str, before: State, versions: tuple[str, str]) -> Event:
    """The insert-only event of a note on one series; ``versions``: hashes of weights and settings that were seen.

    Raises UsageError when the new state may not follow ``before``, or a series is put back without a reason.
    """
    payload: dict[str, str] = {"previous": before.value}
    if note.state is not None:
        if note.state not in after(before):
            raise UsageError(
                f"'{note.state}' cannot follow '{before}'; possible are {[s.value for s in after(before)]}"
            )
        if note.state is State.TO_REVIEW and not note.reason.strip():
            raise UsageError("putting a series back to review needs a reason in words")
        payload |= {"state": note.state.value} | ({"because": note.because.value} if note.because else {})
    if note.fact is not None:
        payload["fact"] = note.fact.value
    return Event(
        event_id=event_id,
        kind=STATE_KIND if note.state else FACT_KIND,
        series_key=series_key,
        author=note.author.strip(),
        at=note.at,
        reason=note.reason.strip(),
        payload_json=json.dumps(payload, ensure_ascii=False),
        model_hash=versions[0],
        settings_hash=versions[1],
    )


def undo_event(undone: UndoneNote, *, event_id: str, author: str, at: datetime) -> Event:
    """The insert-only event that takes back one note; both stay in the history.

    Raises UsageError without an author, or when the note to undo is not the last one of its series.
    """
    if not author.strip():
        raise needs_author("an undo")
    if undone.last_event_id != undone.event_id:
        raise UsageError(
            f"'{undone.note}' cannot be undone: another note was made after it; note the right state instead"
        )
    return Event(
        event_id=event_id,
        kind=UNDO_KIND,
        series_key=undone.series_key,
        author=author.strip(),
        at=at,
        payload_json=json.dumps({"undoes": undone.event_id, "note": undone.note}, ensure_ascii=False),
    )


def add_working_days(moment: datetime, days: int) -> datetime:
    """The moment ``days`` working days (Monday to Friday, holidays not known) later, at the same time of day."""
    left = days
    while left > 0:
        moment += timedelta(days=1)
        left -= moment.weekday() < _WEEKEND
    return moment


def working_days(first: date, last: date) -> int:
    """Working days (Monday to Friday, holidays not known) from ``first`` to ``last``; negative backwards."""
    if last < first:
        return -working_days(last, first)
    weeks, days = divmod((last - first).days, 7)
    return 5 * weeks + sum((first + timedelta(days=k + 1)).weekday() < _WEEKEND for k in range(days))


def field_of(word: State | Fact | Because) -> str:
    """The field of a note's payload that holds such a word."""
    return {State: "state", Fact: "fact", Because: "because"}[type(word)]


def weeks_of(state: State) -> int | None:
    """Weeks from the flag until the next thing is due; None where none is, or in working days (TO_REVIEW).

    Assessment and DXA within 12 weeks, treatment and its first contact within 16, persistence at 52 (Javaid 2020,
    Osteoporos Int 31:1193).
    """
    if state in ENDED or state in (State.CONTACT_52, State.TO_REVIEW):
        return None
    if state in (State.DXA_DONE, State.TREAT, State.STARTED):
        return int(TREATMENT_WEEKS.value)
    return int((PERSISTENCE_WEEKS if state in (State.CONTACT_16, State.OBSERVE) else ASSESSMENT_WEEKS).value)


def due_at(state: State, flagged_at: datetime) -> datetime | None:
    """When the next thing must have happened, counted from the flag; None where nothing is due.

    Review within REVIEW_WORKING_DAYS, everything else by ``weeks_of``. The store computes the same from its tables.
    """
    if state is State.TO_REVIEW:
        return add_working_days(flagged_at, int(REVIEW_WORKING_DAYS.value))
    weeks = weeks_of(state)
    return None if weeks is None else flagged_at + timedelta(weeks=weeks)


def common_next(states: Sequence[State]) -> tuple[State, ...]:
    """Which states may follow every one of ``states``, in the order of the way."""
    return tuple(one for one in State if states and all(one in after(state) for state in states))
