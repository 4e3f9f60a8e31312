"""Named views in the filter: open one, save the current filter under a name, remove one."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from osteo_core.programme.cohort import CohortFilter
from pages.ui import services
from pages.ui.access.users import author
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal


def show_views(chosen: CohortFilter, *, open_view: Callable[[CohortFilter], None], prefix: str = "") -> None:
    """The saved views; ``open_view`` sets the page's filter to one. ``prefix``: of the keys, for a second filter."""
    views = services.saved_views()
    st.markdown("**Saved views**")
    if views:
        name = st.selectbox("View", list(views), key=f"{prefix}view-name", label_visibility="collapsed")
        buttons = st.container(horizontal=True)
        buttons.button("Open view", key=f"{prefix}view-open", on_click=_open, args=(open_view, views[name]))
        buttons.button("Take away", key=f"{prefix}view-remove", on_click=_remove, args=(name,))
    field = f"{prefix}view-new"
    st.text_input("Name", key=field, placeholder="Save this filter as ...", label_visibility="collapsed")
    st.button("Save view", key=f"{prefix}view-save", on_click=_save, args=(field, chosen))


@in_words()
def _open(open_view: Callable[[CohortFilter], None], query: str) -> None:
    open_view(CohortFilter.from_query(query))


@in_words()
def _save(field: str, chosen: CohortFilter) -> None:
    name = str(st.session_state[field])  # as it is now: a click right after typing comes before the page is drawn anew
    services.save_view(name, chosen, author=author())
    st.toast(f"Saved: {literal(name)}", icon=":material/bookmark_added:")


@in_words()
def _remove(name: str) -> None:
    services.remove_view(name, author=author())
    st.toast(f"Removed: {literal(name)}", icon=":material/bookmark_remove:")
