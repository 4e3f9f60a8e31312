"""Agreement with QCT of two sides, and two versions compared in the same patients."""

from __future__ import annotations

import numpy as np
import streamlit as st

from osteo_core.programme.comparison import CLASSES
from osteo_core.terms import Category
from pages.ui import services
from pages.ui.agreement.figures import Zoom, bland_altman_figure, on_bland_altman
from pages.ui.comparing.shares import how_subtracted, show_missing
from pages.ui.shared import frame, wording
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import show_figure


def show_agreement(sides: tuple[services.Side, services.Side], *, by_level: bool) -> None:
    """The whole comparison."""
    st.subheader("Comparison")
    found = services.compare_agreement(*sides, by_level=by_level)
    if not all(len(pairs) for pairs in found.pairs):
        frame.draw_empty(
            "One of the sides has no level with a QCT value of its own: agreement cannot be compared by level."
            if by_level
            else "One of the sides has no measured patient with a QCT value: agreement cannot be compared."
        )
    else:
        _say_minerals(found)
        _show_lines(found)
        zoom = _same_axes(found)
        columns = st.columns(2, gap="large")
        for column, side, name, pairs, row in zip(
            columns, sides, ("First", "Second"), found.pairs, found.compared, strict=True
        ):
            with column:
                st.markdown(f"**{literal(name)}**, Bland-Altman")
                show_figure(
                    bland_altman_figure(pairs, row, zoom),
                    name=f"agreement_{name.lower()}",
                    chosen=side.cohort,
                    key=f"compared-{name}",
                )
    first, second = sides
    if first.cohort == second.cohort and first.version != second.version:
        _show_versions(first, second)


def _say_minerals(found: services.Agreements) -> None:
    """A warning if a side holds values in two minerals."""
    for name, pairs in zip(("first", "second"), found.pairs, strict=True):
        if len(minerals := pairs.minerals()) > 1:
            counts = " and ".join(f"{len(pairs.in_mineral(one)):,} in {one}" for one in minerals)
            words = f"The {name} side mixes two minerals, which are different scales: {counts}."
            st.warning(literal(words), icon=":material/warning:")


def _same_axes(found: services.Agreements) -> Zoom:
    """Limits that hold both figures, so that they can be compared by eye."""
    x, y = (np.concatenate(one) for one in zip(*map(on_bland_altman, found.pairs), strict=True))
    limits = [e for row in found.compared for e in (row.lower_limit, row.upper_limit) if e]
    ys = [float(y.min()), float(y.max()), *(e.low for e in limits), *(e.high for e in limits)]
    edge_x, edge_y = 0.05 * float(np.ptp(x)) + 1, 0.05 * (max(ys) - min(ys)) + 1
    return Zoom(x=(float(x.min()) - edge_x, float(x.max()) + edge_x), y=(min(ys) - edge_y, max(ys) + edge_y))


def _show_lines(found: services.Agreements) -> None:
    rows = [
        {
            "Figure": wording.figure(line.name),
            "First": wording.estimate(line.first, digits=wording.figure_digits(line.name)),
            "Second": wording.estimate(line.second, digits=wording.figure_digits(line.name)),
            "Difference": wording.difference(line.difference, digits=wording.figure_digits(line.name)),
        }
        for line in found.lines
    ]
    counts = [len(pairs) for pairs in found.pairs]
    rows.append({"Figure": "Pairs", "First": f"{counts[0]:,}", "Second": f"{counts[1]:,}", "Difference": ""})
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="",
        alt="Agreement of both sides",
        height="content",
        column_config={
            "First": st.column_config.TextColumn("First (95 %)"),
            "Second": st.column_config.TextColumn("Second (95 %)"),
            "Difference": st.column_config.TextColumn("First minus second (95 %)"),
        },
    )
    st.caption(literal(how_subtracted(is_paired=found.is_paired, shared=found.shared, of="biases")))
    show_missing(found.lines)


def _show_versions(first: services.Side, second: services.Side) -> None:
    st.subheader("First against second, the same patients")
    both = services.compare_versions(first.cohort, first.version, second.version)
    if both.other_mineral:
        st.warning(
            f"{wording.counted(both.other_mineral, 'patient')} left out of the values: the two versions give them in "
            "different minerals, and nothing is converted.",
            icon=":material/info:",
        )
    if not len(both.pairs):
        frame.draw_empty("No patient was measured under both versions in one mineral.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        show_figure(
            bland_altman_figure(both.pairs, both.compared, difference="first minus second"),
            name="agreement_of_versions",
            chosen=first.cohort,
            key="compared-versions",
        )
    with right:
        _show_both(both)
    st.caption(
        f"{wording.counted(len(both.pairs), 'patient')}, one series each: the latest study that both measured. "
        "Bias: first minus second. Shares: first minus second of "
        f"{wording.counted(both.judged, 'patient')} with a category under both versions. The table classifies the "
        "mean vBMD of each version by the limits."
    )


def _show_both(both: services.Both) -> None:
    """Figures and categories of two versions of the same patients."""
    found = both.compared
    named = {
        "Bias": found.figures.get("Bias"),
        "Lower limit": found.lower_limit,
        "Upper limit": found.upper_limit,
    } | {name: found.figures.get(name) for name in ("Pearson r", "ICC(2,1)", "RMSE", "Kappa, quadratic weights")}
    st.dataframe(
        [
            {
                "Figure": wording.figure(name),
                "Value (95 %)": wording.estimate(value, digits=wording.figure_digits(name)),
            }
            for name, value in named.items()
        ]
        + [
            {
                "Figure": f"{category.value.capitalize()}, share",
                "Value (95 %)": wording.points(both.shares[category]),
            }
            for category in (Category.OSTEOPOROSIS, Category.LOW_BONE_MASS)
            if category in both.shares
        ],
        hide_index=True,
        placeholder="",
        alt="First against second",
        height="content",
    )
    st.dataframe(
        [
            {"Second": c.value, **{f"first {d.value}": int(found.table[i, j]) for j, d in enumerate(CLASSES)}}
            for i, c in enumerate(CLASSES)
        ],
        hide_index=True,
        placeholder="",
        alt="Categories of both versions",
    )
