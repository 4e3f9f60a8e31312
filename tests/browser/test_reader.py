"""A reader's way in a real browser: from the worklist to a signature, a second reader, an adjudicator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.server import Server, start_server, stop_server
from tests.builders.reading import ReadingCase, build_reading_store

pytestmark = pytest.mark.browser
READY = ".reader[data-drawn]"


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """A store for readers, its cases, the app over it and a browser before it."""

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


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("reading")
    cases = build_reading_store(folder)
    server = start_server(folder / "store")
    yield Rooms(store=folder / "store", cases=cases, server=server, browser=browser)
    stop_server(server)


def name(page: Page, reader: str) -> None:
    field = page.get_by_role("textbox", name="Noted by")
    field.fill(reader)
    field.press("Enter")
    expect(page.locator(".reader .role")).to_contain_text(reader)


def erase_level(page: Page, number: int) -> None:
    """Rub a whole level out with the mouse, as a reader would: eraser, a large ball, some strokes."""
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
    """Events of that kind, from the parts on disk: the app owns the store."""
    import pyarrow.parquet as parquet

    files = [*rooms.store.glob("parts/events/*/*.parquet"), *rooms.store.glob("inbox/events-*.parquet")]
    return [row for file in files for row in parquet.read_table(file).to_pylist() if row["kind"] == kind]


def test_from_the_worklist_a_level_is_corrected_saved_and_signed_and_the_next_opens(rooms: Rooms) -> None:
    context, page, complaints = rooms.enter()
    page.goto(f"{rooms.server.address}/worklist")
    page.locator("tr[data-key]").first.click()
    page.keyboard.press("o")
    page.wait_for_selector(READY, timeout=120_000)
    screen = page.locator(".reader").bounding_box()
    assert screen is not None
    assert screen["y"] + screen["height"] <= 900, "the screen must be seen without scrolling"
    expect(page.locator(".reader .place")).to_have_text("1 of 2")
    expect(page.locator(".reader .chip")).to_have_text("osteoporosis")
    name(page, "AB")

    before = page.locator(".reader .mean").inner_text()
    erase_level(page, 20)
    page.keyboard.press("s")
    page.wait_for_selector(".reader[data-saved]")
    expect(page.locator(".reader .chip")).to_have_text("low bone mass")
    assert page.locator(".reader .mean").inner_text() != before
    expect(page.locator(".reader .was").first).to_contain_text("model: osteoporosis")
    expect(page.locator(".reader .standing")).to_contain_text("draft")
    saved = in_store(rooms, "mask saved")
    assert [row["author"] for row in saved] == ["AB"]
    assert len(list((rooms.store / "media").glob("*_reader.nii.gz"))) == 1

    page.keyboard.press("c")
    page.get_by_role("textbox", name="In the reader's words").fill("L1 was a wrong outline")
    page.get_by_role("button", name="Sign as AB").click()
    page.wait_for_selector(".reader[data-signed=corrected]")
    expect(page.locator(".reader .standing")).to_contain_text("corrected by AB")
    assert [row["reason"] for row in in_store(rooms, "read signed")] == ["L1 was a wrong outline"]

    now = str(page.locator(".reader").get_attribute("data-drawn"))
    other = next(case for case in rooms.cases if not now.startswith(case.key))
    page.keyboard.press("n")
    page.wait_for_selector(f".reader[data-drawn^='{other.key}']", timeout=120_000)
    expect(page.locator(".reader .place")).to_have_text("2 of 2")
    assert other.key in page.url
    assert complaints == []
    context.close()
