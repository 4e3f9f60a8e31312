"""An app that is started anew under an open page: the page follows its address, and the worklist says what was not saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.cohort import BrowserCohort
from tests.browser.conftest import MENU
from tests.browser.reading_room import READY, erase_level, name
from tests.browser.server import start_server, stop_server
from tests.builders.reading import LOWERED, build_case, fill_store

pytestmark = pytest.mark.browser

CONNECTED = "[data-test-connection-state=CONNECTED]"


class App:
    """The app over one store, at one address."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._running = start_server(store)
        self.address = self._running.address

    def stop(self) -> None:
        """End it."""
        stop_server(self._running)

    def start(self) -> None:
        """Start it again at its address."""
        port = urlsplit(self.address).port
        self._running = start_server(self._store, port=port)


@pytest.fixture
def app(cohort: BrowserCohort, browser: Browser) -> Iterator[App]:
    running = App(cohort.store)
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def interrupt(app: App, page: Page, act: Callable[[], object]) -> None:
    """Let ``act`` happen while the app is not there."""
    page.wait_for_selector("[data-test-script-state=notRunning]")
    app.stop()
    page.wait_for_selector(CONNECTED, state="detached")
    act()
    app.start()
    page.wait_for_selector(CONNECTED)


def test_back_without_a_connection_is_followed_once_there_is_one(app: App, page: Page) -> None:
    page.goto(f"{app.address}/worklist?vendor=GE")
    expect(page.get_by_role("heading", name="Worklist", exact=True)).to_be_visible()
    page.locator(MENU).get_by_role("link", name="Drift").click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    interrupt(app, page, page.go_back)
    expect(page.get_by_role("heading", name="Worklist", exact=True)).to_be_visible()
    assert page.url.endswith("/worklist?vendor=GE")


def test_the_worklist_works_after_the_app_was_started_anew_and_says_what_it_did_not_confirm(
    app: App, page: Page
) -> None:
    page.goto(f"{app.address}/worklist")
    row = page.locator("tr[data-key]").nth(1)
    row.locator(".reason").click()
    page.wait_for_timeout(500)  # a note right after the selection is refused
    interrupt(app, page, lambda: page.keyboard.press("y"))
    said = page.locator(".patient-list .toast")
    expect(said).to_contain_text("Check what is shown here")
    row.locator(".reason").click()
    page.wait_for_timeout(500)
    page.keyboard.press("y")
    expect(said).to_contain_text("A note needs an author")
    expect(page.locator(".patient-list .bar").get_by_role("button", name="Open")).to_be_enabled()


def test_what_a_reader_typed_and_drew_outlasts_an_app_that_was_started_anew(page: Page, tmp_path: Path) -> None:
    case = build_case(tmp_path, 0, LOWERED)
    fill_store(tmp_path, [case])
    app = App(tmp_path / "store")
    try:
        page.goto(f"{app.address}/patient?series={case.key}")
        page.wait_for_selector(READY, timeout=120_000)
        name(page, "AB")
        erase_level(page, 20)
        interrupt(app, page, lambda: None)
        page.wait_for_timeout(3000)
        expect(page.get_by_role("textbox", name="Noted by")).to_have_value("AB")
        expect(page.locator(".reader .role")).to_contain_text("AB")
        page.keyboard.press("s")
        page.wait_for_selector(".reader[data-saved]")
    finally:
        app.stop()
