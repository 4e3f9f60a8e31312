"""Exclusions: how many were left out at each step, and why; a reason opens the list of its series."""

from __future__ import annotations

import streamlit as st

from pages.ui import filters, frame, services, wording

STEP_WORDS = {
    "find": "Finding eligible series",
    "read": "Reading the volume",
    "segment": "Outlining the vertebrae",
    "measure": "Measuring",
    "calibrate": "Calibrating",
    "assess": "Assessing",
    "run": "Running",
}


def show_step(step: services.FlowStep, total: int) -> None:
    """One box of the flow: who came in, who was left out and why."""
    left, right = st.columns([1, 2.4], gap="medium", vertical_alignment="top")
    with left.container(border=True):
        st.markdown(f"**{STEP_WORDS.get(step.step, step.step)}**")
        st.caption(f"{step.entered:,} in · {step.left_out:,} left out · {step.entered - step.left_out:,} go on")
        st.progress((step.entered - step.left_out) / total if total else 0.0)
    with right.container(gap=None):
        if not step.reasons:
            st.caption("Nobody was left out here.")
        for reason in step.reasons:
            label = f"**{reason.count:,}** · {reason.words}"
            if st.button(
                label,
                key=f"reason-{reason.code}",
                type="tertiary",
                icon=":material/chevron_right:",
                help=services.reason_help(reason.code),
            ):
                st.session_state["reason"] = reason.code
                st.rerun()


def choose_reason(codes: list[str]) -> str | None:
    """Which reason's series are listed; stands in the address by its code."""
    asked = st.query_params.get("reason")
    if asked in codes and "reason" not in st.session_state:
        st.session_state["reason"] = asked
    code = st.selectbox(
        "List the series of a reason",
        codes,
        index=None,
        key="reason",
        format_func=services.reason_words,
        placeholder="Choose a reason, or click one above",
    )
    if code:
        st.query_params["reason"] = code
    else:
        st.query_params.pop("reason", None)
    return code


def show_series(code: str, chosen: services.CohortFilter) -> None:
    """The series behind one reason."""
    rows = services.excluded_series(code, chosen)
    st.subheader(f"Series left out: {services.reason_words(code)}")
    event = st.dataframe(
        [{k: row[k] for k in ("patient", "sentence", "vendor", "age", "sex", "study_date")} for row in rows],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        key=f"excluded-{code}",
        column_config={
            "patient": st.column_config.TextColumn("Patient", width=100),
            "sentence": st.column_config.TextColumn("Reason", width="large"),
            "vendor": st.column_config.TextColumn("Vendor"),
            "age": st.column_config.NumberColumn("Age", format="%.0f", width=60),
            "sex": st.column_config.TextColumn("Sex", width=60),
            "study_date": st.column_config.DateColumn("Study", format="D MMM YYYY"),
        },
    )
    cells = event["selection"]["cells"]
    if cells:
        frame.open_patient(str(rows[cells[0][0]]["series_key"]))


st.title("Exclusions")
if not services.cohort_numbers().series:
    frame.draw_no_series()
else:
    chosen = filters.cohort_filter(with_category=False)
    flow = services.exclusion_flow(chosen)
    columns = st.columns(3)
    columns[0].metric("Series found", f"{flow.found:,}", border=True)
    columns[1].metric("Left out", wording.share(flow.left_out, flow.found), border=True)
    columns[2].metric("With a category", wording.share(flow.categorised, flow.found), border=True)
    for step in flow.steps:
        show_step(step, flow.found)
    if flow.levels:
        with st.expander(f"Single levels left out within measured series ({sum(r.count for r in flow.levels):,})"):
            for reason in flow.levels:
                st.markdown(f"**{reason.count:,}** · {reason.words}")
    codes = [reason.code for step in flow.steps for reason in step.reasons]
    code = choose_reason(codes)
    if code:
        show_series(code, chosen)
    if not codes:
        st.caption("No series was left out in this filter.")
