"""A researcher's workflow in a real browser: import QCT, see the agreement, click the outlier and open it, export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, expect

from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import SeriesResult
from tests.browser.cohort import build_browser_cohort
from tests.browser.conftest import MENU
from tests.browser.server import start_server, stop_server

pytestmark = pytest.mark.browser

#: Position of a value in a figure on the screen, in px from the figure's corner.
PLACE = """(chart, at) => {
  const layout = chart._fullLayout;
  return [layout._size.l + layout.xaxis.d2p(at[0]), layout._size.t + layout.yaxis.d2p(at[1])];
}"""


@dataclass(frozen=True, kw_only=True)
class Study:
    """The running app and its patients: results by the patient's own number."""

    address: str
    results: dict[str, SeriesResult]


@pytest.fixture(scope="module")
def study(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    folder = tmp_path_factory.mktemp("researcher")
    pseudonyms = Pseudonyms.from_key_file(folder / "key")
    numbers = [f"MRN{n:03d}" for n in range(24)]
    cohort = build_browser_cohort(
        folder, count=24, patient_keys=[pseudonyms.patient(n) for n in numbers], with_qct=False
    )
    running = start_server(cohort.store, OSTEO_KEY_FILE=str(folder / "key"))
    yield Study(address=running.address, results=dict(zip(numbers, cohort.results, strict=True)))
    stop_server(running)


def qct_table(study: Study, outlier: str) -> tuple[bytes, tuple[float, float]]:
    """A table of QCT values 3 mg/cm3 from the CT's, one of them 60; and that one's position: mean and difference."""
    lines = ["Patient number;QCT"]
    place = (0.0, 0.0)
    for k, (number, result) in enumerate(study.results.items()):
        if result.assessment is None or result.assessment.mean_vbmd_mg_cm3 is None:
            continue
        value = result.assessment.mean_vbmd_mg_cm3.value
        qct = value + (60.0 if number == outlier else 3.0 * (-1) ** k)
        lines.append(f"{number};{qct:.2f}")
        if number == outlier:
            place = ((value + round(qct, 2)) / 2, value - round(qct, 2))
    return "\n".join(lines).encode(), place


def import_table(page: Page, table: bytes) -> None:
    page.get_by_role("textbox", name="Noted by").fill("AB")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    page.locator('input[type="file"]').set_input_files({"name": "qct.csv", "mimeType": "text/csv", "buffer": table})
    for label, column in (("Patient", "Patient number"), ("vBMD, mg/cm³", "QCT")):
        box = page.get_by_role("combobox", name=label, exact=False).first
        box.click()
        page.get_by_role("option", name=column, exact=True).click()
    page.get_by_role("button", name="K2HPO4").or_(page.get_by_role("radio", name="K2HPO4")).first.click()


def test_from_a_table_of_qct_to_the_outliers_patient_and_out_again(browser: Browser, study: Study) -> None:
    outlier = next(n for n, r in study.results.items() if r.assessment and r.segmentation)
    table, place = qct_table(study, outlier)
    count = table.count(b"\n")
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{study.address}/agreement")
    expect(page.get_by_text("No measured patient in this filter has a QCT value")).to_be_visible(timeout=60_000)
    import_table(page, table)
    page.get_by_role("button", name=f"Import {count} values").click()
    expect(page.get_by_text(f"{count} QCT values imported.")).to_be_visible()

    chart = page.locator(".js-plotly-plot").nth(1)
    expect(page.get_by_role("heading", name="Bland-Altman")).to_be_visible()
    chart.locator(".points path").first.wait_for(state="attached")
    page.wait_for_timeout(2000)
    chart.scroll_into_view_if_needed()
    x, y = chart.evaluate(PLACE, list(place))
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x + 3, box["y"] + y)
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_url("**/patient?series=*")
    assert f"series={study.results[outlier].series.series_key}" in page.url

    page.locator(MENU).get_by_role("link", name="Export").click()
    expect(page.get_by_role("heading", name="Export")).to_be_visible()
    page.get_by_role("combobox", name="Figure", exact=False).last.click()
    page.get_by_role("option", name="Differences from QCT").click()
    expect(page.get_by_text(f"n = {count} patients, one value each", exact=False)).to_be_visible()
    svg = download(page, "SVG")
    ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    assert f"n = {count} patients" in svg.read_text(encoding="utf-8")
    assert download(page, "Report (PDF)").read_bytes().startswith(b"%PDF-")
    text = download(page, "CSV").read_text()
    assert text.count("\n") == len(study.results) + 1
    assert not [number for number in study.results if number in text]
    context.close()


def download(page: Page, name: str) -> Path:
    with page.expect_download(timeout=240_000) as waiting:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name=name, exact=False).first.click()
    return waiting.value.path()
