"""A page that has been left neither empties the page that follows it nor changes its address."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MENU, Visit

pytestmark = pytest.mark.browser

#: Follow a link as the program does, and use the page that is still on the screen.
LEAVE_AND_CLICK = """button => {
  history.pushState({}, "", "drift");
  dispatchEvent(new PopStateEvent("popstate"));
  button.click();
}"""


def test_a_click_on_a_page_that_has_been_left_does_not_empty_the_next_one(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist")
    button = page.get_by_role("button", name="Refresh list")
    button.wait_for()
    page.wait_for_selector("[data-test-script-state=notRunning]")
    button.evaluate(LEAVE_AND_CLICK)
    page.wait_for_timeout(3000)
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible(timeout=5000)
    assert page.url.endswith("/drift")
    page.go_back()
    expect(page.get_by_role("heading", name="Worklist", exact=True)).to_be_visible()
    page.locator("tr[data-key]").nth(1).click()
    expect(page.locator("tr.selected")).to_have_count(1)
    assert visit.complaints == []


#: The chip of the page on the screen is clicked, and Back is pressed, in one moment; either may reach the app first.
CLICK_AND_BACK = "chip => { chip.click(); history.back(); }"
BACK_AND_CLICK = "chip => { addEventListener('popstate', () => chip.click(), { once: true }); history.back(); }"


@pytest.mark.parametrize("steps", [CLICK_AND_BACK, BACK_AND_CLICK])
def test_after_a_click_around_back_page_and_filter_are_those_of_the_address(visit: Visit, steps: str) -> None:
    page = visit.page
    page.goto(f"{visit.address}/equity?vendor=GE")
    expect(page.get_by_role("heading", name="Equity", exact=True)).to_be_visible()
    page.locator(MENU).get_by_role("link", name="Drift").click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    chip = page.get_by_role("button", name="Vendor: GE")
    page.wait_for_selector("[data-test-script-state=notRunning]")
    chip.evaluate(steps)
    page.wait_for_timeout(3000)
    expect(page.get_by_role("heading", name="Equity", exact=True)).to_be_visible()
    assert page.url == f"{visit.address}/equity{'?vendor=GE' if chip.count() else ''}"  # the click may count, or not
    assert visit.complaints == []
