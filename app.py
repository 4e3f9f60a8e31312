"""The route table, page settings and one frame around every page; nothing else.

``streamlit run app.py`` reads this file twice: as ASGI entry (``app`` with its routes) once a server, and
as script (``main``) at every run of a session.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager

from osteo_core.errors import SettingsError
from osteo_core.whole_files import keep_from_others
from pages.ui import services
from pages.ui.access.doors import ACTIVE, Doors
from pages.ui.access.sign_in import check_start
from pages.ui.access.uploads import Uploads, open_to_limit
from pages.ui.shared import frame, sign_in
from pages.ui.shared.downloads import PlainDownloads, keep_downloads
from pages.ui.shared.faults import draw_fault
from pages.ui.shared.first_paint import FirstPaint
from pages.ui.shared.headers import SecurityHeaders, answer_fault
from pages.ui.shared.left_page import drop_late_requests
from pages.ui.shared.logs import plain_logs
from pages.ui.viewer.review_routes import review_routes

# st.navigation switches the old automatic list of pages/ off only once it has run; a deep link that comes first
# would run a page's script alone, without this frame (tests/browser/test_first_request.py).
PagesManager.uses_pages_directory = False

_log = logging.getLogger("osteo.app")


@dataclass(frozen=True, kw_only=True)
class Screen:
    """One line of the route table: script, words and symbol in the menu, and under which heading."""

    script: str
    title: str
    icon: str
    heading: str = ""


PAGES: tuple[Screen, ...] = (
    Screen(script="pages/home.py", title="Home", icon=":material/home:"),
    Screen(script="pages/worklist.py", title="Worklist", icon=":material/list_alt:", heading="Patients"),
    Screen(script="pages/patient.py", title="Patient", icon=":material/person:", heading="Patients"),
    Screen(script="pages/look_up.py", title="Look up", icon=":material/search:", heading="Patients"),
    Screen(script="pages/follow_up.py", title="Follow-up", icon=":material/event_repeat:", heading="Patients"),
    Screen(script="pages/prevalence.py", title="Prevalence", icon=":material/bar_chart:", heading="Cohort"),
    Screen(script="pages/agreement.py", title="Agreement", icon=":material/compare_arrows:", heading="Cohort"),
    Screen(script="pages/drift.py", title="Drift", icon=":material/monitoring:", heading="Cohort"),
    Screen(script="pages/equity.py", title="Equity", icon=":material/balance:", heading="Cohort"),
    Screen(script="pages/exclusions.py", title="Exclusions", icon=":material/filter_alt_off:", heading="Cohort"),
    Screen(script="pages/table.py", title="Table", icon=":material/table_view:", heading="Cohort"),
    Screen(script="pages/export.py", title="Export", icon=":material/download:", heading="Cohort"),
    Screen(script="pages/replication.py", title="Replication", icon=":material/science:", heading="System"),
    Screen(script="pages/about.py", title="About and limits", icon=":material/info:", heading="System"),
)


def main() -> None:
    """Draw the frame and run the page that the address names."""
    st.set_page_config(
        page_title="Bone screening on CT", page_icon=str(frame.ICON), layout="wide", initial_sidebar_state=230
    )
    headings: dict[str, list[st.Page]] = {}
    for screen in PAGES:
        page = st.Page(screen.script, title=screen.title, icon=screen.icon, default=screen is PAGES[0])
        headings.setdefault(screen.heading, []).append(page)
    page = st.navigation(headings, position="hidden")
    try:
        user = sign_in.admit()
        if user is not None and frame.draw(page, headings, user):
            page.run()
    except Exception as error:  # the page border; callbacks and fragments have their own (shared/faults.py)
        _log.exception("the page '%s' failed", page.title)
        draw_fault(error)


if __name__ == "__main__":
    main()
else:
    try:
        check_start()
    except SettingsError as refused:
        sys.exit(f"The dashboard does not start: {refused}.")
    plain_logs()
    keep_from_others()
    keep_downloads()
    open_to_limit()
    drop_late_requests()
    app = st.App(
        __file__,
        routes=[*review_routes(), ACTIVE],
        lifespan=services.lifespan,
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Doors, note_sign_out=services.note_sign_out),
            Middleware(Uploads),
            Middleware(FirstPaint),
            Middleware(PlainDownloads),
        ],
        exception_handlers={Exception: answer_fault},
    )
