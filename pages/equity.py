"""Equity: who is measured, flagged and followed to the end, by site, sex and age, with intervals."""

from __future__ import annotations

import streamlit as st

from osteo_core.programme.equity import Reach, differs
from osteo_core.programme.prevalence import SUPPRESS_BELOW
from pages.ui import services
from pages.ui.shared import figures, filters, frame, wording
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import show_figure

BY = {"Site": "site", "Sex": "sex", "Age band": "age_band"}
SHARES = ("Measured, of scanned", "Flagged, of measured", "Closed, of flagged")


def show_group(name: str, reach: list[Reach], chosen: services.CohortFilter) -> None:
    """Figure, table and test of one grouping."""
    shares = [[r.measured_share for r in reach], [r.flagged_share for r in reach], [r.closed_share for r in reach]]
    figure = figures.shares_figure([r.group for r in reach], dict(zip(SHARES, shares, strict=True)))
    show_figure(figure, name=f"equity_by_{BY[name]}", chosen=chosen, key=f"equity-{name}")
    st.dataframe(
        [
            {
                name: r.group,
                "n": r.scanned,
                **{words: wording.percent(group[k]) for words, group in zip(SHARES, shares, strict=True)},
            }
            for k, r in enumerate(reach)
        ],
        hide_index=True,
        placeholder="",
        alt="Patients reached by group",
        column_config={"n": st.column_config.NumberColumn("Patients scanned", format="localized")},
    )
    counts = (
        [(r.measured, r.scanned) for r in reach],
        [(r.measured_flagged, r.measured) for r in reach],
        [(r.closed, r.flagged) for r in reach],
    )
    tests = [
        f"{words}: p {wording.p_value(p)}"
        for words, group in zip(SHARES, counts, strict=True)
        if (p := differs(group)) is not None
    ]
    if tests:
        st.caption("Are the groups alike? Pearson's chi-square. " + literal("; ".join(tests)) + ".")


if not services.has_series():
    st.title("Equity")
    frame.draw_no_series()
else:
    chosen = filters.heading("Equity", "equity")
    if not services.cohort_numbers(chosen, seen_by=services.sight_of_figures()).series:
        frame.draw_empty("No patient matches this filter.", icon=":material/search_off:")
    else:
        for tab, (name, by) in zip(st.tabs(list(BY)), BY.items(), strict=True):
            with tab:
                show_group(name, services.equity(chosen, by=by, seen_by=services.sight_of_figures()), chosen)
        st.caption(
            "Each patient counts once, by the latest study. Measured: at least one lumbar level with HU; failures and "
            "exclusions stay in the denominator. Closed: every flag of the patient is not confirmed, no action with "
            "its reason, closed, or contacted at 12 months. A patient flagged for a fracture but not measured "
            f"counts in the last share only. Wilson 95 % intervals; no share below {SUPPRESS_BELOW} people. Flag rates "
            "differ by age and sex because bone density does; the other two shares depend on the programme."
        )
