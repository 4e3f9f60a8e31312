"""When this browser last visited this store: kept by the browser itself, so that no name and no record is needed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from pages.ui import services
from pages.ui.shared.faults import in_words

_component = st.components.v2.component(
    "last_visit", js=(Path(__file__).parent / "visit.js").read_text(encoding="utf-8")
)


@in_words()
def _changed() -> None:
    """The value itself is read where the component is drawn."""


def last_visit() -> datetime | None:
    """The minute in which this browser's previous visit ended; None at the first visit, and until the browser has
    answered. A whole minute, so that a repeated question is answered from the cache.

    Drawn in a fragment: the browser's answer draws that fragment anew, and nothing else.
    """
    store = hashlib.sha256(str(services.settings().store.resolve()).encode()).hexdigest()[:12]
    known = st.session_state.get(f"visit-{store}", {}).get("before_ms")
    found = _component(
        key=f"visit-{store}", data={"store": store, "known": known}, on_before_ms_change=_changed, height=1
    ).before_ms
    return datetime.fromtimestamp(found // 60_000 * 60, UTC) if found else None
