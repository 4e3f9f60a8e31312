"""Home: today's state at a glance, what changed, what runs, and what to do next."""

from __future__ import annotations

import streamlit as st

from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user, seen_by
from pages.ui.home import index_form
from pages.ui.home import parts as home_parts
from pages.ui.shared import figures, frame, go, wording
from pages.ui.shared.take_figure import show_figure


def show_distribution(numbers: services.CohortNumbers) -> None:
    """Mean vBMD of the cohort with the limits drawn."""
    st.subheader("Bone density in this cohort")
    bins = services.vbmd_bins(seen_by=seen_by())
    if not bins:
        st.caption("No vBMD yet: it appears with the first measured patient.")
        return
    limits = services.limits()
    figure = figures.distribution_figure(bins, width=services.BIN_MG_CM3, limits=limits)
    show_figure(figure, name="bone_density", key="distribution")
    drawn, without = sum(one.count for one in bins), numbers.measured - numbers.categorised
    st.caption(
        f"Dashed: limits {limits.osteoporosis_below:g} and {limits.normal_above:g} {wording.UNIT}. "
        f"Series with a vBMD: {drawn:,} of {numbers.measured:,} measured; without a category: {without:,}. "
        "Mineral and calibration are on each patient's page."
    )


def show_runs() -> None:
    """Which models and settings ran when."""
    st.subheader("What ran")
    runs = services.runs()
    if not runs:
        st.caption("Nothing has been analyzed yet.")
        return
    st.dataframe(
        runs,
        hide_index=True,
        placeholder="",
        alt="Runs",
        column_config={
            "last": st.column_config.DatetimeColumn("Last result", format="D MMM YYYY, HH:mm"),
            "series": st.column_config.NumberColumn("Series", format="localized"),
            "seconds": st.column_config.NumberColumn("Median time", format="%.0f s", help="Seconds per series"),
            "model": st.column_config.TextColumn("Model", help="First characters of the SHA-256 of the weights"),
            "settings": st.column_config.TextColumn("Settings", help="Hash of the settings that affect results"),
            "measuring": st.column_config.TextColumn("Measuring code", help="Version of the measuring code"),
        },
        column_order=["last", "series", "seconds", "model", "settings", "measuring"],
    )


def show_next_steps(numbers: services.CohortNumbers) -> None:
    """The next steps for a lead."""
    st.subheader("Next steps")
    if numbers.for_review:
        words = f"{wording.counted(numbers.for_review, 'measurement')} to check before use"
        go.link("pages/worklist.py", label=words, icon=":material/visibility:", query_params={"review": "true"})
    go.link("pages/worklist.py", label="Open the whole worklist", icon=":material/list_alt:")
    if numbers.excluded or numbers.failed:
        go.link("pages/exclusions.py", label="See what was left out and why", icon=":material/filter_alt_off:")
    go.link("pages/agreement.py", label="Compare with QCT", icon=":material/compare_arrows:")
    if may(current_user(), Action.INDEX):
        with st.expander("Index your own CT"):
            index_form.show_index()


st.title("Home")
home_parts.show_run()
numbers = services.cohort_numbers(seen_by=seen_by())
if not numbers.series:
    frame.draw_no_series()
    if may(current_user(), Action.INDEX):
        index_form.show_index()
else:
    index_form.show_index_result()
    home_parts.show_tiles(numbers)
    home_parts.show_changes()
    left, right = st.columns([2.1, 1], gap="large")
    with left:
        show_distribution(numbers)
        show_runs()
    with right:
        show_next_steps(numbers)
