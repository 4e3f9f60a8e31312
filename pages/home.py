"""Home: what is in the cohort, what runs, what ran when, and what to do next."""

from __future__ import annotations

import streamlit as st

from pages.ui import figures, frame, services, wording

STAGES = {
    "demo": "Demo cohort (simulating and analysing)",
    "index": "Reading headers",
    "analyse": "Analysing",
    "simulate": "Simulating patients",
}


@st.fragment(run_every=1.0)
def show_progress() -> None:
    """The running analysis with its bar and the time left; redraws the page when new patients are in."""
    progress = services.progress()
    complaint = services.demo_complaint()
    if complaint:
        st.warning(
            f"The demo cohort stopped: {complaint} Start it again with `python -m osteo_core demo`.",
            icon=":material/error:",
        )
    if progress and progress.is_running:
        rate = f"{progress.rate_per_min:.1f} a minute" if progress.rate_per_min else "measuring the rate"
        counted = f"{progress.done:,} of {progress.total:,} steps" if progress.total else "starting"
        st.progress(
            progress.fraction,
            text=f"**{STAGES.get(progress.stage, progress.stage)}**: {counted} · {rate} · "
            f"time left {wording.time_left(progress.eta_s)}",
        )
    elif progress and progress.was_cut_off and not services.demo_is_running():
        left = progress.total - progress.done
        st.info(
            f"A run stopped with {wording.counted(left, 'step')} to go. It carries on where it stopped: "
            f"`{services.resume_command()}`",
            icon=":material/pause_circle:",
        )
    elif services.demo_is_running():
        st.progress(0.0, text="**Demo cohort**: starting; the first patients come within three minutes")
    version = services.version()
    if st.session_state.setdefault("home_version", version) != version:
        st.session_state["home_version"] = version
        st.rerun()


def show_numbers(numbers: services.CohortNumbers) -> None:
    """The cohort in six numbers."""
    columns = st.columns(6)
    columns[0].metric("Patients", f"{numbers.patients:,}", border=True, help=f"{numbers.series:,} series")
    columns[1].metric(
        "Series measured",
        f"{numbers.measured:,}",
        border=True,
        help=f"Of {numbers.series:,} series: at least one lumbar level has HU",
    )
    columns[2].metric(
        "Series flagged",
        f"{numbers.flagged:,}",
        border=True,
        help="Below the osteoporosis limit, or a fracture of grade 2 or more",
    )
    columns[3].metric(
        "Series to review",
        f"{numbers.for_review:,}",
        border=True,
        help="Something should be looked at before the number is used",
    )
    columns[4].metric(
        "Series excluded", f"{numbers.excluded:,}", border=True, help="No answer, with the reason; localisers count too"
    )
    columns[5].metric(
        "Series failed",
        f"{numbers.failed:,}",
        border=True,
        help="Code or machine failed; these stay in every denominator",
    )


def show_distribution(numbers: services.CohortNumbers) -> None:
    """Mean vBMD of the cohort with the limits drawn."""
    st.subheader("Bone density in this cohort")
    bins = services.vbmd_bins()
    if not bins:
        st.caption("No vBMD yet: it appears with the first measured patient.")
        return
    limits = services.limits()
    st.plotly_chart(
        figures.distribution_figure(bins, width=services.BIN_MG_CM3, limits=limits), config={"displayModeBar": False}
    )
    without = numbers.measured - numbers.categorised
    st.caption(
        f"Dashed: limits {limits.osteoporosis_below:g} and {limits.normal_above:g} {wording.UNIT}. "
        f"{wording.counted(without, 'measured series', 'measured series')} without a category. "
        "Mineral and calibration stand with each patient."
    )


def show_runs() -> None:
    """Which models and settings ran when."""
    st.subheader("What ran")
    runs = services.runs()
    if not runs:
        st.caption("Nothing has been analysed yet.")
        return
    st.dataframe(
        runs,
        hide_index=True,
        column_config={
            "last": st.column_config.DatetimeColumn("Last result", format="D MMM YYYY, HH:mm"),
            "series": st.column_config.NumberColumn("Series", format="localized"),
            "seconds": st.column_config.NumberColumn("Median time", format="%.0f s", help="Seconds a series"),
            "model": st.column_config.TextColumn("Model", help="First characters of the SHA-256 over the weights"),
            "settings": st.column_config.TextColumn("Settings", help="Hash over the settings that change results"),
        },
        column_order=["last", "series", "seconds", "model", "settings"],
    )


def show_waiting(count: int) -> None:
    """Series that are indexed and not yet analysed, and what to do unless a run is at work on them."""
    progress = services.progress()
    if not count:
        return
    words = wording.counted(count, "series", "series")
    if progress and progress.is_running:
        st.markdown(f":material/hourglass_top: {words} in the queue")
        return
    st.markdown(f":material/hourglass_empty: {words} not yet analysed:")
    st.code(f"python -m osteo_core analyze{services.store_argument()}", language="bash", wrap_lines=True)


def show_next_steps(numbers: services.CohortNumbers) -> None:
    """What a lead would do now."""
    st.subheader("Next steps")
    if numbers.overdue:
        words = f"See to {wording.counted(numbers.overdue, 'overdue series', 'overdue series')}"
        st.page_link("pages/worklist.py", label=words, icon=":material/alarm:", query_params={"overdue": "true"})
    if numbers.to_review:
        words = f"Review {wording.counted(numbers.to_review, 'flag')} that nobody has looked at"
        st.page_link(
            "pages/worklist.py", label=words, icon=":material/rate_review:", query_params={"state": "to review"}
        )
    if numbers.flagged:
        words = f"Look at {wording.counted(numbers.flagged, 'flagged series', 'flagged series')}"
        st.page_link("pages/worklist.py", label=words, icon=":material/flag:", query_params={"flagged": "true"})
    if numbers.for_review:
        words = f"Review {wording.counted(numbers.for_review, 'series', 'series')}"
        st.page_link("pages/worklist.py", label=words, icon=":material/visibility:", query_params={"review": "true"})
    show_waiting(numbers.waiting)
    st.page_link("pages/worklist.py", label="Open the whole worklist", icon=":material/list_alt:")
    if numbers.excluded or numbers.failed:
        st.page_link("pages/exclusions.py", label="See who was left out", icon=":material/filter_alt_off:")
    st.page_link("pages/agreement.py", label="Compare with QCT", icon=":material/compare_arrows:")
    with st.expander("Bring your own CT"):
        store = services.store_argument()
        st.code(
            f"python -m osteo_core index /path/to/ct{store}\npython -m osteo_core analyze{store}",
            language="bash",
            wrap_lines=True,
        )
        st.caption(
            "Headers are read first; identifiers become keyed hashes on the way in. "
            "New patients appear here by themselves."
        )


st.title("Home")
show_progress()
numbers = services.cohort_numbers()
if not numbers.series:
    frame.draw_no_series()
else:
    show_numbers(numbers)
    left, right = st.columns([2.1, 1], gap="large")
    with left:
        show_distribution(numbers)
        show_runs()
    with right:
        show_next_steps(numbers)
