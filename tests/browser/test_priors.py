"""An earlier study in a real browser: changes in the headline, both studies side by side, linked by level."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.reading_room import Rooms, in_store, open_rooms
from tests.builders.reading import LEVELS, LOWERED, build_followed_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("followed")
    cases = build_followed_store(folder, LOWERED, dict.fromkeys(LEVELS, 140.0), dict.fromkeys(LEVELS, 50.0))
    with open_rooms(folder, cases, browser) as opened:
        yield opened


def ask(page: Page, script: str) -> object:
    """The value of a script evaluated on the screen object."""
    return page.locator(".reader").evaluate(f"(root) => {{ const s = root.screen; return {script} }}")


def test_an_earlier_study_is_seen_beside_the_present_one_without_scrolling(rooms: Rooms) -> None:
    context, page, complaints = rooms.enter()
    rooms.open(page, rooms.cases[0], "AB")
    expect(page.locator(".reader .why")).to_contain_text("since 20 Apr 2025: mean vBMD lower by")
    card = page.locator(".card[data-number='20'] .earlier")
    expect(card).to_have_text(re.compile(r"then 1\d\d \(−\d+\) · 20 Apr 2025"))
    expect(card).to_have_attribute("data-beyond", "")

    page.locator(".card[data-number='21']").click()
    page.keyboard.press("o")
    page.wait_for_selector(f".reader[data-prior='{rooms.cases[1].key}']", timeout=120_000)
    for canvas in page.locator("canvas[data-prior]").all():
        assert canvas.bounding_box()["width"] > 200
    box = page.locator(".reader").bounding_box()
    assert box["y"] + box["height"] <= 900, "the screen must be seen without scrolling"
    level = "s.prior.levelAt(s.prior.cross).name"
    assert ask(page, level) == ask(page, "s.levelAt(s.cross).name") == "L2"
    page.locator(".card[data-number='20']").click()
    assert ask(page, level) == "L1"

    # A click on the earlier study moves the current one to the same position of the same level.
    at = ask(page, "s.prior.planes[0].pixelOf(s.prior.places[22].centre).map(x => x / s.density)")
    plane = page.locator("canvas[data-prior=sagittal]").bounding_box()
    page.mouse.click(plane["x"] + at[0], plane["y"] + at[1])
    assert ask(page, "s.levelAt(s.cross).name") == "L3"
    place = "Math.max(...s.cross.map((x, n) => Math.abs(x - s.places[22].centre[n]) * s.volume.spacing[n]))"
    assert ask(page, place) <= 5.0

    opened = {(row["series_key"], row["author"]) for row in in_store(rooms, "opened")}
    assert opened >= {(case.key, "AB") for case in rooms.cases}, "the earlier studies were opened too"
    hu = "((p, [i, j, k]) => p.volume.data[i + p.volume.dims[0] * (j + p.volume.dims[1] * k)])(s.prior, s.prior.cross)"
    assert abs(ask(page, hu) - 140) < 50
    page.locator(".reader .whichprior").select_option(label="10 Mar 2024")
    page.wait_for_selector(f".reader[data-prior='{rooms.cases[2].key}']", timeout=120_000)
    assert abs(ask(page, hu) - 50) < 40
    assert ask(page, level) == "L3"
    expect(page.locator(".reader .why")).to_contain_text("since 10 Mar 2024: mean vBMD higher by")

    page.keyboard.press("o")
    expect(page.locator("canvas[data-prior=sagittal]")).to_be_hidden()
    expect(page.locator("canvas[data-plane=coronal]")).to_be_visible()
    assert complaints == []
    context.close()


def test_one_without_an_earlier_study_offers_none(rooms: Rooms) -> None:
    context, page, _ = rooms.enter()
    rooms.open(page, rooms.cases[2], "AB")
    expect(page.locator(".reader .prior")).to_be_hidden()
    expect(page.locator(".reader .whichprior")).to_be_hidden()
    assert page.locator(".card .earlier").count() == 0
    context.close()
