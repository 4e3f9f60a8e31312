"""The parts of the patient's page that are plain layout over a PatientView."""

from __future__ import annotations

import html

import streamlit as st

from osteo_core.terms import Category, Status
from pages.ui import services
from pages.ui.shared import wording
from pages.ui.shared.literal import literal

_BADGES = {
    Category.OSTEOPOROSIS: "red",
    Category.LOW_BONE_MASS: "orange",
    Category.NORMAL: "blue",
    Category.NOT_REPORTABLE: "gray",
}
_CONFIDENCE = "That outline and level number are right; empty where the engine gives none (an external mask)"
_REGION = "Volume of the trabecular region of interest; empty where none fits in the body"
#: Heading of the network's estimate; it states the limitation of the value.
REGRESSED = "DenseNet-121 (trained on simulated patients only)"
_REGRESSED_HELP = (
    f"vBMD in {wording.UNIT} (K2HPO4) as estimated by a network, with its 95 % interval. It is shown beside the "
    "calibrated value and affects no result."
)


def show_header(view: services.PatientView) -> None:
    """Patient, findings, and why the series is flagged."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(f"Patient {wording.short_key(view.patient_key)}", width="content")
        if view.category:
            st.badge(view.category.value, color=_BADGES[view.category])  # type: ignore[arg-type]
        if view.status != Status.MEASURED:
            st.badge(f"this series is {literal(view.status)}", color="gray")
        if view.is_flagged:
            st.badge("flagged", icon=":material/flag:", color="red")
        if view.is_simulated:
            st.badge(wording.SIMULATED, icon=":material/smart_toy:", color="violet")
    who = [
        f"{view.age_years:.0f}-year-old {wording.SEX[view.sex]}"
        if view.age_years is not None
        else f"age unknown, {wording.SEX[view.sex]}"
    ]
    who.append(f"{view.vendor} {view.scanner}".strip())
    who.append(f"study of {wording.day(view.study_date)}" if view.study_date else "study date unknown")
    st.caption(literal(" · ".join(who)))
    if view.flag_reason:
        st.markdown(f":material/flag: **{literal(wording.sentence(view.flag_reason))}**")
    columns = st.columns([1.3, 1, 1, 1])
    columns[0].metric(
        f"Mean trabecular vBMD, {wording.UNIT}",
        wording.estimate(view.mean_vbmd_mg_cm3),
        border=True,
        help="Mean of the levels that count, with its 95 % interval. Calibration: "
        + literal(view.calibration or "none"),
    )
    used = ", ".join(level.name for level in view.levels_used) or wording.MISSING
    columns[1].metric("Levels that count", literal(used), border=True)
    columns[2].metric(
        "Worst fracture grade",
        wording.grade(view.worst_fracture_grade),
        border=True,
        help="Genant grade by heights; 0 is none",
    )
    columns[3].metric(
        "Contrast", literal(view.contrast_phase), border=True, help="As seen in the image, otherwise as declared"
    )


def _counts(row: services.LevelRow, view: services.PatientView) -> str:
    if row.level not in view.levels_used:
        return ""
    return "counts" if row.vbmd_mg_cm3 is not None else "measurable, but no vBMD without a calibration"


def show_level_table(view: services.PatientView) -> None:
    """The levels as a table."""
    is_regressed = any(row.regressed_mg_cm3 is not None for row in view.levels)

    st.dataframe(
        [
            {
                "level": row.level.name,
                "vbmd": wording.estimate(row.vbmd_mg_cm3),
                **({"regressed": wording.estimate(row.regressed_mg_cm3)} if is_regressed else {}),
                "hu": wording.number(row.median_hu),
                "sd": wording.number(row.sd_hu),
                "roi": row.roi_volume_ml,
                "grade": wording.grade(row.fracture_grade),
                "confidence": None if row.confidence is None else 100 * row.confidence,
                "reason": row.reason or _counts(row, view),
            }
            for row in view.levels
        ],
        hide_index=True,
        placeholder="",
        alt="Levels",
        column_config={
            "level": st.column_config.TextColumn("Level", width=50),
            "vbmd": st.column_config.TextColumn(f"vBMD, {wording.UNIT}", width=110, help="With its 95 % interval"),
            "regressed": st.column_config.TextColumn(REGRESSED, width=320, help=_REGRESSED_HELP),
            "hu": st.column_config.TextColumn("HU", width=50, help="Median of the trabecular region"),
            "sd": st.column_config.TextColumn("SD HU", width=55),
            "roi": st.column_config.NumberColumn("Region, ml", format="%.1f", width=75, help=_REGION),
            "grade": st.column_config.TextColumn("Fracture", width=65, help="Genant grade by heights"),
            "confidence": st.column_config.ProgressColumn(
                "Confidence", format="%.0f %%", min_value=0, max_value=100, width=85, help=_CONFIDENCE
            ),
            "reason": st.column_config.TextColumn("Counts, or why not", width=330),
        },
    )


def show_other_series(view: services.PatientView) -> None:
    """Other series of this patient."""
    if not view.other_series:
        return
    st.subheader("Other series of this patient")
    for other in view.other_series:
        st.page_link("pages/patient.py", label=literal(other.words), query_params={"series": other.series_key})


def show_points_to_note(view: services.PatientView) -> None:
    """Exclusions, review reasons and cautions in words."""
    st.subheader("Points to note")
    for words in view.exclusions:
        st.error(literal(words), icon=":material/block:")
    for words in view.review_reasons:
        st.warning(literal(wording.sentence(words)), icon=":material/visibility:")
    for words in view.cautions:
        st.markdown(f":material/info: {literal(words)}")
    if not (view.exclusions or view.review_reasons or view.cautions):
        st.caption("Nothing was noted.")


def show_origin(view: services.PatientView) -> None:
    """Calibration, model, settings and scan: what a second reader needs to trust or doubt the number."""
    st.subheader("How it was measured")
    rows = {
        "Calibration": view.calibration or "none",
        "Source": view.calibration_source,
        "Corrections": ", ".join(view.corrections) or "none",
        "Mineral": view.mineral,
        "Contrast phase": view.contrast_phase,
        "Scan": view.scan,
        "Chosen because": view.preference_reason,
        "Outlined by": view.engine,
        "Levels counted from": view.anchor,
        "Calibration tissues": ", ".join(tissue.words for tissue in view.tissues),
        "Model or mask (SHA-256)": view.model_hash[:16],
        "Settings": view.settings_hash,
        "Measuring code": view.measuring_version,
        "Analyzed": f"{wording.moment(view.finished_at)}, in {view.seconds:.0f} s"
        if view.seconds
        else wording.moment(view.finished_at),
        "Series": view.series_key,
        "Patient": view.patient_key,
    }
    lines = "".join(
        f"<dt>{html.escape(what)}</dt><dd>{html.escape(value)}</dd>" for what, value in rows.items() if value
    )
    st.html(f'<dl class="origin">{lines}</dl>')
