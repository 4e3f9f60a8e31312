"""Help on the page's keys on "?", and a first Tab that skips the menu."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui.shared.notes import REVIEWS

_component = st.components.v2.component("page_keys", js=(Path(__file__).parent / "keys.js").read_text(encoding="utf-8"))
_EVERYWHERE = (
    ("?", "Show or hide these keys"),
    ("Tab", "First press: skip the menu; then move from control to control"),
)
#: What the keys of a page do, by its path; the patient's page has its own help.
KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "worklist": (
        (
            "↓ ↑ or j k",
            "Select the next or the previous patient; the first ↓ after a note keeps the patient that is selected next",
        ),
        *((key, f"Note for the selected or ticked patients: {state.value}") for state, key in REVIEWS),
        ("m", "Every other step: report, refer, DXA, treatment, contact, assign, wait, close"),
        ("u", "Undo the last note; nothing is erased, the undo is recorded"),
        ("Space", "Tick the selected patient, to add one note to several"),
        ("o or Enter", "Open the selected patient"),
        ("Page Down, Page Up", "Next or previous page of the list"),
    ),
}


def show(page: str) -> None:
    """Listen for "?" on this page unless it has its own help, and offer to skip the menu."""
    keys = None if page == "patient" else [*KEYS.get(page, ()), *_EVERYWHERE]
    _component(key="page-keys", data={"keys": keys, "page": page}, height=1)
