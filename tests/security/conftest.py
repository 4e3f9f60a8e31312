"""The app over a store of hostile texts, and a browser before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.cohort import BrowserCohort
from tests.browser.conftest import browser
from tests.browser.server import Server, start_server, stop_server
from tests.security.hostile import build_hostile_store

__all__ = ["browser"]


@pytest.fixture(scope="package")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> BrowserCohort:
    return build_hostile_store(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="package")
def server(hostile: BrowserCohort) -> Iterator[Server]:
    running = start_server(hostile.store)
    yield running
    stop_server(running)


@pytest.fixture(scope="package")
def needs_browser(browser: Browser) -> Browser:
    return browser
