"""Agreement with QCT: scatter and Bland-Altman, every figure with its interval, the 3x3 table, and the import."""

from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.plotly_chart import PlotlyState

from osteo_core.programme.comparison import CLASSES, Comparison
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import current_user
from pages.ui.agreement import figures as agreement_figures
from pages.ui.agreement import qct_import, site_lines
from pages.ui.agreement.figures import MOST_POINTS, Pairs, Place, Zoom, on_bland_altman, on_scatter, within
from pages.ui.agreement.readers import show_corrections, show_readers
from pages.ui.comparing.agreement import show_agreement
from pages.ui.comparing.controls import show_controls
from pages.ui.shared import address, filters, frame, wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import show_taking


def show_table(rows: list[Comparison]) -> None:
    """The main figures of each group beside each other."""
    st.dataframe(
        [
            {
                "Group": row.group,
                "n": row.n,
                "r": wording.estimate(row.figures.get("Pearson r"), digits=3),
                "Bias": wording.estimate(row.figures.get("Bias"), digits=1),
                "Lower limit": wording.estimate(row.lower_limit, digits=1),
                "Upper limit": wording.estimate(row.upper_limit, digits=1),
                "ICC": wording.estimate(row.figures.get("ICC(2,1)"), digits=3),
                "RMSE": wording.estimate(row.figures.get("RMSE"), digits=1),
            }
            for row in rows
        ],
        hide_index=True,
        placeholder="",
        alt="Agreement by group",
        column_config={
            "r": st.column_config.TextColumn("Pearson r (95 %)", width=150),
            "Bias": st.column_config.TextColumn(f"Bias, {wording.UNIT} (95 %)", help="This CT minus QCT"),
            "Lower limit": st.column_config.TextColumn(f"Lower limit, {wording.UNIT} (95 %)"),
            "Upper limit": st.column_config.TextColumn(f"Upper limit, {wording.UNIT} (95 %)"),
            "ICC": st.column_config.TextColumn(
                "ICC(2,1) (95 %)", width=150, help="Absolute agreement of single values"
            ),
            "RMSE": st.column_config.TextColumn(f"RMSE, {wording.UNIT} (95 %)"),
        },
    )


def show_figure(
    place: DeltaGenerator,
    name: str,
    pairs: Pairs,
    where: Place,
    draw: Callable[[Pairs, Zoom | None], go.Figure],
    *,
    chosen: services.CohortFilter,
) -> None:
    """One figure: a click on a point opens its patient; where there are too many points, a box leads to its own."""
    kept = f"zoom-{name}"
    zoom: Zoom | None = st.session_state.get(kept)
    shown = pairs if zoom is None else within(pairs, zoom, where)
    is_counted = len(shown) > MOST_POINTS
    # Selections belong to what is drawn: another part of the figure is another chart.
    key = name if zoom is None else f"{name}-{zoom.x}-{zoom.y}"
    figure = draw(shown, zoom)
    event = place.plotly_chart(figure, key=key, on_select="rerun", selection_mode="box" if is_counted else "points")
    with place:
        show_taking(figure, name=f"agreement_{name.replace('-', '_')}", chosen=chosen, key=key)
    if zoom is not None:
        line = place.container(horizontal=True, vertical_alignment="center")
        line.caption(f"{len(shown):,} of {len(pairs):,} pairs are in the box.")
        line.button("Show all", key=f"all-{name}", icon=":material/zoom_out_map:", on_click=_forget, args=(kept,))
    if is_counted:
        place.caption(
            f"{len(shown):,} pairs: the colour shows how many pairs lie in each cell. Draw a box to show single points."
        )
        _zoom_in(kept, event)
        return
    points = event["selection"]["points"]
    if points and points[0].get("customdata"):
        frame.open_patient(points[0]["customdata"][1])


def _zoom_in(kept: str, event: PlotlyState) -> None:
    """Only the limits of a drawn box are kept; the points are looked up again by them."""
    boxes = event["selection"]["box"]
    if boxes:
        (x0, x1), (y0, y1) = boxes[0]["x"], boxes[0]["y"]
        st.session_state[kept] = Zoom(x=(min(x0, x1), max(x0, x1)), y=(min(y0, y1), max(y0, y1)))
        st.rerun()


@in_words()
def _forget(kept: str) -> None:
    st.session_state.pop(kept, None)


def show_pairs(pairs: Pairs, row: Comparison, chosen: services.CohortFilter) -> None:
    """Pictures of one group beside each other."""
    left, right = st.columns(2, gap="large")
    left.subheader("Scatter")
    show_figure(
        left,
        "scatter",
        pairs,
        on_scatter,
        lambda some, zoom: agreement_figures.scatter_figure(some, row.lines, zoom),
        chosen=chosen,
    )
    right.subheader("Bland-Altman")
    show_figure(
        right,
        "bland-altman",
        pairs,
        on_bland_altman,
        lambda some, zoom: agreement_figures.bland_altman_figure(some, row, zoom),
        chosen=chosen,
    )
    if row.bland_altman is None:
        st.caption(f"{literal(row.group)}: {wording.counted(row.n, 'pair')}: too few for a bias with its interval.")


def _statistic_rows(row: Comparison) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {
            "Figure": wording.figure(name),
            "Value (95 %)": wording.estimate(e, digits=wording.figure_digits(name)),
            "n": e.n,
            "How": e.method,
        }
        for name, e in row.figures.items()
    ]
    for name, line in row.lines.items():
        for part, e in (("slope", line.slope), ("intercept", line.intercept)):
            digits, unit = (3, "") if part == "slope" else (1, f", {wording.UNIT}")
            rows.append(
                {
                    "Figure": f"{name}, {part}{unit}",
                    "Value (95 %)": wording.estimate(e, digits=digits),
                    "n": e.n,
                    "How": e.method,
                }
            )
    found = row.bland_altman
    if found and found.proportional_bias and found.proportional_p is not None:
        rows.append(
            {
                "Figure": "Proportional bias, slope",
                "Value (95 %)": wording.estimate(found.proportional_bias, digits=3),
                "n": found.n,
                "How": f"{found.proportional_bias.method}, p {wording.p_value(found.proportional_p)}",
            }
        )
    return rows


def show_statistics(row: Comparison) -> None:
    """Every statistic of the group, or why it is missing."""
    st.subheader(f"Statistics: {literal(row.group)}")
    st.dataframe(
        _statistic_rows(row),
        hide_index=True,
        placeholder="",
        alt="Statistics of the group",
        height="content",
        column_config={"Figure": st.column_config.TextColumn(width=230)},
    )
    for name, why in row.missing.items():
        st.caption(literal(f"{name}: {why}."))
    st.subheader(f"Categories: {literal(row.group)}")
    st.dataframe(
        [
            {"QCT": c.value, **{f"CT {d.value}": int(row.table[i, j]) for j, d in enumerate(CLASSES)}}
            for i, c in enumerate(CLASSES)
        ],
        hide_index=True,
        placeholder="",
        alt="Categories by QCT and by CT",
        width="content",
    )
    limits = services.limits()
    st.caption(
        f"Rows: QCT, columns: this CT; limits {limits.osteoporosis_below:g} and {limits.normal_above:g} {wording.UNIT}."
    )


def choose_unit(controls: DeltaGenerator) -> bool:
    """Whether single levels are compared instead of patient means."""
    unit = controls.segmented_control(
        "Compare",
        ["Patient mean", "Single levels"],
        required=True,
        key="unit",
    )
    return unit == "Single levels"


def choose_mineral(controls: DeltaGenerator, pairs: Pairs) -> Pairs:
    """The pairs in one mineral; if there are two, the user chooses."""
    minerals = pairs.minerals()
    if len(minerals) == 1:
        return pairs
    address.choice("mineral", minerals, words="mineral")
    chosen = controls.segmented_control("Mineral", minerals, required=True, key="mineral", format_func=literal)
    counts = ", ".join(f"{len(pairs.in_mineral(one)):,} in {one}" for one in minerals)
    st.caption(f"Pairs: {literal(counts)}. The two are different scales, so they are never shown in one figure.")
    return pairs.in_mineral(chosen or minerals[0])


if not services.has_series():
    st.title("Agreement with QCT")
    frame.draw_no_series()
else:
    chosen = filters.heading("Agreement with QCT", "agreement")
    sides = show_controls("agreement", chosen)
    if done := st.session_state.pop("qct-done", ""):
        st.success(literal(done), icon=":material/check:")
    controls = st.container(horizontal=True, gap="large")
    by_level = choose_unit(controls)
    if sides:
        show_agreement(sides, by_level=by_level)
    elif not len(pairs := services.agreement_pairs(chosen, by_level=by_level)):
        frame.draw_empty(
            "No level used in this filter has a QCT value of its own in the mineral of its vBMD yet; patient means may."
            if by_level
            else "No measured patient in this filter has a QCT value in the mineral of its vBMD yet.",
            icon=":material/compare_arrows:",
        )
        qct_import.show_import()
        qct_import.show_imports()
        if services.used_lines():  # a line stays in use when the values that it was made from are withdrawn
            site_lines.show_site_lines()
    else:
        pairs = choose_mineral(controls, pairs)
        everybody = services.ALL_VENDORS
        names = [everybody, *pairs.vendors()]
        address.choice("group", names, words="group")
        group = controls.segmented_control("Show", names, required=True, key="group", format_func=literal) or everybody
        rows = services.agreement(pairs, shown=group)
        row = next(one for one in rows if one.group == group)
        show_pairs(pairs if group == everybody else pairs.of(group), row, chosen)
        show_table(rows)
        show_statistics(row)
        st.caption(
            "Click a point to open its patient. Differences are this CT minus QCT. Limits of agreement: bias ± "
            "1.96 SD, intervals after Bland and Altman 1999. Lines: regression of CT on QCT. "
            + (
                "Levels of one patient are not independent: the intervals of bias, r, ICC, concordance, RMSE and MAE "
                "come from a jackknife over patients; the other intervals are too narrow."
                if by_level
                else "One value per patient."
            )
        )
        if may(current_user(), Action.IMPORT_QCT):
            with st.expander("Import QCT values"):
                qct_import.show_import()
        qct_import.show_imports()
        site_lines.show_site_lines()
    show_readers()
    show_corrections()
