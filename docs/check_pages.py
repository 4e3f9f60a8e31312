"""Measure every page in a real browser: ``python -m docs.check_pages [--store DIR] [--json] [page ...]``.

A page each: layout shift (CLS), time to first content and until complete (loaded anew, and by the menu), lowest
contrast of any text in light and dark, controls without a name, Tabs to its table or figure, and text that is cut at
1024 px and at 200 % zoom of 1440 px.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from docs.take_screenshots import PAGES
from pages.ui.services.chromium import find_browser
from tests.browser.server import FLAGS, start_server, stop_server

MOST_SHIFT, LEAST_CONTRAST, MOST_TABS = 0.1, 4.5, 10
_SCRIPT = (Path(__file__).parent / "check_pages.js").read_text(encoding="utf-8")
#: Layout shifts as they come, without those right after an input.
_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const e of list.getEntries())
    if (!e.hadRecentInput) window.shifts.push([e.startTime, e.value, e.sources.map((s) =>
      `${s.node?.dataset?.testid ?? s.node?.className ?? s.node?.nodeName}`)]);
}).observe({ type: "layout-shift", buffered: true });
"""
#: Done: the script has ended, no skeleton is left, and every figure is drawn.
_DONE = """() => document.querySelector("[data-test-script-state=notRunning]")
  && !document.querySelector("[data-testid=stSkeleton], [data-stale=true]")
  && [...document.querySelectorAll(".js-plotly-plot")].every((e) => e.querySelector(".main-svg"))"""
_HEADING = """([words, now]) => {
  const shown = document.querySelector('h1')?.innerText;
  return words ? shown === words : shown && shown !== now;
}"""
#: What a reader of a page goes to.
_GOAL = "[data-testid=stDataFrame], table, .patient-list, .js-plotly-plot, .reader, [data-testid=stTextArea]"
_CONTROLS = {
    "button",
    "link",
    "textbox",
    "combobox",
    "checkbox",
    "switch",
    "radio",
    "spinbutton",
    "slider",
    "tab",
    "searchbox",
    "listbox",
    "menuitem",
    "grid",
}


@dataclass(kw_only=True)
class Found:
    """What was found on one page; times in s."""

    page: str
    shift: float = 0.0
    shifted: list[str] = field(default_factory=list)
    first_s: float = 0.0
    complete_s: float = 0.0
    menu_first_s: float = 0.0
    menu_complete_s: float = 0.0
    contrast: dict[str, float] = field(default_factory=dict)
    pale: dict[str, list[str]] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)
    tabs: int | None = None
    cut: dict[str, list[str]] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """What is beyond a limit."""
        found = [f"layout shift {self.shift:.2f} ({', '.join(self.shifted[:3])})"] if self.shift > MOST_SHIFT else []
        found += [f"{scheme}: {words}" for scheme, pale in self.pale.items() for words in pale]
        found += [f"without a name: {name}" for name in self.unnamed]
        found += [f"{self.tabs} Tabs to the table"] if self.tabs is not None and self.tabs > MOST_TABS else []
        return found + [f"{where}: {words}" for where, cut in self.cut.items() for words in cut]


def shift_of(shifts: list[list[Any]]) -> float:
    """Cumulative layout shift: the largest sum of a window of at most 5 s whose shifts are less than 1 s apart."""
    largest = now = begun = last = 0.0
    for at, value, _ in shifts:
        if now and (at - last > 1000 or at - begun > 5000):
            now = 0.0
        begun = begun if now else at
        now, last = now + value, at
        largest = max(largest, now)
    return largest


def wait_until_done(page: Page) -> None:
    """Until the page has its heading and nothing is drawn any more."""
    page.wait_for_selector("h1", timeout=120_000)
    page.wait_for_function(_DONE, timeout=120_000)


def open_page(page: Page, address: str) -> tuple[float, float]:
    """Load anew; seconds until the heading is there, and until done."""
    begun = time.monotonic()
    page.goto(address, timeout=120_000)
    page.wait_for_selector("h1", timeout=120_000)
    first = time.monotonic() - begun
    wait_until_done(page)
    return first, time.monotonic() - begun


def by_menu(page: Page, name: str, heading: str) -> tuple[float, float]:
    """Follow the menu's link; seconds until ``heading`` is there ('': any other than now), and until done."""
    heading_now = page.inner_text("h1")
    link = page.locator(".st-key-menu a").nth(0) if name == "home" else page.locator(f".st-key-menu a[href*='{name}']")
    begun = time.monotonic()
    link.first.click()
    page.wait_for_function(_HEADING, arg=[heading, heading_now], timeout=120_000)
    first = time.monotonic() - begun
    wait_until_done(page)
    return first, time.monotonic() - begun


def unnamed(page: Page) -> list[str]:
    """Controls that a screen reader could not name."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node.get("role", {}).get("value") in _CONTROLS
        and not str(node.get("name", {}).get("value", "")).strip()
    ]


def tabs_to_goal(page: Page, most: int = 60) -> int | None:
    """Presses of Tab until the focus is in the table or figure, the link that skips the menu taken."""
    if not page.locator(_GOAL).count():
        return None
    page.evaluate("document.activeElement?.blur(); window.scrollTo(0, 0)")
    inside = f"""() => {{
      let e = document.activeElement;
      while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
      for (; e; e = e.parentElement ?? e.getRootNode().host) if (e.matches?.("{_GOAL}")) return true;
      return false;
    }}"""
    for count in range(1, most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.id === 'skip-table'"):
            page.keyboard.press("Enter")
            page.wait_for_timeout(200)
        if page.evaluate(inside):
            return count
    return most


def check(browser: Browser, address: str, name: str) -> Found:
    """All measures of one page."""
    found = Found(page=name)
    url = f"{address}/{'' if name == 'home' else name}"
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light")
    page = context.new_page()
    page.add_init_script(_SHIFTS)
    open_page(page, url)
    found.first_s, found.complete_s = open_page(page, url)
    page.wait_for_timeout(1500)
    shifts = page.evaluate("window.shifts")
    found.shift = shift_of(shifts)
    found.shifted = [source for _, value, sources in sorted(shifts, key=lambda s: -s[1])[:2] for source in sources]
    heading = page.inner_text("h1")
    _read_contrast(page, found, "light")
    found.unnamed = unnamed(page)
    found.tabs = tabs_to_goal(page)
    for where, size in (("1024 px", (1024, 1000)), ("200 %", (720, 500))):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.wait_for_timeout(1500)
        found.cut[where] = page.evaluate("pageCheck.clipped()")
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.emulate_media(color_scheme="dark")
    open_page(page, url)
    page.wait_for_timeout(500)
    _read_contrast(page, found, "dark")
    other = "about" if name != "about" else "home"
    by_menu(page, other, "About and limits" if other == "about" else "")
    found.menu_first_s, found.menu_complete_s = by_menu(page, name, heading)
    context.close()
    return found


def _read_contrast(page: Page, found: Found, scheme: str) -> None:
    page.evaluate(_SCRIPT)
    texts = page.evaluate("pageCheck.contrast()")
    found.contrast[scheme] = min((text["ratio"] for text in texts), default=21.0)
    found.pale[scheme] = sorted({f"{t['words']} {t['ratio']:.2f}:1" for t in texts if t["ratio"] < LEAST_CONTRAST})


def table(found: list[Found]) -> str:
    """A line a page, then everything beyond a limit."""
    lines = ["| page | CLS | loaded: first, complete (s) | by menu (s) | contrast light, dark | unnamed | Tabs | cut |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for f in found:
        cells = (
            f.page,
            f"{f.shift:.3f}",
            f"{f.first_s:.1f}, {f.complete_s:.1f}",
            f"{f.menu_first_s:.1f}, {f.menu_complete_s:.1f}",
            f"{f.contrast['light']:.1f}, {f.contrast['dark']:.1f}",
            str(len(f.unnamed)),
            "-" if f.tabs is None else str(f.tabs),
            str(sum(map(len, f.cut.values()))),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(
        f"Median until complete {statistics.median(f.complete_s for f in found):.1f} s loaded anew, "
        f"{statistics.median(f.menu_complete_s for f in found):.1f} s by the menu."
    )
    return "\n".join([*lines, *(f"{f.page}: {fault}" for f in found for fault in f.faults)]) + "\n"


def main() -> int:
    """Measure; gives 1 where something is beyond a limit."""
    parser = argparse.ArgumentParser(prog="python -m docs.check_pages")
    parser.add_argument("--store", type=Path, default=Path("data/store"))
    parser.add_argument("--address", default="", help="of an app that runs already")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("pages", nargs="*", default=PAGES)
    asked = parser.parse_args()
    chromium = find_browser()
    if chromium is None:
        sys.stderr.write("this needs Chromium: apt-get install chromium\n")
        return 2
    server = None if asked.address else start_server(asked.store)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            found = [check(browser, server.address if server else asked.address, name) for name in asked.pages]
            browser.close()
    finally:
        if server:
            stop_server(server)
    sys.stdout.write(json.dumps([asdict(f) for f in found], indent=1) if asked.json else table(found))
    return int(any(f.faults for f in found))


if __name__ == "__main__":
    sys.exit(main())
