"""Worklist: who should be reviewed and why, by keyboard or mouse."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.ui import services
from pages.ui.access.users import seen_by
from pages.ui.shared import address, filters, frame, notes, wording
from pages.ui.shared.faults import draw_fault, in_words
from pages.ui.shared.sign_in import while_signed_in
from pages.ui.worklist import call_list, patient_list
from pages.ui.worklist.order import MOST_LISTED, WorkOrder, is_kept, refresh, work_order


def choose_sort() -> tuple[services.Sort, bool]:
    """The sort order of the whole list, and whether the largest comes first; both are in the address."""
    name = st.selectbox(
        "Sort by",
        [sort.value for sort in services.Sort],
        key="sort",
        width=150,
        help="Orders the whole list, not only this page. Urgency: open flags first, then the lowest vBMD first.",
    )
    is_descending = st.toggle("Descending", key="descending")
    return services.Sort(name), bool(is_descending)


def choose_page(order: WorkOrder) -> int:
    """The page of the list, from 1; also in the address."""
    if st.session_state.get("page", 1) > order.pages:
        st.session_state["page"] = order.pages
    if order.pages == 1:
        return 1
    return int(st.number_input(f"Page (of {order.pages:,})", 1, order.pages, key="page", width=140))


def waiting_count(chosen: services.CohortFilter, reader: str | None) -> int:
    """How many more would be listed if their follow-up did not wait for a later day."""
    return services.worklist_count(replace(chosen, snoozed=True), seen_by=reader) if chosen.snoozed is False else 0


def show_counts(order: WorkOrder, chosen: services.CohortFilter) -> None:
    """How many are listed, and whether the store has changed since the list was sorted."""
    flagged = services.cohort_numbers(chosen, seen_by=order.seen_by).flagged
    words = f"**{wording.counted(order.total, 'series', 'series')}** on this list, {flagged:,} flagged."
    if order.total > len(order.keys):
        words += f" The first {MOST_LISTED:,} are shown: narrow the filter or sort differently to see others."
    if order.noted:
        words += f" {len(order.noted):,} noted since the list was sorted."
    if waiting := waiting_count(chosen, order.seen_by):
        words += (
            f" {wording.counted(waiting, 'patient series', 'patient series')} waiting for a later day: see Filters."
        )
    now = services.worklist_count(chosen, seen_by=order.seen_by)
    if now != order.total:
        words += f" {wording.counted(now, 'series', 'series')} match the filter now."
    if hidden := len(services.hidden_series(order.seen_by)):
        words += (
            f" {wording.counted(hidden, 'signed series', 'signed series')} of this store not yet read by you: "
            "lists show the program's result, so that you can read blind."
        )
    st.markdown(words)


@st.fragment
@in_words(draw_fault)
@while_signed_in
def show_list(chosen: services.CohortFilter) -> None:
    """Author, order, page and the list itself; a note redraws only this part."""
    address.write("worklist")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        notes.show_author()
        sort, is_descending = choose_sort()
        order = work_order(chosen, sort=sort, is_descending=is_descending)
        page = choose_page(order)
        st.button(
            "Refresh list",
            icon=":material/refresh:",
            on_click=in_words()(refresh),
            help="Sorts the list again. Until then every patient stays in place, even after a note.",
        )
        call_list.show(order, patient_list.reason_words)
    show_counts(order, chosen)
    patient_list.show(order, page)


if not services.has_series():
    st.title("Worklist")
    frame.draw_no_series()
else:
    chosen = filters.heading("Worklist", "worklist", with_patients=True)
    if not services.worklist_count(chosen, seen_by=seen_by()) and not is_kept(chosen):
        waiting = waiting_count(chosen, seen_by())
        words = "No patient matches this filter. Remove part of it to see more."
        if waiting:
            words = (
                f"Nobody is listed now: {wording.counted(waiting, 'patient series', 'patient series')} waiting for a "
                "later day: see Filters."
            )
        frame.draw_empty(words, icon=":material/search_off:")
    else:
        show_list(chosen)
