"""A person in a real Chromium among the others: opens pages from the menu, timed until they are drawn."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.load.people import PAGES, Seen
from benchmarks.load.session import Answer
from docs.check_pages import by_menu, open_page
from pages.ui.services.chromium import find_browser
from tests.browser.server import FLAGS

_FAULTS = "[data-testid=stException], [data-testid=stAlertContentError]"


def browse(address: str, *, until: float, think_s: tuple[float, float], seed: int) -> list[Seen]:
    """Open pages until this time of the monotonic clock; returns what was seen, empty without Chromium."""
    path = find_browser()
    if path is None:
        return []
    rng, seen = random.Random(seed), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        now = "home"
        seen.append(_timed(page, "first visit", partial(open_page, page, address)))
        while time.monotonic() < until:
            name = rng.choice([one or "home" for one in PAGES if (one or "home") != now])
            seen.append(_timed(page, name, partial(by_menu, page, name, "")))
            now = name
            time.sleep(max(0.0, min(rng.uniform(*think_s), until - time.monotonic())))
        browser.close()
    seen[-1].answer.faults.extend(broken)
    return seen


def _timed(page: Page, name: str, doing: Callable[[], tuple[float, float]]) -> Seen:
    """The action, with the faults displayed after it."""
    answer = Answer()
    try:
        _, answer.seconds = doing()
        answer.faults += page.locator(_FAULTS).all_inner_texts()
    except Error as error:
        answer.faults.append(str(error).splitlines()[0])
    return Seen(name=f"browser: {name}", answer=answer, cpu_s=0.0)
