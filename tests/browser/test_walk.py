"""A lead's workflow in a real browser: Home, Worklist, Patient; what is shown, and that no other host is contacted."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pages.ui.shared import wording
from tests.browser.cohort import BrowserCohort
from tests.browser.conftest import MENU, Visit

pytestmark = pytest.mark.browser

#: Streamlit probes its base path on deep links; harmless, and on this host only.
READY = '[data-testid="stMainBlockContainer"] h1'


def canvas_pixels(visit: Visit, plane: str = "sagittal") -> np.ndarray:
    """A plane's canvas as RGB."""
    picture = visit.page.locator(f"canvas[data-plane={plane}]").screenshot(timeout=120_000)
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


def test_home_to_worklist_to_patient(visit: Visit, cohort: BrowserCohort) -> None:
    page = visit.page
    page.goto(visit.address)
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    expect(page.get_by_text(wording.RESEARCH_USE)).to_be_visible()
    expect(page.get_by_text("All patients here are simulated").first).to_be_visible()

    page.locator(MENU).get_by_role("link", name="Worklist").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    page.locator("tr[data-key]").first.click()
    page.keyboard.press("o")
    page.wait_for_url("**/patient?series=*")
    page.wait_for_selector(".reader[data-drawn]", timeout=120_000)
    flagged = [r for r in cohort.results if r.assessment and r.assessment.is_flagged]
    assert any(f"series={r.series.series_key}" in page.url for r in flagged)
    expect(page.get_by_text("How it was measured")).to_be_visible()
    assert "of" in page.locator(".reader .place").inner_text()

    pixels = canvas_pixels(visit)
    assert pixels.std() > 20, "the planes are blank"
    coloured = (pixels.max(axis=2) - pixels.min(axis=2)) > 40
    assert coloured.mean() > 0.005, "the mask is not drawn over the CT"
    assert "HU" in page.locator(".readout").inner_text()
    assert visit.foreign() == []
    assert visit.complaints == []


def test_home_follows_a_run_until_it_ends(visit: Visit, cohort: BrowserCohort) -> None:
    page, progress = visit.page, cohort.store / "progress.json"
    run = {"stage": "analyze", "total": 40, "pid": os.getpid(), "rate_per_min": 6.0, "eta_s": 60.0}
    progress.write_text(json.dumps({**run, "done": 3}))
    try:
        page.goto(visit.address)
        expect(page.get_by_text("3 of 40 steps")).to_be_visible()
        progress.write_text(json.dumps({**run, "done": 17}))
        expect(page.get_by_text("17 of 40 steps")).to_be_visible()
    finally:
        progress.unlink()
    expect(page.get_by_text("of 40 steps")).to_have_count(0)
    expect(page.get_by_role("heading", name="Bone density in this cohort")).to_be_visible()


def test_a_deep_link_keeps_the_frame_and_the_choice_stands_in_the_address(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist?vendor=GE&flagged=true")
    page.wait_for_selector(READY)
    expect(page.get_by_text(wording.RESEARCH_USE)).to_be_visible()
    expect(page.locator(MENU).get_by_role("link", name="About and limits")).to_be_visible()
    expect(page.get_by_role("button", name="Vendor: GE")).to_be_visible()
    assert "vendor=GE" in page.url


def test_a_filter_goes_along_and_is_there_again_on_the_way_back(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist?sex=F")
    chosen = page.get_by_role("button", name="Sex: women (F)")
    expect(chosen).to_be_visible()
    page.locator(MENU).get_by_role("link", name="Prevalence").click()
    page.wait_for_url("**/prevalence?sex=F")
    expect(chosen).to_be_visible()
    page.locator(MENU).get_by_role("link", name="Worklist").click()
    page.wait_for_url("**/worklist?sex=F")
    page.locator("tr[data-key]").first.click()
    page.keyboard.press("o")
    page.wait_for_url("**/patient?series=*")
    page.go_back()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    page.wait_for_url("**/worklist?sex=F")
    expect(chosen).to_be_visible()


def test_the_notice_of_research_use_is_below_the_bar_of_a_narrow_window(visit: Visit, cohort: BrowserCohort) -> None:
    page = visit.page
    page.set_viewport_size({"width": 720, "height": 500})  # as at a zoom of 200 %
    key = next(r.series.series_key for r in cohort.results if r.assessment and r.assessment.is_flagged)
    page.goto(f"{visit.address}/patient?series={key}")
    page.wait_for_selector(".reader[data-drawn]", timeout=120_000)
    bar, notice = page.get_by_test_id("stHeader").bounding_box(), page.get_by_text(wording.RESEARCH_USE).bounding_box()
    assert bar is not None
    assert notice is not None
    assert notice["y"] >= bar["y"] + bar["height"]


def test_a_level_button_moves_the_planes(visit: Visit, cohort: BrowserCohort) -> None:
    key = next(r.series.series_key for r in cohort.results if r.segmentation is not None)
    visit.page.goto(f"{visit.address}/patient?series={key}")
    visit.page.wait_for_selector(".reader[data-drawn]", timeout=120_000)
    before = canvas_pixels(visit, "axial")
    visit.page.locator(".card[data-number='24']").click()
    expect(visit.page.locator(".card[data-number='24']")).to_have_attribute("aria-current", "true")
    visit.page.wait_for_timeout(500)
    assert np.abs(canvas_pixels(visit, "axial") - before).mean() > 1.0


def test_the_headline_gives_every_reason_of_the_worklist(visit: Visit, cohort: BrowserCohort) -> None:
    key = next(r.series.series_key for r in cohort.results if r.assessment and r.assessment.worst_fracture_grade)
    visit.page.goto(f"{visit.address}/patient?series={key}")
    visit.page.wait_for_selector(".reader[data-drawn]", timeout=120_000)
    expect(visit.page.locator(".reader .why")).to_contain_text("grade 2 fracture L1; possible vertebral fracture of L1")


def settle(page: Page) -> None:
    """Wait until the page is drawn: on a busy machine, a click during a redraw is lost."""
    page.wait_for_timeout(500)
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.wait_for_timeout(500)


def test_a_radiologist_reads_the_cause_of_a_level_and_notes_on_the_patients_page(
    visit: Visit, cohort: BrowserCohort
) -> None:
    page = visit.page
    fractured = [r for r in cohort.results if r.assessment and r.assessment.worst_fracture_grade]
    page.goto(f"{visit.address}/patient?series={fractured[-1].series.series_key}")
    expect(page.get_by_role("heading", name="Fracture: grade and cause")).to_be_visible()
    page.wait_for_selector(".reader[data-drawn]", timeout=120_000)
    page.get_by_role("textbox", name="Noted by").fill("AB")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Cause of a level").click()
    page.get_by_role("combobox", name="Class (m2ABQ)").click()
    page.get_by_role("option", name="Non-osteoporotic deformity").click()
    settle(page)
    page.get_by_role("button", name="Note for L1").click()
    expect(page.get_by_text("Noted for L1: non-osteoporotic deformity")).to_be_visible()
    page.keyboard.press("Escape")
    settle(page)
    page.get_by_role("button", name="Other step").click()
    expect(page.get_by_role("button", name="Note for 1 series")).to_be_disabled()
    page.get_by_role("combobox", name="Note", exact=True).click()
    page.get_by_role("option", name="Falls assessed").click()
    settle(page)
    page.get_by_role("button", name="Note for 1 series").click()
    expect(page.get_by_text("Noted for 1 series: falls assessed")).to_be_visible()
    page.reload()
    # both remain, with nothing of this visit remembered but the store
    history = page.get_by_test_id("stDataFrame").last
    expect(history.locator("td", has_text="L1: non-osteoporotic deformity")).to_have_count(1)
    expect(history.locator("td", has_text="falls assessed")).to_have_count(1)
    assert visit.complaints == []


def test_a_researcher_imports_qct_sees_why_rows_are_refused_and_exports(visit: Visit, cohort: BrowserCohort) -> None:
    page = visit.page
    page.goto(f"{visit.address}/agreement")
    page.wait_for_selector(READY)
    page.get_by_text("Import QCT values").click()
    page.get_by_role("textbox", name="Noted by").fill("AB")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    table = b"MRN;Vertebra;BMD\n77;L1;92,4\n77;9;88,0\n;L1;70\n"
    page.locator('input[type="file"]').set_input_files({"name": "qct.csv", "mimeType": "text/csv", "buffer": table})
    page.get_by_role("button", name="K2HPO4").or_(page.get_by_role("radio", name="K2HPO4")).first.click()
    expect(page.get_by_text("2 rows refused", exact=False)).to_be_visible()
    page.get_by_role("button", name="Import 1 value").click()
    expect(page.get_by_text("1 QCT value imported.")).to_be_visible()

    page.locator(MENU).get_by_role("link", name="Export").click()
    expect(page.get_by_role("heading", name="Export")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_test_id("stDownloadButton").get_by_role("button").first.click()
    text = waiting.value.path().read_text()
    assert text.count("\n") == len(cohort.results) + 1
    assert not [r for r in cohort.results if r.series.patient_key in text]
    assert visit.complaints == []


def test_home_says_what_changed_since_the_last_visit_and_leads_to_its_lists(
    visit: Visit, cohort: BrowserCohort
) -> None:
    page = visit.page
    page.goto(visit.address)
    expect(page.get_by_text("From your second visit on")).to_be_visible()
    page.wait_for_function("() => Object.keys(localStorage).some(key => key.startsWith('osteo-visit-'))")
    page.wait_for_timeout(2000)
    page.evaluate(
        """() => {
          const key = Object.keys(localStorage).find(key => key.startsWith('osteo-visit-'));
          localStorage.setItem(key, JSON.stringify({ seen: Date.UTC(2020, 0, 2), before: 0 }));
        }"""
    )
    page.reload()
    expect(page.get_by_text("Since your last visit (2 Jan 2020", exact=False)).to_be_visible(timeout=90_000)
    expect(page.get_by_role("link", name=f"{len(cohort.results)} series read")).to_be_visible()

    page.get_by_role("link", name="See them").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Series processed")).to_be_visible()
    expect(dialog.get_by_text(f"{len(cohort.results)} series", exact=False).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Too thick", exact=False).click()
    table = dialog.get_by_test_id("stDataFrame").locator("canvas").first
    table.wait_for()
    page.wait_for_timeout(1500)
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 200, box["y"] + 35 + 17)
    page.wait_for_url("**/patient?series=*")
    assert visit.complaints == []


def test_the_link_back_from_a_patient_leads_to_the_same_page_of_the_list(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist?page=2")
    expect(page.get_by_label("Page (of 2)")).to_have_value("2")
    page.locator("tr[data-key]").first.click()
    page.locator("button.primary", has_text="Open").click()
    expect(page.get_by_role("heading", name="How it was measured")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("link", name="Worklist").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    expect(page.get_by_label("Page (of 2)")).to_have_value("2")


def test_the_panel_of_filters_is_whole_as_soon_as_its_fields_are_there(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.address}/worklist")
    page.wait_for_selector("tr[data-key]")
    page.get_by_test_id("stPopoverButton").filter(has_text="Filters").click()
    panel = page.get_by_test_id("stPopoverBody")
    expect(panel.get_by_text("Saved views")).to_be_attached()
    page.wait_for_timeout(1500)
    waiting = panel.locator("*").evaluate_all(
        "(all) => all.filter((one) => getComputedStyle(one).visibility === 'hidden'"
        " && one.innerText.trim()).map((one) => one.innerText.slice(0, 40))"
    )
    assert waiting == []
