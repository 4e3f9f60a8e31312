"""The reader's screen as a Streamlit component, without an iframe: built once per series, however often the page
reruns.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.shared.faults import in_words
from pages.ui.viewer.review_routes import script_address

_FOLDER = Path(__file__).parent
#: The scripts themselves come from a route (review_routes.py); this only finds the host element and hands data over.
_JS = """
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector('.reader')
  const scripts = import(new URL(data.script, window.location.origin).href)
  scripts.then(({ show }) => show(root, data, (name, value) => setTriggerValue(name, value)))
  return () => scripts.then(({ leave }) => leave(root))
}
"""


def _part(suffix: str) -> str:
    return (_FOLDER / f"reader{suffix}").read_text(encoding="utf-8")


_component = st.components.v2.component("reader", html=_part(".html"), css=_part(".css"), js=_JS)


@in_words()
def _acted() -> None:
    """What the reader did is read where the screen is drawn."""


def show_reader(data: Mapping[str, Any]) -> Any:
    """Draw the screen; returns the reader's last action (saved, signed, asked for another patient), None at first."""
    given = {**data, "script": script_address("screen.js")}
    return _component(key="reader", data=given, on_act_change=_acted).act
