"""What a signature is refused for: a window that shows an older read, 'accepted' on what the reader changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.reading_room import Rooms, in_store, open_rooms
from tests.builders.reading import build_reading_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("signatures")
    with open_rooms(folder, build_reading_store(folder), browser) as opened:
        yield opened


def press_and_sign(page: Page, key: str, words: str) -> None:
    """Sign by key with these words; what comes of it is for the caller to look at."""
    page.locator(".card").first.click()  # keys go to the screen
    page.keyboard.press(key)
    page.get_by_role("textbox", name="In the reader's words").fill(words)
    page.get_by_role("button", name="Sign as AB").click()


def verdicts(rooms: Rooms, key: str) -> list[str]:
    return [row["reason"] for row in in_store(rooms, "read signed") if row["series_key"] == key]


def test_a_window_left_open_does_not_replace_what_another_one_signed(rooms: Rooms) -> None:
    case = rooms.cases[1]
    context, left_open, complaints = rooms.enter()
    other = context.new_page()
    rooms.open(left_open, case, "AB")
    rooms.open(other, case, "AB")
    press_and_sign(other, "c", "signed in the other window")
    expect(other.locator(".reader .message")).to_have_text("Signed: corrected.")

    press_and_sign(left_open, "a", "from the window left open")
    expect(left_open.locator(".reader .message")).to_contain_text("Not signed: the first reader's read on this page")
    expect(left_open.locator(".reader .message")).to_contain_text("reload the page, look at it and sign again")
    assert verdicts(rooms, case.key) == ["signed in the other window"]

    press_and_sign(other, "c", "again in the same window")  # its own signature is no newer one to it
    expect(other.locator(".reader .message")).to_have_text("Signed: corrected.")
    rooms.open(left_open, case, "AB")
    expect(left_open.locator(".reader .reading-status")).to_contain_text("again in the same window")
    press_and_sign(left_open, "c", "after reloading")
    expect(left_open.locator(".reader .message")).to_have_text("Signed: corrected.")
    assert complaints == []
    context.close()
