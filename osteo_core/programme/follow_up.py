"""Follow-up from flag to action: the states of a flagged series, their transitions and due dates.

The state is the latest note. Nothing is erased: a mistake is corrected by a later event, either a return to
review with its reason, or an undo that names the note it takes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from osteo_core.errors import UsageError, needs_author
from osteo_core.events import new_event
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
    """A fact outside the sequence of states; noting it does not change the state."""

    RISK_ASSESSED = "fracture risk assessed"
    FALLS_ASSESSED = "falls assessed"
    EXERCISE_STARTED = "strength and balance training started"
    STILL_TREATED = "still on treatment at 12 months"


#: States after which nothing is due.
ENDED = (State.NOT_CONFIRMED, State.NO_ACTION, State.CLOSED)
#: States that need a 'because' code.
WITH_CODE = (State.NO_ACTION, State.CLOSED)
_REVIEWS = (State.REPEAT, State.NOT_CONFIRMED, State.CONFIRMED)
#: Confirmed, and not yet seen in the clinic.
BEFORE_CLINIC = (State.CONFIRMED, State.REPORTED, State.REFERRED)
#: Milestones of the programme, each with the notes that mark it as reached.
MILESTONES: dict[str, tuple[State | Fact | Because, ...]] = {
    "reviewed": _REVIEWS,
    "review": (State.TO_REVIEW, *_REVIEWS),
    "risk": (Fact.RISK_ASSESSED,),
    "dxa": (State.DXA_DONE,),
    "falls": (Fact.FALLS_ASSESSED,),
    "advised": (State.TREAT, State.STARTED),  # treatment started implies that it was advised
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
    """A person's note: a new state or a fact, with author, time, reason, and a code if the follow-up ends."""

    state: State | None = None
    fact: Fact | None = None
    because: Because | None = None
    author: str
    at: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.state is None) == (self.fact is None):
            raise UsageError("a note must have either a new state or a fact")
        if not self.author.strip():
            raise needs_author("a note")
        if (self.because is None) is (self.state in WITH_CODE):
            raise UsageError(f"'{' and '.join(WITH_CODE)}' need a 'because' code, and other states must not have one")
        if self.because is Because.OTHER and not self.reason.strip():
            raise UsageError(f"'{Because.OTHER}' needs a reason in words: type it")


@dataclass(frozen=True, kw_only=True)
class UndoneNote:
    """A note to undo: its event, its text, and the latest event of its series."""

    event_id: str
    series_key: str
    note: str
    last_event_id: str


def after(state: State) -> tuple[State, ...]:
    """Which states may follow: any later one; ended and later states may also return to review."""
    if state in ENDED:
        return (State.TO_REVIEW,)
    order = list(State)
    later = tuple(one for one in order[order.index(state) + 1 :] if one not in _REVIEWS)
    if state in (State.TO_REVIEW, State.REPEAT):
        reviews = tuple(one for one in _REVIEWS if one is not state)
        return (*reviews, State.NO_ACTION, State.CLOSED)
    return (*later, State.TO_REVIEW)


def event_of(note: Note, *, event_id: str, series_key: str, before: State, versions: tuple[str, str]) -> Event:
    """The insert-only event of a note on one series; ``versions``: hashes of the weights and settings shown.

    Raises UsageError if the new state may not follow ``before``, or a return to review has no reason.
    """
    payload: dict[str, str] = {"previous": before.value}
    if note.state is not None:
        if note.state not in after(before):
            raise UsageError(
                f"'{note.state}' cannot follow '{before}'; possible are {[s.value for s in after(before)]}"
            )
        if note.state is State.TO_REVIEW and not note.reason.strip():
            raise UsageError("returning a series to review needs a reason in words")
        payload |= {"state": note.state.value} | ({"because": note.because.value} if note.because else {})
    if note.fact is not None:
        payload["fact"] = note.fact.value
    return new_event(
        STATE_KIND if note.state else FACT_KIND,
        event_id=event_id,
        series_key=series_key,
        author=note.author,
        at=note.at,
        reason=note.reason,
        payload=payload,
        versions=versions,
    )


def undo_event(undone: UndoneNote, *, event_id: str, author: str, at: datetime) -> Event:
    """The insert-only event that undoes one note; both stay in the history.

    Raises UsageError without an author, or if the note is not the latest of its series.
    """
    if not author.strip():
        raise needs_author("an undo")
    if undone.last_event_id != undone.event_id:
        raise UsageError(
            f"'{undone.note}' cannot be undone: another note was made after it; note the right state instead"
        )
    payload = {"undoes": undone.event_id, "note": undone.note}
    return new_event(UNDO_KIND, event_id=event_id, series_key=undone.series_key, author=author, at=at, payload=payload)


def add_working_days(moment: datetime, days: int) -> datetime:
    """``moment`` plus ``days`` working days (Monday to Friday, ignoring holidays), at the same time of day."""
    left = days
    while left > 0:
        moment += timedelta(days=1)
        left -= moment.weekday() < _WEEKEND
    return moment


def working_days(first: date, last: date) -> int:
    """Working days (Monday to Friday, ignoring holidays) from ``first`` to ``last``; negative if in reverse order."""
    if last < first:
        return -working_days(last, first)
    weeks, days = divmod((last - first).days, 7)
    return 5 * weeks + sum((first + timedelta(days=k + 1)).weekday() < _WEEKEND for k in range(days))


def field_of(word: State | Fact | Because) -> str:
    """The payload field for this kind of word."""
    return {State: "state", Fact: "fact", Because: "because"}[type(word)]


def weeks_of(state: State) -> int | None:
    """Weeks from the flag until the next step is due; None if none is, or if in working days (TO_REVIEW).

    Assessment and DXA within 12 weeks, treatment and its first contact within 16, persistence at 52 (Javaid 2020,
    Osteoporos Int 31:1193).
    """
    if state in ENDED or state in (State.CONTACT_52, State.TO_REVIEW):
        return None
    if state in (State.DXA_DONE, State.TREAT, State.STARTED):
        return int(TREATMENT_WEEKS.value)
    return int((PERSISTENCE_WEEKS if state in (State.CONTACT_16, State.OBSERVE) else ASSESSMENT_WEEKS).value)


def due_at(state: State, flagged_at: datetime) -> datetime | None:
    """When the next step is due, counted from the flag; None if nothing is due.

    Review within REVIEW_WORKING_DAYS, everything else by ``weeks_of``. The store computes the same from its tables.
    """
    if state is State.TO_REVIEW:
        return add_working_days(flagged_at, int(REVIEW_WORKING_DAYS.value))
    weeks = weeks_of(state)
    return None if weeks is None else flagged_at + timedelta(weeks=weeks)


def common_next(states: Sequence[State]) -> tuple[State, ...]:
    """States that may follow every one of ``states``, in order of follow-up."""
    return tuple(one for one in State if states and all(one in after(state) for state in states))
