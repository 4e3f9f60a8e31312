"""The app in its own process, and a real Chromium as its client; without Chromium these tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pages.ui.services.chromium import find_browser
from tests.browser.cohort import BrowserCohort, build_browser_cohort
from tests.browser.server import FLAGS, Server, start_server, stop_server

expect.set_options(timeout=30_000)
#: Chromium's message if a page requests more than its policy allows.
_POLICY = "Content Security Policy"
#: The side menu.
MENU = ".st-key-menu"


@dataclass(kw_only=True)
class Visit:
    """One page in a fresh browser context, with all its requests and errors."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def foreign(self) -> list[str]:
        """Requested addresses that are not the app's own."""
        own = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture(scope="package")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> BrowserCohort:
    """A store whose patients have a CT that can be displayed."""
    return build_browser_cohort(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium with WebGL in software."""
    path = find_browser()
    if path is None:
        pytest.skip("browser tests need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def server(cohort: BrowserCohort, browser: Browser) -> Iterator[Server]:
    """The app over the filled store; the browser is set up first, so that nothing starts for a skipped test."""
    running = start_server(cohort.store)
    yield running
    stop_server(running)


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """A fresh page at 1440 px that records its requests."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    watched = Visit(page=page, address=server.address)
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("console", lambda said: watched.complaints.append(said.text) if _POLICY in said.text else None)
    yield watched
    context.close()
