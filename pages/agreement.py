"""Agreement with QCT: scatter and Bland-Altman, per vendor and overall, with intervals."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.plotly_chart import PlotlyState

from pages.ui import agreement_figures, filters, frame, services, wording

HOW = """PatientID,Level,vBMD_mg_cm3,Mineral,Source,Simulated
SIM-000123,L1,92.4,K2HPO4,QCT phantom,true
SIM-000123,,88.1,K2HPO4,QCT phantom,true"""


def show_import() -> None:
    """How QCT values come in."""
    st.markdown("QCT values come from a CSV file with these columns (`Level` blank for the patient's mean):")
    st.code(HOW, language=None)
    st.code(f"python -m osteo_core reference /path/to/qct.csv{services.store_argument()}", language="bash")
    st.caption("`PatientID` is turned into the same keyed hash as the CT's on the way in; it is not stored.")


def show_table(rows: list[agreement_figures.Agreement]) -> None:
    """The figures behind the pictures."""
    st.dataframe(
        [
            {
                "Group": row.group,
                "n": row.n,
                "r": wording.estimate(row.r, digits=3),
                "Bias": wording.estimate(row.bias, digits=1),
                "Lower limit": wording.estimate(row.lower_limit, digits=1),
                "Upper limit": wording.estimate(row.upper_limit, digits=1),
            }
            for row in rows
        ],
        hide_index=True,
        column_config={
            "r": st.column_config.TextColumn("Pearson r (95 %)"),
            "Bias": st.column_config.TextColumn(f"Bias, {wording.UNIT} (95 %)", help="This CT minus QCT"),
            "Lower limit": st.column_config.TextColumn(f"Lower limit, {wording.UNIT} (95 %)"),
            "Upper limit": st.column_config.TextColumn(f"Upper limit, {wording.UNIT} (95 %)"),
        },
    )


def open_clicked(event: PlotlyState) -> None:
    """A click on a point opens its patient."""
    points = event["selection"]["points"]
    if points and points[0].get("customdata"):
        frame.open_patient(points[0]["customdata"][3])


def show_pairs(
    pairs: list[agreement_figures.Pair], rows: list[agreement_figures.Agreement], *, controls: DeltaGenerator
) -> None:
    """Pictures of one group beside each other."""
    names = [row.group for row in rows]
    group = (
        controls.segmented_control("Show", names, default=names[0], required=True, key="group", bind="query-params")
        or names[0]
    )
    row = next(row for row in rows if row.group == group)
    chosen = pairs if row is rows[0] else [pair for pair in pairs if pair.vendor == group]
    left, right = st.columns(2, gap="large")
    left.subheader("Scatter")
    scatter = agreement_figures.scatter_figure(chosen)
    open_clicked(left.plotly_chart(scatter, key="scatter", on_select="rerun", selection_mode="points"))
    right.subheader("Bland-Altman")
    difference = agreement_figures.bland_altman_figure(chosen, row)
    open_clicked(right.plotly_chart(difference, key="bland-altman", on_select="rerun", selection_mode="points"))
    if row.bias is None:
        st.caption(f"{group}: {wording.counted(row.n, 'pair')}: too few for a bias with its interval.")


st.title("Agreement with QCT")
if not services.cohort_numbers().series:
    frame.draw_no_series()
else:
    chosen = filters.cohort_filter(with_category=False)
    controls = st.container(horizontal=True, gap="large")
    unit = controls.segmented_control(
        "Compare",
        ["Patient mean", "Single levels"],
        default="Patient mean",
        required=True,
        key="unit",
        bind="query-params",
    )
    by_level = unit == "Single levels"
    pairs = services.agreement_pairs(chosen, by_level=by_level)
    if not pairs:
        frame.draw_empty("No measured patient in this filter has a QCT value yet.", icon=":material/compare_arrows:")
        show_import()
    else:
        rows = services.agreement(pairs)
        show_pairs(pairs, rows, controls=controls)
        show_table(rows)
        st.caption(
            "Click a point to open its patient. Differences are this CT minus QCT. "
            "Limits of agreement: bias ± 1.96 SD, intervals after Bland and Altman 1999. "
            + (
                "Levels of one patient are not independent, so these intervals are too narrow."
                if by_level
                else "One value a patient."
            )
        )
        with st.expander("Import QCT values"):
            show_import()
