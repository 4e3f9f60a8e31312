"""The help on "?", and reaching the worklist with a few Tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser


def test_a_question_mark_shows_the_keys_and_the_first_tab_leads_to_the_list(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist")
    page.locator("tr[data-key]").first.wait_for()
    page.wait_for_selector("#skip-menu", state="attached")
    page.keyboard.press("?")
    expect(page.locator("#page-keys")).to_contain_text("Undo the last note")
    page.keyboard.press("?")
    expect(page.locator("#page-keys")).not_to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#skip-menu")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator("tr.selected")).to_have_count(1)
    assert visit.complaints == []


def test_the_focus_of_a_link_in_the_menu_is_seen(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.address)
    link = page.locator(".st-key-menu").get_by_role("link", name="Worklist")
    link.wait_for()
    for _ in range(10):
        page.keyboard.press("Tab")
        if link.evaluate("(one) => one === document.activeElement"):
            break
    expect(link).to_be_focused()
    expect(link).to_have_css("outline-style", "solid")
