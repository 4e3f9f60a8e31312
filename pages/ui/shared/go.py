"""Navigation: by a link if the role allows it, or from code as if a link had been followed."""

from __future__ import annotations

import uuid
from pathlib import PurePath
from typing import Any

import streamlit as st

from pages.ui.access.roles import may
from pages.ui.access.users import current_user

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


def link(script: str, **given: Any) -> None:
    """``st.page_link`` to a page, for users who may open it; nothing for others."""
    if may(current_user(), PurePath(script).stem):
        st.page_link(script, **given)


def to(address: str) -> None:
    """Send the browser to ``address``, relative to the app: 'patient?series=...'."""
    token = uuid.uuid4().hex
    _component(key=f"go-{token}", data={"to": address, "token": token}, height=1)
