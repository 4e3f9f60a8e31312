"""Shared by tests of the reader's screen: a store for readers, the app over it, and a reader's actions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as parquet
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.server import Server, start_server, stop_server
from tests.builders.reading import ReadingCase

READY = ".reader[data-drawn]"


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """A store for readers, its cases, the app over it and a browser."""

    store: Path
    cases: list[ReadingCase]
    server: Server
    browser: Browser

    def enter(self) -> tuple[BrowserContext, Page, list[str]]:
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(60_000)
        page, complaints = context.new_page(), []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return context, page, complaints

    def open(self, page: Page, case: ReadingCase, reader: str) -> None:
        page.goto(f"{self.server.address}/patient?series={case.key}")
        page.wait_for_selector(READY, timeout=120_000)
        name(page, reader)


@contextmanager
def open_rooms(folder: Path, cases: list[ReadingCase], browser: Browser) -> Iterator[Rooms]:
    """The app over ``folder/store``."""
    server = start_server(folder / "store")
    try:
        yield Rooms(store=folder / "store", cases=cases, server=server, browser=browser)
    finally:
        stop_server(server)


def name(page: Page, reader: str) -> None:
    field = page.get_by_role("textbox", name="Noted by")
    field.fill(reader)
    field.press("Enter")
    expect(page.locator(".reader .role")).to_contain_text(reader)


def erase_level(page: Page, number: int) -> None:
    """Erase a whole level with the mouse, as a reader would: eraser, a large ball, a few strokes."""
    page.locator(f".card[data-number='{number}']").click()
    page.keyboard.press("e")
    page.keyboard.press("x")
    page.locator(".reader .ball").click()
    page.locator(".reader .size").fill("15")
    canvas = page.locator("canvas[data-plane=axial]")
    box = canvas.bounding_box()
    at = page.locator(".reader").evaluate(
        """(root) => { const s = root.screen, p = s.planes.find(one => one.kind === 'axial');
          return p.pixelOf(s.cross).map(x => x / s.density) }"""
    )
    assert box is not None
    x, y = box["x"] + at[0], box["y"] + at[1]
    reach = 0.16 * box["width"]
    for dy in (-reach / 2, 0.0, reach / 2):
        page.mouse.move(x - reach, y + dy)
        page.mouse.down()
        page.mouse.move(x, y + dy, steps=4)
        page.mouse.move(x + reach, y + dy, steps=4)
        page.mouse.up()


def in_store(rooms: Rooms, kind: str) -> list[dict]:
    """Events of that kind, from the parts on disk: the app owns the store and moves parts from the inbox meanwhile."""
    found = (*rooms.store.glob("inbox/events-*.parquet"), *rooms.store.glob("parts/events/*/*.parquet"))
    files = {file.name: file for file in found}
    try:
        rows = [row for file in files.values() for row in parquet.read_table(file).to_pylist()]
    except FileNotFoundError:  # moved after it was listed
        return in_store(rooms, kind)
    return [row for row in rows if row["kind"] == kind]
