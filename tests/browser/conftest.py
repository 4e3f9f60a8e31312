"""The app as a process of its own, and a real Chromium before it; without Chromium these tests skip."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pages.ui.viewer import fetch
from tests.browser.cohort import BrowserCohort, build_browser_cohort

expect.set_options(timeout=30_000)

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless=new --no-sandbox --disable-quic --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader "
    "--ignore-gpu-blocklist"
).split()


def find_chromium() -> str:
    """Where Chromium is, or a skip that says how to get it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("browser tests need Chromium: apt-get install chromium")


@dataclass(kw_only=True)
class Server:
    """The running app."""

    address: str
    process: subprocess.Popen[bytes]


@dataclass(kw_only=True)
class Visit:
    """One page in a fresh browser context, with everything it asked for and complained of."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def foreign(self) -> list[str]:
        """Addresses asked that are not the app's own."""
        own = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> BrowserCohort:
    """A store whose patients have a CT to look at."""
    return build_browser_cohort(tmp_path_factory.mktemp("browser"))


def start_server(store: Path) -> Server:
    """Start the app as `make run` does; wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "OSTEO_STORE": str(store), "OSTEO_NO_DEMO": "1"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with (store / "app.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://localhost:{port}"
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return Server(address=address, process=process)
        except OSError:
            time.sleep(0.2)
    process.terminate()
    raise RuntimeError(f"the app did not start: {(store / 'app.log').read_text()[-2000:]}")


def stop_server(server: Server) -> None:
    """Ask the app to end, and wait."""
    server.process.terminate()
    server.process.wait(timeout=20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium with WebGL in software."""
    path = find_chromium()
    if fetch.missing_assets():
        pytest.skip("browser tests need the front-end pieces: python -m pages.ui.viewer.fetch")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(cohort: BrowserCohort, browser: Browser) -> Iterator[Server]:
    """The app over the filled store; the browser comes first, so that nothing starts in vain."""
    running = start_server(cohort.store)
    yield running
    stop_server(running)


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """A fresh page at 1440 px, with its requests kept."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    watched = Visit(page=page, address=server.address)
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    yield watched
    context.close()
