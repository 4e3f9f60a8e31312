"""Look up: find patients by their own patient numbers or accession numbers, typed, scanned or pasted."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from osteo_core.errors import UsageError
from pages.ui import services
from pages.ui.access.users import author
from pages.ui.shared import frame, identity, notes, wording
from pages.ui.shared.faults import draw_fault
from pages.ui.shared.literal import literal, literal_code

#: In the session: the last look-up, as a number that reveals nothing.
_ASKED = "look-up-asked"


def show_found(found: services.Found) -> None:
    """For each number, the matching series by patient with links, or a note that there are none."""
    known = sum(bool(series) for _, series in found.by_number)
    st.markdown(f"**{known:,} of {wording.counted(len(found.by_number), 'number')}** found.")
    asked = set[str]()
    for number, series in found.by_number:
        with st.container(border=True):
            if not series:
                st.markdown(f"{literal_code(number)}: no patient or examination in this store.")
                continue
            patients = _by_patient(series)
            if len(patients) > 1:
                st.warning(
                    f"{literal_code(number)} leads to {wording.counted(len(patients), 'patient')}. Check which one "
                    "you mean.",
                    icon=":material/group:",
                )
            for key, own in patients.items():
                _show_patient(number, key, own, asked)


def _by_patient(series: Sequence[services.FoundSeries]) -> dict[str, list[services.FoundSeries]]:
    """The series of each patient, patients with this patient number first."""
    found: dict[str, list[services.FoundSeries]] = {}
    for one in sorted(series, key=lambda one: one.is_by_accession):
        found.setdefault(one.patient_key, []).append(one)
    return found


def _show_patient(number: str, patient_key: str, series: Sequence[services.FoundSeries], asked: set[str]) -> None:
    """One patient's series under the number; ``asked``: series that have their 'Who is it?' on this page already."""
    how = ", by accession number" if all(one.is_by_accession for one in series) else ""
    st.markdown(f"{literal_code(number)}: patient **{wording.short_key(patient_key)}**{how}")
    for one in series:
        _show_series(one, may_ask=one.series_key not in asked)
        asked.add(one.series_key)


def _show_series(one: services.FoundSeries, *, may_ask: bool) -> None:
    result = f"{one.category or one.status}{', as signed' if one.is_read else ''}"
    words = [result, one.follow_state, wording.day(one.study_date)]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "pages/patient.py",
            label=literal(" · ".join(word for word in words if word)),
            icon=":material/person:",
            query_params={"series": one.series_key},
            width="content",
        )
        if may_ask:  # the fields of one series can stand on a page once
            identity.show_reveal(one.series_key)


st.title("Look up")
if not services.has_series():
    frame.draw_no_series()
else:
    notes.show_author()
    typed = st.text_area(
        "Patient numbers or accession numbers",
        key="look-up-numbers",
        placeholder="one per line, or separated by commas",
        help="Numbers are turned into the same keyed hashes as those of the CT and are not stored or written to an "
        "address or a log. Your look-up and the patients found are recorded.",
    )
    st.button("Look up", key="look-up", type="primary", icon=":material/search:")
    if typed.strip():
        try:
            # A step on the page redraws it and looks up again: that is not a new look-up.
            asked = hash((author(), typed))
            found = services.find_patients(typed, is_again=st.session_state.get(_ASKED) == asked)
            st.session_state[_ASKED] = asked
            show_found(found)
        except UsageError as refused:
            draw_fault(refused)
    else:
        st.caption("A barcode scanner works here too. Press Ctrl+Enter or the button to look up the list.")
