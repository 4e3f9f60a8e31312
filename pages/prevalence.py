"""Prevalence: how common osteoporosis and low bone mass are, by sex, age band and vendor, with intervals."""

from __future__ import annotations

import streamlit as st

from pages.ui import figures, filters, frame, services, wording

BY = {"Sex": "sex", "Age band": "age_band", "Vendor": "vendor"}


def show_group(name: str, rates: list[figures.Rate]) -> None:
    """Figure and table of one grouping."""
    st.plotly_chart(figures.prevalence_figure(rates), config={"displayModeBar": False}, key=f"figure-{name}")
    st.dataframe(
        [
            {
                name: rate.group,
                "n": rate.n,
                "missing": rate.missing,
                "osteoporosis": wording.percent(rate.osteoporosis),
                "low bone mass": wording.percent(rate.low_bone_mass),
            }
            for rate in rates
        ],
        hide_index=True,
        column_config={
            "n": st.column_config.NumberColumn("With a category", format="localized"),
            "missing": st.column_config.NumberColumn(
                "Without", format="localized", help="Excluded, failed or not reportable"
            ),
            "osteoporosis": st.column_config.TextColumn("Osteoporosis (95 % interval)"),
            "low bone mass": st.column_config.TextColumn("Low bone mass (95 % interval)"),
        },
    )


def show_overall(rate: figures.Rate) -> None:
    """Everybody in the filter."""
    columns = st.columns(4)
    for column, name, found in zip(
        columns, ("Osteoporosis", "Low bone mass"), (rate.osteoporosis, rate.low_bone_mass), strict=False
    ):
        value, _, interval = wording.percent(found).partition(" (")
        shown = f"{interval.rstrip(')')} %" if interval else None
        column.metric(
            name,
            value,
            delta=shown,
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="Share of those with a category; below it the Wilson 95 % interval",
        )
    columns[2].metric("With a category", f"{rate.n:,}", border=True, height="stretch")
    columns[3].metric(
        "Without a category",
        f"{rate.missing:,}",
        border=True,
        height="stretch",
        help="Excluded, failed or not reportable",
    )


st.title("Prevalence")
if not services.cohort_numbers().series:
    frame.draw_no_series()
else:
    chosen = filters.cohort_filter(with_category=False)
    overall = services.prevalence(chosen, by="all")
    if not overall or not overall[0].n:
        frame.draw_empty(
            "Nobody in this filter has a category: nobody fits, nothing was measured, or all are too young.",
            icon=":material/search_off:",
        )
    else:
        show_overall(overall[0])
        for tab, (name, by) in zip(st.tabs(list(BY)), BY.items(), strict=True):
            with tab:
                show_group(name, services.prevalence(chosen, by=by))
        limits = services.limits()
        st.caption(
            f"Osteoporosis: mean trabecular vBMD below {limits.osteoporosis_below:g} {wording.UNIT}; low bone mass: "
            f"{limits.osteoporosis_below:g} to {limits.normal_above:g}. "
            "One patient counts once, by the latest study that has a category. Wilson 95 % intervals. "
            "The share is of those scanned and measured, not of a population."
        )
