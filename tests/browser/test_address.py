"""Address and screen agree on every page: deep link, one history entry per step, Back, Forward, reload, two tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser.conftest import MENU, Visit

pytestmark = pytest.mark.browser

#: Pages with a cohort filter: path in the address -> heading.
PAGES = {
    "worklist": "Worklist",
    "follow_up": "Follow-up",
    "prevalence": "Prevalence",
    "agreement": "Agreement with QCT",
    "drift": "Drift",
    "equity": "Equity",
    "exclusions": "Exclusions",
    "table": "Table",
    "export": "Export",
}
#: The other pages: path in the address -> heading.
WITHOUT_FILTER = {
    "": "Home",
    "patient": "Patient",
    "look_up": "Look up",
    "replication": "Replication of Fang 2021",
    "about": "About and limits",
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
    expect(page.get_by_text("Vendor 'Acme' in the address is unknown")).to_be_visible()
    expect(page.get_by_text("Age from 'old' in the address is unknown")).to_be_visible()
    expect(page.get_by_text("The address contains an unknown filter 'sexx'")).to_be_visible()
    expect(chip(page, "Vendor: GE")).to_be_visible()
    page.wait_for_url(f"**/{name}?vendor=GE")


@pytest.mark.parametrize("name", WITHOUT_FILTER)
def test_pages_without_a_filter_open_by_their_address_and_say_what_they_do_not_know(visit: Visit, name: str) -> None:
    page = visit.page
    page.goto(f"{visit.address}/{name}?sexx=F")
    expect(page.get_by_role("heading", name=WITHOUT_FILTER[name], exact=True)).to_be_visible()
    expect(page.get_by_text("The address contains an unknown filter 'sexx'")).to_be_visible()
    page.wait_for_url(f"{visit.address}/{name}")
    before = entries(page)
    page.locator(MENU).get_by_role("link", name="Drift").click()
    page.wait_for_url("**/drift")
    assert entries(page) == before + 1
    page.go_back()
    page.wait_for_url(f"{visit.address}/{name}")
    expect(page.get_by_role("heading", name=WITHOUT_FILTER[name], exact=True)).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    assert visit.complaints == []


def test_a_patient_and_a_box_that_are_not_there_are_said(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/patient?series=abc")
    expect(page.get_by_text("This store holds no such series")).to_be_visible()
    page.goto(f"{visit.address}/exclusions?box=attic")
    expect(page.get_by_text("There is no box 'attic' in this figure.")).to_be_visible()
    page.goto(f"{visit.address}/agreement?group=Acme&unit=feet")
    expect(page.get_by_text("There is no group 'Acme' here")).to_be_visible()
    expect(page.get_by_text("comparison 'feet' in the address is unknown")).to_be_visible()


def test_back_to_an_address_without_a_page_keeps_the_way_forward(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/nosuch")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")
    page.keyboard.press("Escape")
    page.locator(MENU).get_by_role("link", name="Drift").click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    while not page.url.endswith("/nosuch"):
        page.evaluate("history.back()")
        page.wait_for_timeout(500)
    page.wait_for_timeout(4000)  # longer than other pages are refused
    page.wait_for_selector("[data-test-script-state=notRunning]")
    assert page.url.endswith("/nosuch")
    for _ in range(2):
        page.evaluate("history.forward()")
        page.wait_for_timeout(500)
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()


def test_back_right_after_a_patient_was_opened_keeps_the_way_forward(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist?vendor=GE")
    page.locator("tr[data-key]").first.click()
    key = page.locator("tr.selected").get_attribute("data-key")
    page.keyboard.press("o")
    page.wait_for_url(f"**/patient?series={key}")
    page.evaluate("history.back()")  # before the patient's page has loaded
    page.wait_for_url("**/worklist?vendor=GE")
    page.wait_for_timeout(2000)
    page.wait_for_selector("[data-test-script-state=notRunning]")
    assert page.url.endswith("/worklist?vendor=GE")
    page.evaluate("history.forward()")
    page.wait_for_url(f"**/patient?series={key}")
    expect(page.get_by_role("heading", name="How it was measured")).to_be_visible()


@pytest.mark.parametrize("name", ["prevalence", "agreement"])
def test_a_comparison_is_in_the_address_one_entry_a_step_and_removable(visit: Visit, name: str) -> None:
    page = visit.page
    page.goto(f"{visit.address}/{name}?vendor=GE")
    page.get_by_role("button", name="Compare with …").click()
    page.wait_for_url(f"**/{name}?vendor=GE&compare=true")
    page.goto(f"{visit.address}/{name}?vendor=GE&compare=true&vs_sex=F&vs_vendor=Acme")
    expect(page.get_by_text("second vendor 'Acme' in the address is unknown")).to_be_visible()
    expect(page.get_by_role("heading", name="Comparison")).to_be_visible()
    before = entries(page)
    chip(page, "Sex: women (F)").click()
    page.wait_for_url(f"**/{name}?vendor=GE&compare=true")
    assert entries(page) == before + 1
    page.go_back()
    page.wait_for_url(f"**/{name}?vendor=GE&compare=true&vs_sex=F")
    expect(chip(page, "Sex: women (F)")).to_be_visible()
    page.reload()
    expect(chip(page, "Sex: women (F)")).to_be_visible()
    expect(chip(page, "Vendor: GE")).to_be_visible()
    chip(page, "Remove the comparison").click()
    page.wait_for_url(f"**/{name}?vendor=GE")
    expect(chip(page, "Compare with …")).to_be_visible()
    assert visit.complaints == []


def downloaded(page: Page, name: str) -> str:
    """The file behind a button; clicked again if the page was redrawn under the first click."""
    for _ in range(5):
        page.wait_for_timeout(2000)
        try:
            with page.expect_download(timeout=20_000) as waiting:
                page.get_by_role("button", name=name, exact=True).click()
            return waiting.value.path().read_text()
        except PlaywrightTimeoutError:
            continue
    raise AssertionError(f"no click on {name} gave a file")


def test_the_tables_columns_and_order_are_in_the_address(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/table?column=patient&column=mean_vbmd_mg_cm3")
    table = page.get_by_test_id("stDataFrame")
    table.locator("canvas").first.wait_for()
    page.wait_for_timeout(2000)
    before = entries(page)
    table.click(position={"x": 900, "y": 16})
    page.wait_for_url("**/table?column=patient&column=mean_vbmd_mg_cm3&by_column=mean_vbmd_mg_cm3")
    assert entries(page) == before + 1
    table.click(position={"x": 900, "y": 16})
    page.wait_for_url("**&downwards=true")
    page.go_back()
    page.wait_for_url("**&by_column=mean_vbmd_mg_cm3")
    lines = downloaded(page, "CSV").splitlines()
    assert lines[0] == '"patient","mean_vbmd_mg_cm3","is_simulated"'
    values = [float(line.split(",")[1]) for line in lines[1:] if line.split(",")[1]]
    assert values == sorted(values)


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
    page.get_by_role("link", name="without a category: see why").click()
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
