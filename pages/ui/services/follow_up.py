"""Follow-up of the flagged series: how many are in which state, the indicators, and the queue for the clinic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from osteo_core.programme.capacity import RECENT_WEEKS
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.follow_up import State
from osteo_core.programme.indicators import Count, Indicator, indicators
from pages.ui.services.running_app import query


@dataclass(frozen=True, kw_only=True)
class StateCount:
    """How many flagged series are in one state, and how many of them are overdue."""

    state: State
    count: int
    overdue: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Patients flagged in each of the last full weeks, the latest last (empty weeks are 0), and patients waiting
    now.
    """

    weeks: tuple[date, ...]
    flags: tuple[int, ...]
    to_review: int
    before_clinic: int


def _now() -> datetime:
    """The current minute: time limits run in days, so a repeated question can be answered from the cache."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def states(cohort: CohortFilter, *, seen_by: str | None) -> list[StateCount]:
    """Every state of the follow-up with its count, including empty ones, as ``seen_by`` may see it."""
    rows = {r["state"]: r for r in query("follow_up_states", cohort=cohort, now=_now(), seen_by=seen_by).to_pylist()}
    return [
        StateCount(
            state=state,
            count=int(rows[state]["n"]) if state in rows else 0,
            overdue=int(rows[state]["n_overdue"]) if state in rows else 0,
        )
        for state in State
    ]


def programme_indicators(
    cohort: CohortFilter, *, expected_spine_fractures: int, seen_by: str | None
) -> tuple[Indicator, ...]:
    """The indicators of the filtered cohort as of now, as ``seen_by`` may see it."""
    rows = query(
        "follow_up_indicators",
        cohort=cohort,
        now=_now(),
        seen_by=seen_by,
    ).to_pylist()
    counts = {r["indicator"]: Count(due=r["due"], done=r["done"], running=r["running"]) for r in rows}
    return indicators(counts, expected_spine_fractures=expected_spine_fractures)


def flag_queue(cohort: CohortFilter, *, seen_by: str | None) -> Queue:
    """Patients flagged in the last full weeks, and those waiting now; the current week counts for waiting only."""
    rows = query("follow_up_weeks", cohort=cohort, seen_by=seen_by).to_pylist()
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
