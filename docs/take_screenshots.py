"""Take the screenshots of docs/: ``python -m docs.take_screenshots [--store DIR] [--width 1440] [--dark]``.

The first flagged patient of the store is the one that is shown.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from pages.ui.access import roles
from pages.ui.services.chromium import find_browser
from tests.browser.server import FLAGS, start_server, stop_server

OUT = Path(__file__).resolve().parent / "screenshots"
#: Every page by its place in the address; 'home' has none.
PAGES = tuple(name or "home" for name in roles.PAGES)
#: Time for tables and figures to be drawn after the page has its title.
_SETTLE_MS = 4000


def open_page(page: Page, address: str, name: str) -> None:
    """Open one page and wait until it is drawn; the patient is the first of the worklist."""
    if name == "patient":
        page.goto(f"{address}/worklist")
        page.locator("tr[data-key]").first.click()
        page.keyboard.press("o")
        page.wait_for_selector(".reader[data-drawn]", timeout=180_000)
        return
    else:
        page.goto(f"{address}/{'' if name == 'home' else name}")
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_timeout(_SETTLE_MS)


def picture(page: Page, path: Path, *, width: int) -> None:
    """The whole page, however long it is."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(int(height), 3000)})
    page.wait_for_timeout(1500)
    page.screenshot(path=path, timeout=180_000)
    page.set_viewport_size({"width": width, "height": 1000})


def picture_reader(page: Page, out: Path, *, width: int) -> None:
    """The reader's screen as high as a window: opened, in 3D, beside an earlier study where there is one, correcting,
    signing; prints its times."""
    page.set_viewport_size({"width": width, "height": 900})
    screen = page.locator(".reader")
    page.get_by_role("textbox", name="Noted by").fill("AB")
    page.keyboard.press("Enter")
    page.wait_for_timeout(_SETTLE_MS)
    page.locator(".reader .card").nth(1).click()  # keys go to the screen, no longer to the field
    page.wait_for_timeout(500)
    page.screenshot(path=out / "patient.png")
    page.keyboard.press("v")
    page.wait_for_selector(".reader[data-scene-ms]", timeout=120_000)
    page.wait_for_timeout(1000)
    page.screenshot(path=out / "reader_3d.png")
    page.keyboard.press("v")
    if page.locator(".reader .prior").is_visible():
        page.keyboard.press("o")
        page.wait_for_selector(".reader[data-prior]", timeout=120_000)
        page.wait_for_timeout(1000)
        page.screenshot(path=out / "reader_prior.png")
        page.keyboard.press("o")
    page.keyboard.press("e")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_timeout(2000)
    page.screenshot(path=out / "reader_correct.png")
    page.keyboard.press("e")
    page.keyboard.press("a")
    page.wait_for_timeout(800)
    page.screenshot(path=out / "reader_sign.png")
    for what, name in (("CT drawn", "data-opened-ms"), ("surfaces drawn", "data-scene-ms")):
        sys.stdout.write(f"{what} {screen.get_attribute(name)} ms after it was asked for\n")


def main() -> int:
    """Take them all; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.take_screenshots")
    parser.add_argument("--store", type=Path, default=Path("data/store"))
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("pages", nargs="*", default=PAGES)
    asked = parser.parse_args()
    chromium = find_browser()
    if chromium is None:
        sys.stderr.write("screenshots need Chromium: apt-get install chromium\n")
        return 2
    asked.out.mkdir(parents=True, exist_ok=True)
    server = start_server(asked.store)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            scheme = "dark" if asked.dark else "light"
            page = browser.new_page(viewport={"width": asked.width, "height": 1000}, color_scheme=scheme)
            for name in asked.pages:
                open_page(page, server.address, name)
                if name == "patient":
                    picture_reader(page, asked.out, width=asked.width)
                    page.keyboard.press("Escape")
                else:
                    picture(page, asked.out / f"{name}.png", width=asked.width)
                sys.stdout.write(f"{asked.out / name}.png\n")
            browser.close()
    finally:
        stop_server(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
