"""Prevalence of two sides with the differences of their shares."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from osteo_core.programme.standard import StandardPopulation
from pages.ui import services
from pages.ui.shared import figures, frame, wording
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import show_figure


def show_shares(
    sides: tuple[services.Side, services.Side], *, by: str, by_words: str, population: StandardPopulation
) -> None:
    """Both sides in one table with their differences, then both by the chosen grouping."""
    st.subheader("Comparison")
    found = services.compare_shares(*sides, population)
    if found is None:
        frame.draw_empty("One of the sides has no patient with a category: there is nothing to compare.")
        return
    st.dataframe(
        [
            {
                "Figure": line.name,
                "First": wording.percent(line.first),
                "Second": wording.percent(line.second),
                "Difference": wording.points(line.difference),
            }
            for line in found.lines
        ]
        + [
            {"Figure": words, "First": f"{first:,}", "Second": f"{second:,}", "Difference": ""}
            for words, first, second in (
                ("Patients with a category", found.first.n, found.second.n),
                ("Without a category", found.first.missing, found.second.missing),
            )
        ],
        hide_index=True,
        placeholder="",
        alt="Prevalence of both sides",
        column_config={
            "First": st.column_config.TextColumn("First (95 %)"),
            "Second": st.column_config.TextColumn("Second (95 %)"),
            "Difference": st.column_config.TextColumn("First minus second (95 %)"),
        },
    )
    st.caption(literal(how_subtracted(is_paired=found.is_paired, shared=found.shared, of="shares")))
    show_missing(found.lines)
    columns = st.columns(2, gap="large")
    for column, side, name in zip(columns, sides, ("First", "Second"), strict=True):
        with column:
            st.markdown(f"**{literal(name)}**, by {literal(by_words.lower())}")
            rates = services.prevalence(side.cohort, by=by, version=side.version, seen_by=services.sight_of_figures())
            show_figure(
                figures.prevalence_figure(rates),
                name=f"prevalence_{name.lower()}_by_{by}",
                chosen=side.cohort,
                key=f"compared-{name}",
            )


def show_missing(lines: Sequence[services.Line]) -> None:
    """Why a difference has no interval, once per reason."""
    reasons: dict[str, list[str]] = {}
    for line in lines:
        if line.why:
            reasons.setdefault(line.why, []).append(line.name)
    for why, names in reasons.items():
        st.caption(f"No difference with an interval for {', '.join(names)}: {why}.")


def how_subtracted(*, is_paired: bool, shared: int, of: str) -> str:
    """What the intervals of the differences assume."""
    if is_paired:
        return (
            f"The same patients under two versions. Differences of {of} have an interval for paired values "
            "(shares: Newcombe 1998, paired; bias: Student's t), of the patients that both versions measured."
        )
    words = "Differences of different people by square-and-add (Zou and Donner 2008; for shares Newcombe 1998)."
    if shared:
        words += (
            f" {wording.counted(shared, 'patient')} {'is' if shared == 1 else 'are'} on both sides: "
            "the intervals of the differences are then too wide."
        )
    return words
