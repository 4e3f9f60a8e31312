"""Prevalence: how common osteoporosis and low bone mass are, by sex, age band and vendor, with intervals."""

from __future__ import annotations

import streamlit as st

from osteo_core.programme.standard import EUROPE_2013, STANDARDS, Standardised, StandardPopulation
from pages.ui import services
from pages.ui.comparing.controls import show_controls
from pages.ui.comparing.shares import show_shares
from pages.ui.shared import figures, filters, frame, wording
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import show_figure

BY = {
    "Sex": "sex",
    "Age band": "age_band",
    "Vendor": "vendor",
    "Scanner": "scanner",
    "Site": "site",
    "Period": "period",
}
POPULATIONS = {population.name: population for population in STANDARDS}


def show_group(name: str, by: str, chosen: services.CohortFilter, population: StandardPopulation) -> None:
    """Figure and table of one grouping, with age-standardised rates except by age."""
    sight = services.sight_of_figures()
    rates = services.prevalence(chosen, by=by, seen_by=sight)
    adjusted = {} if by == "age_band" else services.standardised(chosen, by=by, population=population, seen_by=sight)
    show_figure(figures.prevalence_figure(rates), name=f"prevalence_by_{by}", chosen=chosen, key=f"figure-{name}")
    st.dataframe(
        [
            {
                name: rate.group,
                "n": rate.n,
                "missing": rate.missing,
                "osteoporosis": wording.percent(rate.osteoporosis),
                "low bone mass": wording.percent(rate.low_bone_mass),
                **({"standardised": _standardised(adjusted.get(rate.group))} if by != "age_band" else {}),
            }
            for rate in rates
        ],
        hide_index=True,
        placeholder="",
        alt="Prevalence by group",
        column_config={
            "n": st.column_config.NumberColumn("With a category", format="localized", width=105),
            "missing": st.column_config.NumberColumn(
                "Without", format="localized", width=65, help="Excluded, failed, not reportable, or not analyzed yet"
            ),
            "osteoporosis": st.column_config.TextColumn("Osteoporosis (95 % interval)", width=165),
            "low bone mass": st.column_config.TextColumn("Low bone mass (95 % interval)", width=175),
            "standardised": st.column_config.TextColumn(
                "Age-standardised from 50",
                help=f"Osteoporosis, directly, to {population.name}: {population.source}",
            ),
        },
    )


def _standardised(found: tuple[Standardised, Standardised] | None) -> str:
    if found is None:
        return "nobody aged 50 or over"
    return wording.percent(found[0].share) if found[0].share else found[0].why


def show_distribution(chosen: services.CohortFilter) -> None:
    """All measured series of the filter by their vBMD, the limits drawn."""
    st.subheader("Distribution")
    limits = services.limits()
    bins = services.vbmd_bins(chosen, seen_by=services.sight_of_figures())
    figure = figures.distribution_figure(bins, width=services.BIN_MG_CM3, limits=limits)
    show_figure(figure, name="bone_density", chosen=chosen, key="distribution")
    st.caption(
        f"Measured series by mean vBMD; dashed: limits {limits.osteoporosis_below:g} and {limits.normal_above:g} "
        f"{wording.UNIT}. A patient with several series is counted with each."
    )


def show_overall(rate: figures.Rate) -> None:
    """All patients in the filter."""
    columns = st.columns(4)
    for column, name, found in zip(
        columns, ("Osteoporosis", "Low bone mass"), (rate.osteoporosis, rate.low_bone_mass), strict=False
    ):
        value, _, interval = wording.percent(found).partition(" (")
        shown = f"{interval.rstrip(')')} %" if interval else None
        column.metric(
            literal(name),
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
        help="Excluded, failed, not reportable, or not analyzed yet",
    )


if not services.has_series():
    st.title("Prevalence")
    frame.draw_no_series()
else:
    chosen = filters.heading("Prevalence", "prevalence")
    sides = show_controls("prevalence", chosen)
    overall = services.prevalence(chosen, by="all", seen_by=services.sight_of_figures())
    if not overall or not overall[0].n:
        frame.draw_empty(
            "No patient in this filter has a category: nobody matches, nothing was measured, or all are too young.",
            icon=":material/search_off:",
        )
    else:
        show_overall(overall[0])
        controls = st.container(horizontal=True, gap="large")
        name = controls.segmented_control("By", list(BY), required=True, key="by") or "Sex"
        standard = controls.segmented_control("Standard population", list(POPULATIONS), required=True, key="standard")
        population = POPULATIONS.get(standard or "", EUROPE_2013)
        if sides:
            show_shares(sides, by=BY[name], by_words=name, population=population)
        else:
            show_group(name, BY[name], chosen, population)
            show_distribution(chosen)
        limits = services.limits()
        st.caption(
            f"Osteoporosis: mean trabecular vBMD below {limits.osteoporosis_below:g} {wording.UNIT}; low bone mass: "
            f"{limits.osteoporosis_below:g} to {limits.normal_above:g}. "
            "Each patient counts once, by the latest study with a category. Wilson 95 % intervals. "
            "The share is of those scanned and measured, not of a population."
        )
