"""Reveals a patient's identity on request, with a reason: shown once, hidden again at the next step."""

from __future__ import annotations

import streamlit as st

from osteo_core.errors import UsageError
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import author, current_user
from pages.ui.shared.faults import draw_fault
from pages.ui.shared.literal import literal_cells


def show_reveal(series_key: str) -> None:
    """The request for a reason behind a button, and the answer; for permitted users."""
    user = current_user()
    if not may(user, Action.REVEAL):
        return
    is_allowed = services.may_see_identity(user, author())
    help_ = (
        "Reads the source header now. The access and its reason are recorded; the name is not."
        if is_allowed
        else "For people named in this site's setting identity_readers, by the name under 'Noted by'"
    )
    with st.popover("Who is it?", icon=":material/badge:", disabled=not is_allowed, help=help_, width="content"):
        reason = st.text_input("Why do you need to know?", key=f"who-reason-{series_key}", placeholder="recorded")
        asked = st.button("Show", key=f"who-show-{series_key}", type="primary", disabled=not is_allowed)
        st.caption("Read just now; hidden again at your next step.")
        if asked:
            _show(series_key, author=author(), reason=reason)


def _show(series_key: str, *, author: str, reason: str) -> None:
    try:
        who = services.reveal(series_key, author=author, reason=reason)
    except UsageError as refused:
        draw_fault(refused)
        return
    rows = {
        "Patient number": who.patient_id,
        "Name": who.name,
        "Birth date": who.birth_date,
        "Accession number": who.accession,
        "Referring physician": who.referring_physician,
        "Study UID": who.study_instance_uid,
    }
    st.table(
        literal_cells([{"": words, " ": value or "not in the header"} for words, value in rows.items()]),
        hide_index=True,
        hide_header=True,
        alt="Who the patient is",
    )
    st.caption(
        "The source files are gone: this comes from this site's encrypted table, as the header was when it was indexed."
        if who.is_kept
        else "From the source header."
    )
