"""Notes about a series: follow-up, causes of a level's shape, undo, and history."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from osteo_core.errors import UsageError
from osteo_core.programme.cause import CauseReading
from osteo_core.programme.cause import event_of as cause_event
from osteo_core.programme.follow_up import Note, State, UndoneNote, event_of, undo_event
from osteo_core.programme.planning import Plan, plan_event
from osteo_core.terms import Level
from pages.ui.access.roles import Action
from pages.ui.access.users import needs
from pages.ui.services.people import name_of
from pages.ui.services.records import PatientView
from pages.ui.services.running_app import moment, query, store_holder
from pages.ui.shared import wording

#: Check and write are one step: of two people who note at once the second is refused.
_noting = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class FollowedSeries:
    """What a note needs to know about a series: its key, the hashes of model and settings, and its current state."""

    series_key: str
    versions: tuple[str, str]
    state: State


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One thing that was noted about a series; ``level`` if the cause of one level was read.

    ``is_undo``: this entry undid the note that it repeats; ``is_undone``: a later entry undid this one.
    """

    at: datetime
    author: str
    note: str
    level: Level | None
    previous: str
    because: str
    reason: str
    is_undo: bool
    is_undone: bool


@dataclass(frozen=True, kw_only=True)
class MadeNote:
    """A note that was just made, so that it can be undone."""

    event_id: str
    series_key: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Outcome of a request to add a note; ``is_stored`` is False if another process takes it in later."""

    notes: tuple[MadeNote, ...]
    is_stored: bool


@needs(Action.NOTE)
def note(series: Sequence[FollowedSeries], given: Note) -> Noted:
    """Add the same note to all these series, in one part.

    Raises UsageError, and notes nothing, if the note may not follow the state of one of them, or if one is in another
    state by now.
    """
    events = [
        event_of(
            given,
            event_id=uuid.uuid4().hex,
            series_key=one.series_key,
            before=one.state,
            versions=one.versions,
        )
        for one in series
    ]
    with _noting:
        _check_unchanged(series)
        is_stored = store_holder().record(*events)
    words = str(given.state or given.fact)
    return Noted(
        notes=tuple(MadeNote(event_id=e.event_id, series_key=e.series_key, note=words) for e in events),
        is_stored=is_stored,
    )


def _check_unchanged(series: Sequence[FollowedSeries]) -> None:
    store_holder().take_in()
    rows = query("worklist_rows", series_keys=tuple(one.series_key for one in series)).to_pylist()
    now = {row["series_key"]: row for row in rows}
    for one in series:
        if one.series_key not in now:
            raise UsageError("this store no longer holds a series of this page; nothing was noted")
        found = now[one.series_key]["follow_state"] or State.TO_REVIEW.value
        if found != one.state:
            who = wording.short_key(now[one.series_key]["patient_key"])
            raise UsageError(
                f"patient {who} was noted elsewhere in the meantime and is now '{found}'; nothing was noted"
            )


@needs(Action.NOTE)
def undo(notes: Sequence[MadeNote], *, author: str) -> bool:
    """Undo these notes by one event each; False if another process takes that in later.

    Raises UsageError, and undoes nothing, without an author or if another note was made after one of them.
    """
    with _noting:
        store_holder().take_in()
        at = moment()
        events = []
        for one in notes:
            rows = query("follow_up_history", series_key=one.series_key).to_pylist()
            last = next((row["event_id"] for row in rows if row["is_note"] and not row["is_undone"]), "")
            undone = UndoneNote(
                event_id=one.event_id, series_key=one.series_key, note=one.note, last_event_id=last or one.event_id
            )
            events.append(undo_event(undone, event_id=uuid.uuid4().hex, author=author, at=at))
        return store_holder().record(*events)


@needs(Action.NOTE)
def plan(series_keys: Sequence[str], given: Plan) -> bool:
    """Note a plan for all these series; False if another process takes it in later."""
    return store_holder().record(*(plan_event(given, event_id=uuid.uuid4().hex, series_key=key) for key in series_keys))


@needs(Action.NOTE)
def note_cause(view: PatientView, reading: CauseReading) -> bool:
    """Note a reader's cause for one level; False if another process takes it in later."""
    return store_holder().record(
        cause_event(
            reading,
            event_id=uuid.uuid4().hex,
            series_key=view.series_key,
            versions=(view.model_hash, view.settings_hash),
        )
    )


def followed_of(view: PatientView) -> FollowedSeries:
    """What ``note`` needs to know about the series of a patient's page."""
    return FollowedSeries(
        series_key=view.series_key,
        versions=(view.model_hash, view.settings_hash),
        state=State(view.follow_state) if view.follow_state else State.TO_REVIEW,
    )


def history(series_key: str) -> list[HistoryEntry]:
    """Notes and readings of one series, the latest first."""
    return [
        HistoryEntry(
            at=row["at"],
            author=name_of(row["author"]),
            note=row["note"],
            level=None if row["level"] is None else Level(row["level"]),
            previous=row["previous"] or "",
            because=row["because"] or "",
            reason=row["reason"] or "",
            is_undo=bool(row["is_undo"]),
            is_undone=bool(row["is_undone"]),
        )
        for row in query("follow_up_history", series_key=series_key).to_pylist()
    ]
