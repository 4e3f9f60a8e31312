"""Earlier studies of the patient, compared with the current values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteo_core.errors import TableError
from osteo_core.review.precision import Scanner, SitePrecision, read_precision
from osteo_core.review.priors import Comparison, Study, compare
from osteo_core.review.summary import Summary
from osteo_core.terms import Category, ContrastPhase, Level, Vendor
from pages.ui.services.patients import level_rows, level_summaries
from pages.ui.services.records import PatientView
from pages.ui.services.running_app import query, settings

#: Calibrations whose line holds for many scans, unchanged or adjusted by each scan's tissues; others fit a new line.
_AS_IT_IS, _MOVED = ("site", "phantom", "published"), ("precalibrated", "carried")


@dataclass(frozen=True, kw_only=True)
class Prior:
    """One earlier study: its series, its scanner in words, its values, and how the current ones compare.

    ``is_read``: its values were signed by a reader; ``version`` names its outlines.
    """

    series_key: str
    scanner: str
    summary: Summary
    comparison: Comparison
    is_read: bool = False
    version: str = ""


def priors(view: PatientView, summary: Summary, *, seen_by: str | None) -> tuple[Prior, ...]:
    """The three latest earlier studies of this patient, the latest first, each compared with the values of ``summary``.

    ``seen_by``: for reads this reader may not see yet, the program's values are used.
    """
    rows = query("patient_studies", series_key=view.series_key, seen_by=seen_by).to_pylist()
    if len(rows) < 2:
        return ()
    now, own = _study({**rows[0], "contrast_phase": view.contrast_phase}, summary), _own_precision()
    found = []
    for row in rows[1:]:
        then = _summary(row)
        scanner = f"{row['vendor']} {row['manufacturer_model_name'] or ''}".strip()
        comparison = compare(now, _study(row, then), own=own)
        found.append(
            Prior(
                series_key=row["series_key"],
                scanner=scanner,
                summary=then,
                comparison=comparison,
                is_read=bool(row["is_read"]),
                version=row["model_hash"] or "",
            )
        )
    return tuple(found)


def precision_fault() -> str:
    """Why the site's precision table cannot be used, as one sentence, or ''."""
    try:
        _precision_table()
    except TableError as refused:
        return str(refused)
    return ""


def _own_precision() -> tuple[SitePrecision, ...]:
    """The site's precision studies; none if its table cannot be used, which the page reports."""
    return () if precision_fault() else _precision_table()


def _precision_table() -> tuple[SitePrecision, ...]:
    table = settings().precision_table
    return read_precision(Path(table)) if table else ()


def _study(row: Mapping[str, Any], summary: Summary) -> Study:
    return Study(
        day=row["study_date"],
        summary=summary,
        device=row["device_key"] or "",
        scanner=Scanner(vendor=Vendor(row["vendor"]), model=row["manufacturer_model_name"] or ""),
        calibration=_line_words(row),
        mineral=row["calibration_mineral"] or "",
        phase=row["contrast_phase"] or ContrastPhase.UNKNOWN.value,
        kvp=row["kvp"],
        kernel_group=row["kernel_group"] or "",
        measuring_version=row["measuring_version"] or "",
    )


def _line_words(row: Mapping[str, Any]) -> str:
    """What two scans must share for their calibration errors to cancel, as one text.

    For a line used unchanged: the line itself. For a line adjusted by the scan's own tissues: the phantom scan it comes
    from. For a line that each scan makes for itself: the method.
    """
    kind = row["calibration_kind"] or ""
    names = [kind]
    if kind in (*_AS_IT_IS, *_MOVED):
        names.append(row["calibration_name"])
    if kind in _AS_IT_IS:
        names += [row[f"calibration_{name}"] for name in ("source", "slope_mg_cm3_per_hu", "intercept_mg_cm3")]
    return "; ".join(map(str, names))


def _summary(row: Mapping[str, Any]) -> Summary:
    ends = tuple(row[f"mean_vbmd_{end}mg_cm3"] for end in ("", "low_", "high_"))
    return Summary(
        category=Category(row["category"]) if row["category"] else None,
        mean_mg_cm3=None if None in ends else ends,
        levels_used=tuple(Level(number) for number in row["levels_used"] or ()),
        worst_grade=row["worst_fracture_grade"],
        levels=level_summaries(level_rows(row["series_key"], row["result_id"] or "")),
    )
