"""Queries about one series: everything its page shows, and its images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from db.columns import path_of
from db.records import estimate_of, stamps_of
from osteo_core.density.tissues import is_plausible
from osteo_core.limits.calibration import TISSUE_LIMITS
from osteo_core.review.summary import LevelSummary, Summary
from osteo_core.terms import Category, Level, Sex, SuggestedCause
from pages.ui.access.users import seen_by
from pages.ui.services.people import name_of
from pages.ui.services.records import LevelRow, OtherSeries, PatientView, Tissue
from pages.ui.services.running_app import query
from pages.ui.shared import wording

_MEASURED_SINCE = (
    "The program measured this series again after it was signed: files, models, settings or a calibration line "
    "changed. What was signed counts until a reader signs again."
)


def patient(series_key: str) -> PatientView | None:
    """Everything about one series, or None if this store does not hold it."""
    rows = query("patient", series_key=series_key).to_pylist()
    if not rows:
        return None
    row = rows[0]
    levels = query("patient_levels", series_key=series_key).to_pylist()
    others = query("patient_series", series_key=series_key, seen_by=seen_by())
    return _view(
        row,
        levels=tuple(_level(r) for r in levels),
        exclusions=_of_series(query("patient_exclusions", series_key=series_key).to_pylist()),
        cautions=(
            *_measured_since(row),
            *(r["sentence"] for r in query("patient_cautions", series_key=series_key).to_pylist()),
        ),
        tissues=tuple(_tissue(r) for r in query("patient_tissues", series_key=series_key).to_pylist()),
        other_series=tuple(_other(r) for r in others.to_pylist()),
    )


def _measured_since(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Notice that a signed read is older than the latest measurement: files, models, settings or a line changed."""
    if not row["is_read"]:
        return ()
    own = query("model_result", series_key=row["series_key"]).to_pylist()
    return (_MEASURED_SINCE,) if own and own[0]["finished_at"] > row["finished_at"] else ()


def model_view(view: PatientView) -> PatientView:
    """The same series with the program's own latest result in place of a signed read."""
    if not view.is_read:
        return view
    (row,) = query("model_result", series_key=view.series_key).to_pylist()
    of_result = {"series_key": view.series_key, "result_id": row["result_id"]}
    return replace(
        view,
        is_read=False,
        status=row["status"],
        **_result_fields(row),
        levels=level_rows(**of_result),
        exclusions=_of_series(query("result_exclusions", **of_result).to_pylist()),
        cautions=tuple(r["sentence"] for r in query("result_cautions", **of_result).to_pylist()),
    )


def _of_series(exclusions: list[dict[str, Any]]) -> tuple[str, ...]:
    """The ones about the whole series, in words."""
    return tuple(row["sentence"] for row in exclusions if row["level"] is None)


def level_rows(series_key: str, result_id: str) -> tuple[LevelRow, ...]:
    """The levels of one result, from head to foot."""
    return tuple(_level(row) for row in query("result_levels", series_key=series_key, result_id=result_id).to_pylist())


def level_summaries(rows: Iterable[LevelRow]) -> dict[Level, LevelSummary]:
    """The few numbers of each level that readers compare."""
    return {
        row.level: LevelSummary(
            vbmd_mg_cm3=(row.vbmd_mg_cm3.value, row.vbmd_mg_cm3.low, row.vbmd_mg_cm3.high) if row.vbmd_mg_cm3 else None,
            median_hu=row.median_hu,
            grade=row.fracture_grade,
            height_loss=row.height_loss,
            heights_mm=row.heights_mm,
            roi_volume_ml=row.roi_volume_ml or 0.0,
            left_out=row.reason,
        )
        for row in rows
    }


def model_summary(view: PatientView) -> Summary:
    """The numbers of the stored result."""
    mean = view.mean_vbmd_mg_cm3
    return Summary(
        category=view.category,
        mean_mg_cm3=(mean.value, mean.low, mean.high) if mean else None,
        levels_used=view.levels_used,
        worst_grade=view.worst_fracture_grade,
        is_flagged=view.is_flagged,
        reason=view.flag_reason,
        levels=level_summaries(view.levels),
    )


def _result_fields(row: dict[str, Any]) -> dict[str, Any]:
    """The content of a result row, under the names of PatientView."""
    return {
        "result_id": row["result_id"] or "",
        "is_flagged": bool(row["is_flagged"]),
        "flag_reason": row["flag_reason"] or "",
        "category": Category(row["category"]) if row["category"] else None,
        "mean_vbmd_mg_cm3": estimate_of(row, "mean_vbmd"),
        "levels_used": tuple(Level(number) for number in row["levels_used"] or ()),
        "worst_fracture_grade": row["worst_fracture_grade"],
        "contrast_phase": row["contrast_phase"] or "unknown",
        "review_reasons": tuple(row["review_reasons"] or ()),
        "anchor": row["anchor"] or "",
        "engine": row["engine"] or "",
        "model_hash": row["model_hash"] or "",
        "settings_hash": row["settings_hash"] or "",
        "measuring_version": row["measuring_version"] or "",
        "finished_at": row["finished_at"],
        "seconds": row["seconds"] or 0.0,
        "mask_file": row["mask_file"] or "",
        "has_rods": bool(row["has_rods"]),
    }


def _preference_reason(row: dict[str, Any]) -> str:
    if row["is_preferred"] or not row["is_counted"]:
        return row["preference_reason"] or ""
    return "the preferred series of this study could not be measured, or a reader signed this one"


def _view(row: dict[str, Any], **parts: Any) -> PatientView:
    return PatientView(
        series_key=row["series_key"],
        patient_key=row["patient_key"],
        status=row["status"],
        is_simulated=bool(row["is_simulated"]),
        is_read=bool(row["is_read"]),
        age_years=row["patient_age_years"],
        sex=Sex(row["patient_sex"]),
        vendor=row["vendor"],
        scanner=row["manufacturer_model_name"] or "",
        study_date=row["study_date"],
        scan=_scan(row),
        preference_reason=_preference_reason(row),
        calibration=row["calibration_name"] or "",
        calibration_source=row["calibration_source"] or "",
        mineral=row["calibration_mineral"] or "",
        corrections=tuple(row["corrections"] or ()),
        files=tuple(path_of(file) for file in row["files"] or ()),
        file_stamps=stamps_of(row),
        stack_label=row["stack_label"] or "",
        follow_state=row["follow_state"] or "",
        **_result_fields(row),
        **parts,
    )


def _other(row: dict[str, Any]) -> OtherSeries:
    """'measured: osteoporosis, 59 mg/cm³ · 2 mm, kernel B30f · 4 Jun 2025', or why it is excluded."""
    answer = row["category"] or ""
    if row["mean_vbmd"] is not None:
        answer += f", {row['mean_vbmd']:.0f} {wording.UNIT}"
    answer += ", as signed" if answer and row["is_read"] else ""
    reason = answer or (row["first_exclusion_sentence"] or "").rstrip(".")
    scan = [wording.number(row["slice_thickness_mm"], 1, "mm"), f"kernel {row['convolution_kernel'] or 'not stated'}"]
    parts = [f"{row['status']}: {reason}" if reason else row["status"], ", ".join(scan), wording.day(row["study_date"])]
    return OtherSeries(
        series_key=row["series_key"],
        words=" · ".join(parts),
        study_date=row["study_date"],
        mean_vbmd_mg_cm3=row["mean_vbmd"],
    )


def _tissue(row: dict[str, Any]) -> Tissue:
    name, mean_hu = row["name"], row["mean_hu"]
    why_not = ""
    if not is_plausible(name, mean_hu):
        low, high = TISSUE_LIMITS[name]
        why_not = f"not used: outside {low.value:g} to {high.value:g}"
    return Tissue(name=name, mean_hu=mean_hu, sd_hu=row["sd_hu"], area_mm2=row["area_mm2"], why_not=why_not)


def _scan(row: dict[str, Any]) -> str:
    spacing = row["pixel_spacing_row_mm"]
    parts = [
        wording.number(row["kvp"], unit="kVp"),
        f"kernel {row['convolution_kernel'] or 'not stated'}",
        wording.number(row["slice_thickness_mm"], 2, "mm thick"),
        wording.number(row["slice_step_mm"], 2, "mm apart"),
        f"{row['n_slices']} slices",
        wording.number(spacing, 2, "mm pixels"),
    ]
    return ", ".join(part for part in parts if part != wording.MISSING)


def _level(row: dict[str, Any]) -> LevelRow:
    return LevelRow(
        level=Level(row["level"]),
        vbmd_mg_cm3=estimate_of(row, "vbmd"),
        regressed_mg_cm3=estimate_of(row, "regressed"),
        median_hu=row["median_hu"],
        sd_hu=row["sd_hu"],
        roi_volume_ml=row["roi_volume_ml"],
        heights_mm=(row["anterior_height_mm"], row["middle_height_mm"], row["posterior_height_mm"]),
        fracture_grade=row["fracture_grade"],
        height_loss=row["height_loss"],
        endplate_depression=row["endplate_depression"],
        suggested_cause=row["suggested_cause"] or SuggestedCause.NOT_ASSESSED.value,
        reader_cause=row["reader_cause"] or "",
        read_by=f"{name_of(row['reader'])}, {wording.day(row['read_at'])}" if row["reader"] else "",
        confidence=row["confidence"],
        reason=row["exclusion_sentence"] or "",
    )


def stored(series_key: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Every stored value of a series, and of its levels from head to foot, by column; empty if there are none."""
    rows = query("patient_stored", series_key=series_key).to_pylist()
    return rows[0] if rows else {}, query("patient_levels", series_key=series_key).to_pylist()
