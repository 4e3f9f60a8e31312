"""The page shown in the session: every change of page is a new visit."""

from __future__ import annotations

import streamlit as st

#: The page that was shown before this one, and a number that grows with every change of page.
CAME_FROM, VISIT, _PAGE = "came_from", "visit", "page_shown"


def begin(page: str) -> bool:
    """Note that ``page`` is drawn now; returns whether another one was shown before."""
    before = st.session_state.get(_PAGE)
    if before == page:
        return False
    st.session_state[CAME_FROM], st.session_state[_PAGE] = before, page
    st.session_state[VISIT] = st.session_state.get(VISIT, 0) + 1
    return True
