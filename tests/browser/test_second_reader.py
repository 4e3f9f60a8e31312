"""A second reader in a real browser: blind to the first, in disagreement, adjudicated; each step as an event."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.reading_room import READY, Rooms, erase_level, in_store, name, open_rooms
from tests.builders.reading import build_reading_store

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Rooms]:
    folder = tmp_path_factory.mktemp("second")
    with open_rooms(folder, build_reading_store(folder), browser) as opened:
        yield opened


def sign(page: Page, key: str, verdict: str, reader: str, words: str = "", grade_of_l2: str = "") -> None:
    """Sign by key, with a comment and, if given, a grade."""
    page.locator(".card").first.click()  # keys go to the screen
    page.keyboard.press(key)
    if grade_of_l2:
        page.get_by_label("Genant grade of L2").select_option(grade_of_l2)
    page.get_by_role("textbox", name="In the reader's words").fill(words)
    page.get_by_role("button", name=f"Sign as {reader}").click()
    page.wait_for_selector(f".reader[data-signed={verdict}]")


def replayed(page: Page, words: str) -> None:
    """Show the screen as it was at the step with this text."""
    page.get_by_test_id("stPopoverButton").filter(has_text="Earlier states").click()
    page.get_by_role("button", name=words).click()
    page.keyboard.press("Escape")


def read_table(page: Page) -> list[list[str]]:
    """The rows of both reads side by side, cell by cell."""
    table = page.locator("table.both tbody tr")
    expect(table.first).to_be_visible()
    return [row.locator("th, td").all_inner_texts() for row in table.all()]


def interval(given: list[float]) -> str:
    return "{:.0f} ({:.0f} to {:.0f})".format(*given)


def signatures(rooms: Rooms, key: str) -> dict[str, dict]:
    """The signatures of one series, by role."""
    rows = [row for row in in_store(rooms, "read signed") if row["series_key"] == key]
    return {json.loads(row["payload_json"])["role"]: json.loads(row["payload_json"]) for row in rows}


def test_a_second_reader_is_blind_disagrees_and_is_adjudicated(rooms: Rooms) -> None:
    case = rooms.cases[0]
    context, page, complaints = rooms.enter()
    rooms.open(page, case, "AB")
    expect(page.locator(".reader .role")).to_have_text("AB, first reader")
    erase_level(page, 20)
    page.keyboard.press("s")
    page.wait_for_selector(".reader[data-saved]")
    expect(page.locator(".reader .chip")).to_have_text("low bone mass")
    sign(page, "c", "corrected", "AB", "L1 is no vertebra", grade_of_l2="1")
    expect(page.locator(".reader .reading-status")).to_contain_text("corrected by AB")
    context.close()

    # The second reader sees the model's numbers and outlines, and nothing of the first reader's on list and page.
    context, page, more = rooms.enter()
    page.goto(f"{rooms.server.address}/worklist")
    row = page.locator(f"tr[data-key='{case.key}']")
    expect(row).to_contain_text("osteoporosis")
    everything = page.locator("[data-testid=stMain]").inner_text()
    assert "low bone mass" not in everything
    assert "1 signed series of this store not yet read by you" in everything
    row.click()
    page.keyboard.press("o")
    page.wait_for_selector(READY, timeout=120_000)
    name(page, "CD")
    expect(page.locator(".reader .role")).to_have_text("CD, second reader")
    expect(page.locator(".reader .reading-status")).to_have_text("signed by another reader, hidden from you")
    expect(page.locator(".reader .chip")).to_have_text("osteoporosis")
    expect(page.locator(".card[data-number='20'] .value")).not_to_have_text("not outlined")
    box = page.locator(".reader").bounding_box()
    assert box["y"] + box["height"] <= 900, "the screen must be seen without scrolling"
    everything = page.locator("[data-testid=stMain]").inner_text()
    assert "corrected by AB" not in everything
    assert "L1 is no vertebra" not in everything
    page.get_by_test_id("stPopoverButton").filter(has_text="Report").click()
    expect(page.get_by_text("You read this series blind")).to_be_visible()
    page.keyboard.press("Escape")
    sign(page, "a", "accepted", "CD")
    expect(page.locator(".reader .reading-status")).to_contain_text(
        "two readers disagree, the first reader's read counts until an adjudicator decides: "
        "category: low bone mass and osteoporosis; fracture grade of L2: 1 and 0"
    )
    context.close()

    context, page, last = rooms.enter()
    rooms.open(page, case, "EF")
    expect(page.locator(".reader .role")).to_have_text("EF, adjudicator")
    expect(page.locator(".reader .reading-status")).to_contain_text("two readers disagree")
    expect(page.locator(".reader .chip")).to_have_text("low bone mass")
    page.locator(".card").first.click()
    page.keyboard.press("a")
    expect(page.get_by_label("Genant grade of L2")).to_have_value("1")  # the first reader's, which would be signed too
    page.get_by_role("button", name="Cancel").click()
    page.get_by_test_id("stPopoverButton").filter(has_text="Both reads").click()
    rows = {cells[0]: cells[1:] for cells in read_table(page)}
    found = signatures(rooms, case.key)
    first, second = (found[role]["summary"] for role in ("first reader", "second reader"))
    assert rows["Verdict"] == ["corrected", "accepted", ""]
    assert rows["Category"] == ["low bone mass", "osteoporosis", ""]
    assert rows["Mean vBMD"] == [interval(first["mean"]), interval(second["mean"]), ""]
    assert rows["L1"] == ["not outlined", f"{interval(second['levels']['20']['vbmd'])}, no fracture", "0.000"]
    same = interval(first["levels"]["21"]["vbmd"])
    assert rows["L2"] == [f"{same}, fracture grade 1", f"{same}, no fracture", "1.000"]
    assert rows["T12"][0].endswith("; does not count: " + first["levels"]["19"]["left_out"].rstrip("."))
    assert rows["In words"] == ["L1 is no vertebra", "–", ""]
    page.get_by_role("button", name="Go on from the second reader").click()
    expect(page.locator(".reader .chip")).to_have_text("osteoporosis")
    page.keyboard.press("Escape")
    page.wait_for_selector(READY, timeout=120_000)
    expect(page.locator(".card[data-number='20'] .value")).not_to_have_text("not outlined")
    sign(page, "a", "accepted", "EF")
    expect(page.locator(".reader .reading-status")).to_contain_text("adjudicated · accepted by EF")
    found = signatures(rooms, case.key)
    assert found["adjudicator"]["summary"]["levels"]["21"]["grade"] == 0
    assert {role: one["is_blind"] for role, one in found.items()} == {
        "first reader": False,
        "second reader": True,
        "adjudicator": False,
    }
    assert found["adjudicator"]["version"] == found["second reader"]["version"] != found["first reader"]["version"]
    assert found["second reader"]["dice"]["20"] == 0

    # The first reader's outlines and numbers again, as they were before anybody else had read the case.
    replayed(page, "corrected, signed as first reader, by AB")
    expect(page.get_by_text("Screen as it was on")).to_be_visible()
    expect(page.locator(".reader .chip")).to_have_text("low bone mass")
    expect(page.locator(".card[data-number='20']")).to_have_count(0)
    expect(page.locator(".reader .reading-status")).to_contain_text("signed · corrected by AB")
    expect(page.locator(".reader .role")).to_have_text("EF: an earlier state")
    page.get_by_role("button", name="Correct", exact=True).click()
    expect(page.locator(".reader")).to_contain_text("This is an earlier state; go back to now to correct or sign.")
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator(".reader .reading-status")).to_contain_text("adjudicated · accepted by EF")
    expect(page.locator(".reader .chip")).to_have_text("osteoporosis")
    assert complaints + more + last == []
    context.close()


def test_who_asks_to_see_the_first_read_is_no_longer_blind(rooms: Rooms) -> None:
    case = rooms.cases[1]
    context, page, _ = rooms.enter()
    rooms.open(page, case, "AB")
    sign(page, "r", "rejected", "AB", "moved")
    expect(page.locator(".reader .chip")).to_have_text("no category")
    expect(page.locator(".card .value").first).to_have_text("no vBMD")
    sign(page, "a", "accepted", "AB")
    expect(page.locator(".reader .reading-status")).to_contain_text("accepted by AB")
    expect(page.locator(".reader .message")).to_have_text("Signed: accepted.")
    name(page, "CD")
    expect(page.locator(".reader .role")).to_have_text("CD, second reader")
    expect(page.locator(".reader .message")).to_have_text("")
    context.close()
    context, page, _ = rooms.enter()
    rooms.open(page, case, "CD")
    page.get_by_role("button", name="Show what was signed").click()
    expect(page.locator(".reader .reading-status")).to_contain_text("accepted by AB")
    sign(page, "a", "accepted", "CD")
    expect(page.locator(".reader .reading-status")).to_contain_text("signed by two readers who agree")
    assert signatures(rooms, case.key)["second reader"]["is_blind"] is False
    page.get_by_test_id("stPopoverButton").filter(has_text="Report").click()
    with page.expect_download() as download:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name="HTML").click()
    assert "accepted by AB, first reader" in download.value.path().read_text(encoding="utf-8")
    context.close()
