"""The worklist: its series, their order, and what is shown of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from db.records import estimate_of
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.follow_up import State
from osteo_core.records import Estimate
from osteo_core.terms import Category, Level, Sex
from pages.ui.services.cohort import hidden_series
from pages.ui.services.notes import FollowedSeries
from pages.ui.services.running_app import query


class Sort(StrEnum):
    """Sort orders of the worklist; URGENCY: open flags first, then the lowest vBMD first."""

    URGENCY = "urgency"
    DUE = "due date"
    VBMD = "mean vBMD"
    AGE = "age"
    STUDY = "study date"


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """One series of the worklist; ``state`` is None without a follow-up; ``is_read``: as signed by a reader.

    ``is_hidden``: another reader's read is hidden from the current user, and with it later notes.
    """

    series_key: str
    patient_key: str
    versions: tuple[str, str]
    state: State | None
    due_at: datetime | None
    is_flagged: bool
    flag_reason: str
    review_reasons: tuple[str, ...]
    exclusion: str
    category: Category | None
    mean_vbmd_mg_cm3: Estimate | None
    levels_used: tuple[Level, ...]
    age_years: float | None
    sex: Sex
    vendor: str
    study_date: date | None
    assignee: str
    snooze_until: date | None
    contact_at: datetime | None
    contact: str
    is_read: bool = False
    is_simulated: bool = False
    is_hidden: bool = False

    @property
    def followed(self) -> FollowedSeries:
        """The same series for adding a note; a series without notes is to be reviewed."""
        return FollowedSeries(series_key=self.series_key, versions=self.versions, state=self.state or State.TO_REVIEW)


def worklist_count(cohort: CohortFilter, *, seen_by: str | None) -> int:
    """How many series the worklist holds under this filter, as ``seen_by`` may see it."""
    return int(query("worklist_count", cohort=cohort, seen_by=seen_by).to_pylist()[0]["n"])


def worklist_order(
    cohort: CohortFilter, *, sort: Sort, is_descending: bool, limit: int, seen_by: str | None
) -> tuple[str, ...]:
    """The keys of the worklist's series in the requested order, ``limit`` at most."""
    given = {"sort": sort.value, "descending": is_descending, "limit": limit}
    table = query("worklist_order", cohort=cohort, seen_by=seen_by, **given)
    return tuple(table.column("series_key").to_pylist())


def work_items(series_keys: Sequence[str], *, seen_by: str | None) -> list[WorkItem]:
    """The current state of these series for ``seen_by``, in this order; unknown keys are left out."""
    rows = query("worklist_rows", series_keys=tuple(series_keys), seen_by=seen_by).to_pylist()
    found, hidden = {row["series_key"]: row for row in rows}, set(hidden_series(seen_by))
    return [_work_item(found[key], is_hidden=key in hidden) for key in series_keys if key in found]


def _work_item(row: dict[str, Any], *, is_hidden: bool) -> WorkItem:
    return WorkItem(
        series_key=row["series_key"],
        patient_key=row["patient_key"],
        versions=(row["model_hash"] or "", row["settings_hash"] or ""),
        state=State(row["follow_state"]) if row["follow_state"] else None,
        due_at=row["due_at"],
        is_flagged=bool(row["is_flagged"]),
        flag_reason=row["flag_reason"] or "",
        review_reasons=tuple(row["review_reasons"] or ()),
        exclusion=row["first_exclusion_sentence"] or "",
        category=Category(row["category"]) if row["category"] else None,
        mean_vbmd_mg_cm3=estimate_of(row, "mean_vbmd"),
        levels_used=tuple(Level(number) for number in row["levels_used"] or ()),
        age_years=row["patient_age_years"],
        sex=Sex(row["patient_sex"]),
        vendor=row["vendor"],
        study_date=row["study_date"],
        assignee=row["assignee"] or "",
        snooze_until=row["snooze_until"],
        contact_at=None if is_hidden else row["last_contact_at"],
        contact="" if is_hidden else row["last_contact"] or "",
        is_read=row["is_read"],
        is_simulated=bool(row["is_simulated"]),
        is_hidden=is_hidden,
    )
