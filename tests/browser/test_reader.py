"""A reader's way in a real browser: from the worklist to a signature, a second reader, an adjudicator."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nibabel
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.reading_room import READY, Rooms, erase_level, in_store, name, open_rooms
from tests.builders.reading import build_reading_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("reading")
    with open_rooms(folder, build_reading_store(folder), browser) as opened:
        yield opened


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
    page.route("**/api/review/*/save*", lambda route: route.abort())
    page.keyboard.press("s")
    expect(page.locator(".reader .told")).to_contain_text("the connection is lost; what you drew is kept")
    assert in_store(rooms, "mask saved") == []
    page.unroute("**/api/review/*/save*")
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


def test_the_hu_under_the_cursor_are_those_of_the_source_voxel(rooms: Rooms) -> None:
    case = rooms.cases[1]
    source = nibabel.load(case.result.series.files[0])
    values, to_index = np.asarray(source.dataobj), np.linalg.inv(source.affine)
    context, page, _ = rooms.enter()
    rooms.open(page, case, "AB")
    page.locator(".card[data-number='21']").click()
    page.locator(".reader .window").select_option("Soft tissue")
    page.locator(".reader .masking").select_option("off")
    page.keyboard.press("e")  # voxels are drawn without smoothing while one draws
    expect(page.locator(".reader .tools")).to_be_visible()
    settled = """(root) => new Promise((done) => {
      const s = root.screen, fits = ({ canvas: c }) => c.height === Math.round(c.parentElement.clientHeight * s.density)
      const look = () => (s.planes.every(fits) ? done(true) : requestAnimationFrame(look))
      requestAnimationFrame(() => requestAnimationFrame(look))
    })"""
    assert page.locator(".reader").evaluate(settled)
    checked = 0
    for kind in ("sagittal", "coronal", "axial"):
        canvas = page.locator(f"canvas[data-plane={kind}]")
        box = canvas.bounding_box()
        assert box is not None
        for across, down in ((0.37, 0.41), (0.42, 0.55), (0.58, 0.47), (0.63, 0.62), (0.55, 0.36)):
            x, y = round(box["x"] + across * box["width"]), round(box["y"] + down * box["height"])
            page.mouse.move(x, y)
            found = page.locator(".reader").evaluate(
                """(root, [kind, left, top]) => {
                  const s = root.screen, p = s.planes.find((one) => one.kind === kind), c = p.canvas
                  const x = left * s.density, y = top * s.density, at = p.voxelAt(x, y), a = s.volume.affine
                  p.draw()
                  return { world: a.map((row) => row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3]),
                    grey: c.getContext('2d').getImageData(x, y, 1, 1).data[0], low: s.window.low, high: s.window.high }
                }""",
                [kind, x - box["x"], y - box["y"]],
            )
            left, back, head = found["world"]
            index = np.rint(to_index @ [-left, -back, head, 1])[:3].astype(int)
            hu = float(values[tuple(index)])
            expect(page.locator(".reader .readout")).to_have_text(re.compile(rf"^{round(hu)} HU"))
            grey = 255 * np.clip((round(hu) - found["low"]) / (found["high"] - found["low"]), 0, 1)
            assert abs(found["grey"] - grey) <= 1, f"{kind}: what is drawn there is another voxel"
            checked += 1
    assert checked == 15
    context.close()
