"""The frame of every page: the research-use line, marks for simulated data, empty states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.ui import services
from pages.ui.access.roles import User, may
from pages.ui.shared import address, go, keys, sign_in, visit, wording
from pages.ui.shared.literal import literal

_LOGO = Path(__file__).parent / "logo.svg"
#: Served locally: a symbol by name would be fetched from a foreign host.
ICON = Path(__file__).parent / "icon.svg"
#: Headings of the menu with their pages.
Menu = Mapping[str, Sequence[StreamlitPage]]


def draw(shown: StreamlitPage, menu: Menu, user: User) -> bool:
    """Menu and frame of the page; from here on address and widgets agree. False if ``user`` may not open it."""
    page = shown.url_path
    is_new = visit.begin(page)
    st.logo(str(_LOGO), size="large")
    address.begin(page, is_new=is_new)
    _draw_menu(menu, user)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/science: {wording.RESEARCH_USE}")
        _draw_simulated()
    keys.show(page)
    address.draw_unknown()
    fault = services.store_fault()
    if fault:
        st.error(
            f"New results cannot be imported at present: {literal(fault)} The program tries again within a minute. "
            "What is shown is correct, and nothing is lost.",
            icon=":material/error:",
        )
    wrong_clock = services.clock_fault()
    if wrong_clock:
        st.warning(literal(wording.sentence(wrong_clock)), icon=":material/schedule:")
    if not may(user, page):
        sign_in.show_forbidden(user, shown.title)
        return False
    return True


def _draw_menu(menu: Menu, user: User) -> None:
    """Links to all pages that ``user`` may open; each carries the choices for its page, so that filters are kept."""
    with st.sidebar.container(key="menu", gap=None):
        for heading, listed in menu.items():
            pages = [page for page in listed if may(user, page.url_path)]
            if heading and pages:
                st.caption(literal(heading))
            for page in pages:
                st.page_link(page, query_params=address.query_of(page.url_path) or None)
    sign_in.show_user(user)


def _draw_simulated() -> None:
    numbers = services.cohort_numbers(seen_by=None)
    if not numbers.simulated:
        return
    everyone = numbers.simulated == numbers.series
    words = (
        "All patients here are simulated"
        if everyone
        else f"{numbers.simulated:,} of {numbers.series:,} series are simulated"
    )
    st.badge(
        words,
        icon=":material/smart_toy:",
        color="violet",
        help="Invented anatomy and scanners of known truth; no real person.",
    )


def open_patient(series_key: str) -> None:
    """Go to the patient's page."""
    go.to(f"patient?series={series_key}")


def draw_empty(words: str, *, command: str = "", icon: str = ":material/inbox:") -> None:
    """An empty state: why there is nothing, and the exact command that changes it."""
    with st.container(border=True):
        st.markdown(f"{icon} {words}")
        if command:
            st.code(command, language="bash", wrap_lines=True)


def draw_no_series() -> None:
    """The empty state of an empty store."""
    progress = services.progress()
    if progress and progress.is_running:
        draw_empty(
            "The first patients are being analyzed; they appear here as they are finished.",
            icon=":material/hourglass_top:",
        )
        return
    store = services.store_argument()
    draw_empty(
        "This store holds no series yet. Read your own folder of CT into it, then analyze it:",
        command=f"python -m osteo_core index /path/to/ct{store}\npython -m osteo_core analyze{store}",
    )
