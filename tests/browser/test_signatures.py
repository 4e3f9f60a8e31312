"""Reasons to refuse a signature: a window that shows an older read, or 'accepted' on what the reader changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from pages.ui.shared import wording
from tests.browser.reading_room import Rooms, erase_level, in_store, open_rooms
from tests.builders.reading import build_reading_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("signatures")
    with open_rooms(folder, build_reading_store(folder), browser) as opened:
        yield opened


def press_and_sign(page: Page, key: str, words: str) -> None:
    """Sign by key with this comment; the caller checks the outcome."""
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

    press_and_sign(other, "c", "again in the same window")  # its own signature is not a newer one
    expect(other.locator(".reader .message")).to_have_text("Signed: corrected.")
    rooms.open(left_open, case, "AB")
    expect(left_open.locator(".reader .reading-status")).to_contain_text("again in the same window")
    press_and_sign(left_open, "c", "after reloading")
    expect(left_open.locator(".reader .message")).to_have_text("Signed: corrected.")
    assert complaints == []
    context.close()


def test_what_a_reader_changed_is_signed_as_corrected_and_never_as_accepted(rooms: Rooms) -> None:
    case = rooms.cases[0]
    context, page, complaints = rooms.enter()
    rooms.open(page, case, "AB")
    message, form = page.locator(".reader .message"), page.locator(".reader dialog h3")
    page.locator(".card").first.click()
    page.keyboard.press("a")
    expect(form).to_have_text("Sign as first reader: accepted")
    page.get_by_label("Genant grade of L2").select_option("2")
    expect(form).to_have_text("Sign as first reader: corrected")
    expect(page.get_by_role("button", name="Sign as AB: corrected")).to_be_visible()
    page.get_by_label("Genant grade of L2").select_option("")
    page.get_by_label("m2ABQ class of L2").select_option(index=1)  # beside the grade, and no correction of it
    expect(form).to_have_text("Sign as first reader: accepted")
    page.get_by_role("button", name="Cancel").click()

    page.locator(".card[data-number='21']").hover()
    page.locator(".card[data-number='21'] .leave").click()
    page.get_by_role("button", name="Leave L2 out").click()
    expect(page.locator(".card[data-number='21'] .leave")).to_have_text("count again")  # measured again
    page.keyboard.press("a")
    expect(message).to_contain_text(
        "Accept is for the program's own result, and here L2 is left out: sign as corrected"
    )
    page.locator(".card[data-number='21']").hover()
    page.locator(".card[data-number='21'] .leave").click()
    expect(page.locator(".card[data-number='21'] .leave")).to_have_text("leave out")

    erase_level(page, 20)
    page.keyboard.press("s")
    page.wait_for_selector(".reader[data-saved]")
    expect(page.locator(".reader .reading-status")).to_contain_text("draft")
    page.keyboard.press("a")
    expect(message).to_contain_text("and here the outlines are corrected: sign as corrected (c)")
    expect(page.locator(".reader dialog")).to_have_count(0)
    press_and_sign(page, "c", "L1 is no vertebra")
    expect(message).to_have_text("Signed: corrected.")
    assert complaints == []
    context.close()


@pytest.mark.parametrize("width", [1024, 720])
def test_a_narrow_window_names_who_is_open(rooms: Rooms, width: int) -> None:
    context, page, _ = rooms.enter()
    page.set_viewport_size({"width": width, "height": 900})
    rooms.open(page, rooms.cases[1], "AB")
    who = page.locator(".reader .who")
    expect(who).to_be_visible()
    expect(who).to_contain_text(wording.short_key(rooms.cases[1].result.series.patient_key))
    assert who.evaluate("(one) => one.scrollWidth <= one.clientWidth + 1"), "its words are cut"
    context.close()
