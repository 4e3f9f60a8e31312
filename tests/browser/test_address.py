"""Address and screen agree on every page: deep link, one history entry a step, Back, Forward, reload, two tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import MENU, Visit

pytestmark = pytest.mark.browser

#: Pages with a cohort filter, by their place in the address, with their heading.
PAGES = {
    "worklist": "Worklist",
    "follow_up": "Follow-up",
    "prevalence": "Prevalence",
    "agreement": "Agreement with QCT",
    "drift": "Drift",
    "equity": "Equity",
    "exclusions": "Exclusions",
    "export": "Export",
}


def chip(page: Page, words: str) -> Locator:
    return page.get_by_role("button", name=words)


def entries(page: Page) -> int:
    found: int = page.evaluate("history.length")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_step_is_one_entry_and_back_forward_and_reload_show_what_the_address_says(visit: Visit, name: str) -> None:
    page = visit.page
    page.goto(f"{visit.address}/{name}?vendor=GE&sex=F")
    expect(page.get_by_role("heading", name=PAGES[name], exact=True)).to_be_visible()
    expect(chip(page, "Vendor: GE")).to_be_visible()
    before = entries(page)
    chip(page, "Sex: women (F)").click()
    page.wait_for_url(f"**/{name}?vendor=GE")
    expect(chip(page, "Sex: women (F)")).to_have_count(0)
    assert entries(page) == before + 1
    page.go_back()
    expect(chip(page, "Sex: women (F)")).to_be_visible()
    assert page.url.endswith(f"/{name}?vendor=GE&sex=F")
    page.go_forward()
    expect(chip(page, "Sex: women (F)")).to_have_count(0)
    expect(chip(page, "Vendor: GE")).to_be_visible()
    assert page.url.endswith(f"/{name}?vendor=GE")
    page.reload()
    expect(chip(page, "Vendor: GE")).to_be_visible()
    expect(chip(page, "Sex: women (F)")).to_have_count(0)
    assert entries(page) == before + 1
    assert visit.complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_what_an_address_asks_for_in_vain_is_said(visit: Visit, name: str) -> None:
    page = visit.page
    page.goto(f"{visit.address}/{name}?vendor=GE&vendor=Acme&sexx=F&age_from=old")
    expect(page.get_by_text("The address asks for vendor 'Acme', which is not known here")).to_be_visible()
    expect(page.get_by_text("The address asks for age from 'old', which is not known here")).to_be_visible()
    expect(page.get_by_text("The address holds 'sexx', which no page knows")).to_be_visible()
    expect(chip(page, "Vendor: GE")).to_be_visible()
    page.wait_for_url(f"**/{name}?vendor=GE")


def test_filters_travel_with_every_link_and_two_tabs_do_not_disturb_each_other(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist?vendor=GE&flagged=true")
    expect(chip(page, "Flagged")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{visit.address}/worklist?sex=M")
    expect(chip(other, "Sex: men (M)")).to_be_visible()
    before = entries(page)
    for number, name in enumerate(("prevalence", "exclusions", "export"), start=1):
        page.locator(MENU).get_by_role("link", name=PAGES[name]).click()
        expect(page.get_by_role("heading", name=PAGES[name], exact=True)).to_be_visible()
        expect(chip(page, "Vendor: GE")).to_be_visible()
        page.wait_for_url(f"**/{name}?vendor=GE*")
        assert entries(page) == before + number
    page.get_by_role("link", name="left out: see why").click()
    page.wait_for_url("**/exclusions?vendor=GE")
    expect(chip(page, "Vendor: GE")).to_be_visible()
    for name in ("export", "exclusions", "prevalence", "worklist"):
        page.go_back()
        page.wait_for_url(f"**/{name}?vendor=GE*")
    expect(chip(page, "Flagged")).to_be_visible()
    other.reload()
    expect(chip(other, "Sex: men (M)")).to_be_visible()
    expect(chip(other, "Vendor: GE")).to_have_count(0)


def test_a_patient_is_one_step_from_the_list_and_back(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist?vendor=GE")
    page.locator("tr[data-key]").first.click()
    key = page.locator("tr.selected").get_attribute("data-key")
    before = entries(page)
    page.keyboard.press("o")
    page.wait_for_url(f"**/patient?series={key}")
    assert entries(page) == before + 1
    expect(page.get_by_role("heading", name="How it was measured")).to_be_visible()
    page.go_back()
    page.wait_for_url("**/worklist?vendor=GE")
    expect(page.locator(f'tr.selected[data-key="{key}"]')).to_be_visible()
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.go_forward()
    page.wait_for_url(f"**/patient?series={key}")
    expect(page.get_by_role("heading", name="How it was measured")).to_be_visible()


def test_clear_all_shows_everybody_again(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/prevalence?vendor=GE&age_from=60&by=Vendor")
    expect(chip(page, "Age from 60")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    page.wait_for_url("**/prevalence?by=Vendor")
    expect(page.get_by_text("Everybody: no filter is set.")).to_be_visible()
