"""Worklist: who should be looked at, open flags first, with the reason in words; all of it from the keyboard."""

from __future__ import annotations

from typing import Any

import streamlit as st

from osteo_core.terms import Category
from pages.ui import services
from pages.ui.shared import filters, frame, notes, wording
from pages.ui.shared.colours import CHIP_COLOURS

ROWS = 25
COLUMNS = ["flag", "category", "vbmd", "state", "due", "age", "sex", "reason", "vendor", "patient", "study_date"]
HELP = (
    "Arrow keys move through the list. **o** opens the patient under the cursor, **y** confirms, **n** does not "
    "confirm, **a** asks for another scan. Tick several rows and what is noted goes to all of them."
)


def choose_page(count: int) -> int:
    """Which page of the list is shown, from 1; also in the address."""
    pages = max(1, -(-count // ROWS))
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = pages
    if pages == 1:
        return 1
    page = int(st.number_input(f"Page (of {pages:,})", 1, pages, key="page", bind="query-params", width=140))
    filters.keep(("page",))
    return page


def show_rows(rows: list[dict[str, Any]]) -> Any:
    """The list; returns the ticked rows and the row under the cursor."""
    event = st.dataframe(
        [{name: row[name] for name in COLUMNS} for row in rows],
        key="rows",
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        column_config={
            "flag": st.column_config.TextColumn("", width=30, help="⚑ flagged, ○ has a review reason"),
            "category": st.column_config.MultiselectColumn(
                "Category",
                options=[c.value for c in Category],
                color=[CHIP_COLOURS[c] for c in Category],
                width=130,
            ),
            "vbmd": st.column_config.TextColumn("Mean vBMD", width=100, help=f"{wording.UNIT}, with its 95 % interval"),
            "reason": st.column_config.TextColumn("Reason", width=290),
            "state": st.column_config.TextColumn("Follow-up", width=110, help="What was last noted about the flag"),
            "due": st.column_config.TextColumn("Due", width=95, help="When the next thing must have happened"),
            "patient": st.column_config.TextColumn("Patient", width=80, help="First characters of the pseudonym"),
            "age": st.column_config.NumberColumn("Age", format="%.0f", width=45),
            "sex": st.column_config.TextColumn("Sex", width=40),
            "vendor": st.column_config.TextColumn("Vendor", width=100),
            "study_date": st.column_config.DateColumn("Study", format="D MMM YYYY", width=95),
        },
    )
    return event["selection"]


def show_list(chosen: services.CohortFilter, count: int) -> None:
    """Count, page, buttons and the list; the buttons stand above, what they act on is chosen below."""
    flagged = services.cohort_numbers(chosen).flagged
    st.markdown(f"**{wording.counted(count, 'patient series', 'patient series')}**, {flagged:,} flagged", help=HELP)
    top = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute")
    bar = top.container(horizontal=True, vertical_alignment="bottom", width="content")
    side = top.container(horizontal=True, vertical_alignment="bottom", width="content")
    with side:
        notes.show_author()
        page = choose_page(count)
    rows = services.worklist(chosen, limit=ROWS, offset=ROWS * (page - 1))
    picked = notes.chosen_rows(rows, show_rows(rows))
    with bar:
        notes.open_button(picked, frame.open_patient)
        notes.show_answers(picked)
        notes.show_more_notes(picked, key="list")
    st.caption(HELP)


st.title("Worklist")
if not services.cohort_numbers().series:
    frame.draw_no_series()
else:
    chosen = filters.cohort_filter(also=("page",))
    count = services.worklist_count(chosen)
    if not count:
        frame.draw_empty(
            "No patient fits this filter. Take a part of it away to see more.", icon=":material/search_off:"
        )
    else:
        show_list(chosen, count)
