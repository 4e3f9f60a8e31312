"""Questions about what was left out: the flow from found to measured, and the series behind one reason."""

from __future__ import annotations

from typing import Any

from osteo_core.outcomes import EXCLUSION_SENTENCES, ExclusionCode
from osteo_core.programme.cohort import CohortFilter
from osteo_core.terms import Step
from pages.ui import wording
from pages.ui.services.answers import Flow, FlowStep, Reason
from pages.ui.services.house import query


def reason_words(code: str) -> str:
    """A reason as a heading."""
    return wording.sentence(code.replace("_", " "))


def reason_help(code: str) -> str:
    """The sentence that stands with each series of that reason, where it says something without its values."""
    sentence = EXCLUSION_SENTENCES[ExclusionCode(code)] if code in set(ExclusionCode) else ""
    return "" if "{" in sentence else sentence


def exclusion_flow(cohort: CohortFilter) -> Flow:
    """From series found to series with a category, step by step; each series counts once, at its first reason."""
    numbers = query("cohort_summary", cohort=cohort).to_pylist()[0]
    rows = query("exclusion_counts", cohort=cohort).to_pylist()
    entered = found = int(numbers["n_series"])
    steps = []
    for step in Step:
        reasons = tuple(_reason(row) for row in rows if row["step"] == step and not row["is_level"])
        left_out = sum(reason.count for reason in reasons)
        if reasons:
            steps.append(FlowStep(step=step.value, entered=entered, left_out=left_out, reasons=reasons))
        entered -= left_out
    levels = tuple(_reason(row) for row in rows if row["is_level"])
    return Flow(
        found=found,
        left_out=found - entered,
        categorised=int(numbers["n_categorised"]),
        steps=tuple(steps),
        levels=levels,
    )


def _reason(row: dict[str, Any]) -> Reason:
    return Reason(code=row["code"], words=reason_words(row["code"]), count=int(row["n"]))


def excluded_series(code: str, cohort: CohortFilter) -> list[dict[str, Any]]:
    """The series behind one reason, each with its sentence."""
    return [
        {
            "series_key": row["series_key"],
            "patient": wording.short_key(row["patient_key"]),
            "sentence": row["sentence"],
            "vendor": row["vendor"],
            "age": row["patient_age_years"],
            "sex": row["patient_sex"],
            "study_date": row["study_date"],
        }
        for row in query("excluded_series", cohort=cohort, code=code).to_pylist()
    ]
