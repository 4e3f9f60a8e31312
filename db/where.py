"""A CohortFilter as one WHERE clause: fixed words, and every value as a named parameter."""

from __future__ import annotations

from typing import Any

from osteo_core.programme.cohort import CohortFilter

#: Condition on the table ``cohort`` for each field of the filter that is set; ``$cohort_FIELD`` is its value.
_CONDITIONS: dict[str, str] = {
    "vendors": "list_contains($cohort_vendors, cohort.vendor)",
    "sexes": "list_contains($cohort_sexes, cohort.patient_sex)",
    "age_from": "floor(cohort.patient_age_years) >= $cohort_age_from",
    "age_to": "floor(cohort.patient_age_years) <= $cohort_age_to",
    "categories": "list_contains($cohort_categories, cohort.category)",
    "flagged": "cohort.is_flagged = $cohort_flagged",
    "review": "(coalesce(len(cohort.review_reasons), 0) > 0) = $cohort_review",
    "simulated": "cohort.is_simulated = $cohort_simulated",
    "scanners": "list_contains($cohort_scanners, cohort.manufacturer_model_name)",
    "sites": "list_contains($cohort_sites, cohort.site_key)",
    "studied_from": "cohort.study_date >= $cohort_studied_from",
    "studied_to": "cohort.study_date <= $cohort_studied_to",
    "states": "list_contains($cohort_states, cohort.follow_state)",
    "overdue": "(cohort.due_at IS NOT NULL AND cohort.due_at < now()) = $cohort_overdue",
    "text": (
        "(starts_with(cohort.series_key, lower($cohort_text)) OR starts_with(cohort.patient_key, lower($cohort_text)) "
        "OR contains(lower(coalesce(cohort.manufacturer_model_name, '')), lower($cohort_text)) "
        "OR contains(lower(coalesce(cohort.manufacturer, '')), lower($cohort_text)))"
    ),
}


def where(cohort: CohortFilter) -> tuple[str, dict[str, Any]]:
    """The clause (``TRUE`` for everybody) and its parameters."""
    given = {name: getattr(cohort, name) for name in _CONDITIONS}
    chosen = {name: value for name, value in given.items() if value not in ((), None, "")}
    clause = " AND ".join(_CONDITIONS[name] for name in chosen) or "TRUE"
    return clause, {f"cohort_{name}": _plain(value) for name, value in chosen.items()}


def _plain(value: Any) -> Any:
    return [str(member) for member in value] if isinstance(value, tuple) else value
