"""Going to another page from code: the browser moves as if a link had been followed, with one entry in its history."""

from __future__ import annotations

import uuid

import streamlit as st

#: Streamlit follows the address on popstate; st.switch_page would write the query into the address of this page first.
_JS = """
let gone = null;
export default function ({ data }) {
  if (gone === data.token) return;
  gone = data.token;
  window.history.pushState({}, "", data.to);
  window.dispatchEvent(new PopStateEvent("popstate"));
}
"""
_component = st.components.v2.component("go", js=_JS)


def to(address: str) -> None:
    """Let the browser go to ``address``, relative to the app: 'patient?series=...'."""
    token = uuid.uuid4().hex
    _component(key=f"go-{token}", data={"to": address, "token": token}, height=1)
