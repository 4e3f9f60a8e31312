"""How long a reader waits in a real browser: ``python -m docs.time_reader [--store DIR] [--times 5]``.

The first patient of the worklist is opened by key, right after the app was started and then again and again; an outline
is changed by a stroke of the eraser, and 6 s later saved and measured again. Seconds on the clock of this machine, so
with its load average. Events are written to the store as a reader's would be: use a copy.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from pages.ui.services.chromium import find_browser
from tests.browser.reading_room import READY, name
from tests.browser.server import FLAGS, start_server, stop_server

_SETTLE_MS = 1500
#: A reader takes at least so long to correct anything; the series is measured as it is meanwhile.
_DRAWING_MS = 6000


def opened_s(page: Page, address: str) -> float:
    """Seconds from the key that opens the first patient of the worklist until CT and outlines are drawn."""
    page.goto(f"{address}/worklist") if page.url == "about:blank" else page.locator("a[href*=worklist]").first.click()
    page.locator("tr[data-key]").first.click(timeout=180_000)
    page.wait_for_timeout(_SETTLE_MS)
    began = time.monotonic()
    page.keyboard.press("o")
    page.wait_for_selector(READY, timeout=180_000)
    return time.monotonic() - began


def saved_s(page: Page) -> float:
    """Seconds from the key that saves until the new numbers stand on the screen; one stroke is erased 6 s before."""
    page.locator(".card").nth(1).click()
    page.keyboard.press("e")
    page.keyboard.press("x")
    canvas = page.locator("canvas[data-plane=axial]")
    box = canvas.bounding_box()
    at = page.locator(".reader").evaluate(
        "(root) => { const s = root.screen, p = s.planes.find((one) => one.kind === 'axial');"
        " return p.pixelOf(s.cross).map((x) => x / s.density) }"
    )
    if box is None:
        raise RuntimeError("the axial plane is not on the screen")
    page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    page.mouse.down()
    page.mouse.move(box["x"] + at[0] + 4, box["y"] + at[1] + 4, steps=3)
    page.mouse.up()
    page.wait_for_timeout(_DRAWING_MS)
    began = time.monotonic()
    page.keyboard.press("s")
    page.wait_for_selector(".reader[data-saved]", timeout=180_000)
    return time.monotonic() - began


def main() -> int:
    """Print the seconds; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.time_reader", description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("data/store"))
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    chromium = find_browser()
    if chromium is None:
        sys.stderr.write("this needs Chromium: apt-get install chromium\n")
        return 2
    server = start_server(asked.store)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            seconds = [opened_s(page, server.address) for _ in range(asked.times + 1)]
            slices = page.locator(".reader").evaluate("(root) => root.screen.volume.dims[2]")
            name(page, "timing")
            saving = saved_s(page)
            browser.close()
    finally:
        stop_server(server)
    warm = statistics.median(seconds[1:])
    sys.stdout.write(
        f"{slices} slices on the screen, load {os.getloadavg()[0]:.1f}: opened {seconds[0]:.1f} s the first time, then "
        f"{warm:.1f} s (median of {asked.times}); a corrected outline saved and measured in {saving:.1f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
