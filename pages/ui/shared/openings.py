"""Records one event per opening of a series, however often its page is drawn and wherever its CT was first
requested.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import services

#: In the session: series, reader, and whether a signed read was shown, of the last opening that was noted.
_OPENED = "opened"


def note_opening(series_key: str, *, reader: str, shows_read: bool, version: str) -> None:
    """Record that a reader sees this series, and whether a signed read; not if the last event already says so."""
    last = st.session_state.get(_OPENED)
    if last in ((series_key, reader, shows_read), (series_key, reader, True)):
        return
    services.note_opened(series_key, reader=reader, shows_read=shows_read, version=version)
    st.session_state[_OPENED] = (series_key, reader, shows_read)
