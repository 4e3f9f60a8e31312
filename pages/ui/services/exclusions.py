"""Queries about series left out: the flow from found to measured, and the series behind each box."""

from __future__ import annotations

from typing import Any

from osteo_core.outcomes import EXCLUSION_SENTENCES, ExclusionCode
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.comparison import CLASSES
from osteo_core.terms import Category, Step
from pages.ui.access.users import seen_by
from pages.ui.services.records import Box, Flow, FlowEnd, FlowStep, Reason
from pages.ui.services.running_app import query
from pages.ui.shared import wording

#: Maximum number of series listed for a box; Export gives all.
MOST_LISTED = 1000


def reason_words(code: str) -> str:
    """A reason as a heading."""
    return wording.sentence(code.replace("_", " "))


def reason_help(code: str) -> str:
    """The sentence shown for that reason, if it makes sense without its values."""
    sentence = EXCLUSION_SENTENCES[ExclusionCode(code)] if code in set(ExclusionCode) else ""
    return "" if "{" in sentence else sentence


def exclusion_flow(cohort: CohortFilter, *, reader: str | None) -> Flow:
    """From series found to series with a category, step by step; each series counts once, at its first reason.

    Series waiting for analysis leave the flow after their headers were read. ``reader``: as this one may see it
    (db/seen_by.sql), None for the cohort with every read.
    """
    numbers = query("cohort_summary", cohort=cohort, seen_by=reader).to_pylist()[0]
    rows = query("exclusion_counts", cohort=cohort, seen_by=reader).to_pylist()
    entered, waiting = int(numbers["n_series"]), int(numbers["n_waiting"])
    steps = []
    left_out_so_far = 0
    for step in Step:
        reasons = tuple(_reason(row) for row in rows if row["step"] == step and not row["is_level"])
        left_out = sum(reason.count for reason in reasons)
        left_out_so_far += left_out
        if reasons or step is Step.FIND:
            steps.append(FlowStep(step=step.value, entered=entered, left_out=left_out, reasons=reasons))
        entered -= left_out + (waiting if step is Step.FIND else 0)
    levels = tuple(_reason(row) for row in rows if row["is_level"])
    ends = {row["category"]: row for row in query("flow_ends", cohort=cohort, seen_by=reader).to_pylist()}
    return Flow(
        found=int(numbers["n_series"]),
        left_out=left_out_so_far,
        waiting=waiting,
        categorised=int(numbers["n_categorised"]),
        steps=tuple(steps),
        ends=tuple(_end(category, ends.get(category.value, {})) for category in CLASSES),
        levels=levels,
    )


def _reason(row: dict[str, Any]) -> Reason:
    return Reason(code=row["code"], words=reason_words(row["code"]), count=int(row["n"]))


def _end(category: Category, row: dict[str, Any]) -> FlowEnd:
    return FlowEnd(
        category=category,
        count=int(row.get("n", 0)),
        flagged=int(row.get("n_flagged", 0)),
        with_qct=int(row.get("n_with_qct", 0)),
    )


def box_series(box: Box, cohort: CohortFilter) -> list[dict[str, Any]]:
    """The series behind one box of the flow, the latest studies first, MOST_LISTED at most."""
    given = {"kind": box.kind.value, "steps": list(box.steps), "code": box.code}
    rows = query("flow_series", cohort=cohort, seen_by=seen_by(), limit=MOST_LISTED, **given).to_pylist()
    return [
        {
            "series_key": row["series_key"],
            "patient": wording.short_key(row["patient_key"]),
            "status": row["status"],
            "vbmd": row["mean_vbmd_mg_cm3"],
            "sentence": row["sentence"] or row["category"] or "",
            "vendor": row["vendor"],
            "age": row["patient_age_years"],
            "sex": row["patient_sex"],
            "study_date": row["study_date"],
        }
        for row in rows
    ]
