"""Worklist: who should be looked at, flagged first, with the reason in words; a click opens the patient."""

from __future__ import annotations

import streamlit as st

from osteo_core.terms import Category
from pages.ui import filters, frame, services, wording
from pages.ui.colours import CHIP_COLOURS

ROWS = 25
COLUMNS = ["flag", "category", "vbmd", "age", "sex", "reason", "vendor", "patient", "study_date"]


def choose_page(count: int) -> int:
    """Which page of the list is shown, from 1; also in the address."""
    pages = max(1, -(-count // ROWS))
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = pages
    if pages == 1:
        return 1
    return int(st.number_input(f"Page (of {pages})", 1, pages, key="page", bind="query-params", width=140))


def show_rows(rows: list[dict[str, object]]) -> None:
    """The list; a click on any cell opens that patient."""
    event = st.dataframe(
        [{name: row[name] for name in COLUMNS} for row in rows],
        key="rows",
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "flag": st.column_config.TextColumn("", width=30, help="⚑ flagged, ○ has a review reason"),
            "category": st.column_config.MultiselectColumn(
                "Category",
                options=[c.value for c in Category],
                color=[CHIP_COLOURS[c] for c in Category],
                width=140,
            ),
            "vbmd": st.column_config.TextColumn(f"Mean vBMD, {wording.UNIT}", width=140, help="With its 95 % interval"),
            "reason": st.column_config.TextColumn("Reason", width=350),
            "patient": st.column_config.TextColumn("Patient", width=90, help="First characters of the pseudonym"),
            "age": st.column_config.NumberColumn("Age", format="%.0f", width=50),
            "sex": st.column_config.TextColumn("Sex", width=50),
            "vendor": st.column_config.TextColumn("Vendor", width=105),
            "study_date": st.column_config.DateColumn("Study", format="D MMM YYYY", width=100),
        },
    )
    cells = event["selection"]["cells"]
    if cells:
        frame.open_patient(str(rows[cells[0][0]]["series_key"]))


st.title("Worklist")
if not services.cohort_numbers().series:
    frame.draw_no_series()
else:
    chosen = filters.cohort_filter()
    count = services.worklist_count(chosen)
    if not count:
        frame.draw_empty(
            "No patient fits this filter. Take a part of it away to see more.", icon=":material/search_off:"
        )
    else:
        bar = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute")
        flagged = services.cohort_numbers(chosen).flagged
        bar.markdown(
            f"**{wording.counted(count, 'patient series', 'patient series')}**, {flagged:,} flagged. "
            "Click a row to open the patient."
        )
        with bar:
            page = choose_page(count)
        show_rows(services.worklist(chosen, limit=ROWS, offset=ROWS * (page - 1)))
