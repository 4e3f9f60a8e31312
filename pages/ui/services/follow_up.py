"""From flag to action: the worklist, a person's notes, indicators and capacity."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from db.events import record
from osteo_core.assessment.wording import osteoporosis_in_words
from osteo_core.limits.follow_up import ASSESSMENT_WEEKS, PERSISTENCE_WEEKS, TREATMENT_WEEKS
from osteo_core.programme.capacity import RECENT_WEEKS
from osteo_core.programme.cause import CauseReading
from osteo_core.programme.cause import event_of as cause_event
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.follow_up import Note, State, event_of
from osteo_core.programme.indicators import Count, Indicator, indicators
from osteo_core.records import Event
from osteo_core.terms import Category, Level
from pages.ui.services.records import PatientView
from pages.ui.services.running_app import query, settings, store_holder
from pages.ui.shared import wording


@dataclass(frozen=True, kw_only=True)
class StateCount:
    """How many flagged series stand in one state, and how many of them are overdue."""

    state: State
    count: int
    overdue: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Flags of the last full weeks, the latest last (blank weeks are 0), and who waits now."""

    weeks: tuple[date, ...]
    flags: tuple[int, ...]
    to_review: int
    before_clinic: int


def _now() -> datetime:
    """This minute: clocks run in days, and the same question asked twice has the same answer ready."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def worklist_count(cohort: CohortFilter) -> int:
    """How many series the worklist holds under this filter."""
    return int(query("worklist_count", cohort=cohort).to_pylist()[0]["n"])


def worklist(cohort: CohortFilter, *, limit: int, offset: int) -> list[dict[str, Any]]:
    """One page of the worklist, open flags first."""
    now = datetime.now(UTC)
    return [_work_row(row, now) for row in query("worklist", cohort=cohort, limit=limit, offset=offset).to_pylist()]


def _work_row(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    mark = "⚑" if row["is_flagged"] else "○" if row["review_reasons"] else ""
    return {
        "series_key": row["series_key"],
        "versions": (row["model_hash"] or "", row["settings_hash"] or ""),
        "state": row["follow_state"] or "",
        "due": wording.due(row["due_at"], now) if row["follow_state"] else "",
        "flag": mark,
        "category": [row["category"]] if row["category"] else [],
        "vbmd": wording.interval(row["mean_vbmd"], row["mean_vbmd_low"], row["mean_vbmd_high"]),
        "reason": _why(row),
        "patient": wording.short_key(row["patient_key"]),
        "age": row["patient_age_years"],
        "sex": row["patient_sex"],
        "vendor": row["vendor"],
        "study_date": row["study_date"],
    }


def _why(row: dict[str, Any]) -> str:
    """Why to look: the flag, or that osteoporosis is possible; then what else to review; then why no category."""
    flag = row["flag_reason"] or _possible(row)
    more = [reason for reason in row["review_reasons"] or () if reason not in flag]
    missing = row["first_exclusion_sentence"] or ""
    return "; ".join(part for part in (flag, *more, missing.rstrip(".")) if part)


def _possible(row: dict[str, Any]) -> str:
    """'osteoporosis is possible' where a category stands and its interval reaches below the limit."""
    if row["category"] in (None, Category.NOT_REPORTABLE.value) or row["mean_vbmd"] is None:
        return ""
    below = settings().osteoporosis_below_mg_cm3
    return osteoporosis_in_words(row["mean_vbmd"], row["mean_vbmd_low"], row["mean_vbmd_high"], below=below)


def state_of(row: dict[str, Any]) -> State:
    """State of a row of the worklist; without any note it is to be reviewed."""
    return State(row["state"]) if row["state"] else State.TO_REVIEW


def note(rows: Sequence[dict[str, Any]], given: Note) -> bool:
    """Note the same of all these rows of the worklist, in one part; False where another process takes it in later.

    Raises UsageError, and notes nothing, when it may not follow the state of one of them.
    """
    events = [
        event_of(
            given,
            event_id=uuid.uuid4().hex,
            series_key=row["series_key"],
            before=state_of(row),
            versions=row["versions"],
        )
        for row in rows
    ]
    return _record(*events)


def note_cause(view: PatientView, reading: CauseReading) -> bool:
    """Note what a person reads in one level; False where another process takes it in later."""
    return _record(
        cause_event(
            reading,
            event_id=uuid.uuid4().hex,
            series_key=view.series_key,
            versions=(view.model_hash, view.settings_hash),
        )
    )


def _record(*events: Event) -> bool:
    held = store_holder()
    record(held.store_dir, *events)
    held.take_in()
    return held.is_owner


def row_of(view: PatientView) -> dict[str, Any]:
    """What ``note`` needs to know of the series of a patient's page."""
    return {
        "series_key": view.series_key,
        "versions": (view.model_hash, view.settings_hash),
        "state": view.follow_state,
    }


def history(series_key: str) -> list[dict[str, Any]]:
    """What was noted about one series, the latest first."""
    return [
        {
            "When": wording.moment(row["at"]),
            "Who": row["author"],
            "Noted": _noted(row),
            "Before": row["previous"] or "",
            "Why": row["reason"],
        }
        for row in query("follow_up_history", series_key=series_key).to_pylist()
    ]


def _noted(row: dict[str, Any]) -> str:
    """'closed: patient died', or 'L1: non-osteoporotic deformity' where the cause of a level was read."""
    if row["level"] is not None:
        return f"{Level(row['level']).name}: {row['note']}"
    return row["note"] + (f": {row['because']}" if row["because"] else "")


def states(cohort: CohortFilter) -> list[StateCount]:
    """Every state of the way with its number, those without anybody too."""
    rows = {r["state"]: r for r in query("follow_up_states", cohort=cohort, now=_now()).to_pylist()}
    return [
        StateCount(
            state=state,
            count=int(rows[state]["n"]) if state in rows else 0,
            overdue=int(rows[state]["n_overdue"]) if state in rows else 0,
        )
        for state in State
    ]


def programme_indicators(cohort: CohortFilter, *, expected_spine_fractures: int) -> tuple[Indicator, ...]:
    """The indicators of the filtered cohort as of now."""
    rows = query(
        "follow_up_indicators",
        cohort=cohort,
        now=_now(),
        assessment_weeks=int(ASSESSMENT_WEEKS.value),
        treatment_weeks=int(TREATMENT_WEEKS.value),
        persistence_weeks=int(PERSISTENCE_WEEKS.value),
    ).to_pylist()
    counts = {r["indicator"]: Count(due=r["due"], done=r["done"], running=r["running"]) for r in rows}
    return indicators(counts, expected_spine_fractures=expected_spine_fractures)


def flag_queue(cohort: CohortFilter) -> Queue:
    """Flags of the last full weeks and who waits now; the running week counts for waiting only."""
    rows = query("follow_up_weeks", cohort=cohort).to_pylist()
    today = datetime.now(UTC).date()
    running = today - timedelta(days=today.weekday())
    found = {row["week"]: int(row["n"]) for row in rows}
    first = max(min(found, default=running), running - timedelta(weeks=RECENT_WEEKS))
    weeks = tuple(first + timedelta(weeks=k) for k in range((running - first).days // 7))
    return Queue(
        weeks=weeks,
        flags=tuple(found.get(week, 0) for week in weeks),
        to_review=sum(int(row["n_to_review"]) for row in rows),
        before_clinic=sum(int(row["n_before_clinic"]) for row in rows),
    )
