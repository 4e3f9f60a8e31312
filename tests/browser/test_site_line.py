"""A line from QCT pairs in a real browser: inspected, put into use, and categories follow without segmentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from commands import store_access
from commands.analysis_job import default_models
from db.key import pseudonyms_of
from db.parts import write_parts
from db.rows import indexed_tables, reference_table, result_tables
from osteo_core.records import Found, ReferenceValue, SeriesResult
from osteo_core.settings import STORE_LINES, Settings
from osteo_core.terms import Category, ContrastPhase, KernelGroup, Vendor
from tests.browser.server import start_server, stop_server
from tests.builders.cohort import build_cohort

pytestmark = pytest.mark.browser

#: The cohort's own line is 0.74 HU + 5; the QCT of this site gives lower vBMD.
SLOPE, INTERCEPT = 0.6, 2.0


@dataclass(frozen=True, kw_only=True)
class Site:
    address: str
    store: Path
    results: list[SeriesResult]


def hu_of(result: SeriesResult) -> float:
    assert result.assessment is not None
    used = [m.median_hu for m in result.measurements if m.level in result.assessment.levels_used and m.median_hu]
    return sum(used) / len(used)


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Forty patients of one scanner, unenhanced, with this program's results and their QCT values."""
    store = tmp_path_factory.mktemp("site") / "store"
    results = [
        replace(
            one,
            series=replace(
                one.series,
                vendor=Vendor.GE,
                manufacturer_model_name="Revolution",
                kernel_group=KernelGroup.STANDARD,
                patient_age_years=72.0,
            ),
            contrast_phase=ContrastPhase.NATIVE,
            model_hash=default_models().result_hash,
            has_rods=False,
        )
        for one in build_cohort(60)
        if one.assessment is not None and one.assessment.mean_vbmd_mg_cm3 is not None
    ][:40]
    store.parent.mkdir(exist_ok=True)
    pseudonyms_of(Settings(store=store))
    found = Found(series=tuple(one.series for one in results))
    write_parts(store, indexed_tables(found, at=datetime(2026, 1, 1, tzinfo=UTC)))
    for one in results:
        write_parts(store, result_tables(one))
    values = [
        ReferenceValue(
            patient_key=one.series.patient_key,
            level=None,
            vbmd_mg_cm3=max(SLOPE * hu_of(one) + INTERCEPT + 2.0 * (-1) ** n, 0.0),
            source="QCT",
        )
        for n, one in enumerate(results)
    ]
    write_parts(store, {"reference_values": reference_table(values)})
    store_access.hand_over(store)
    running = start_server(store)
    yield Site(address=running.address, store=store, results=results)
    stop_server(running)


def test_a_line_is_put_into_use_and_categories_follow(browser: Browser, site: Site) -> None:
    moved = next(
        one
        for one in site.results
        if one.assessment and one.assessment.category is Category.LOW_BONE_MASS and SLOPE * hu_of(one) + INTERCEPT < 74
    )
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{site.address}/patient?series={moved.series.series_key}")
    expect(page.get_by_text("low bone mass", exact=False).first).to_be_visible(timeout=60_000)
    page.goto(f"{site.address}/agreement")
    expect(page.get_by_role("heading", name="Calibration line from these pairs")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("40 of 40 series of this scanner were tried.")).to_be_visible()
    page.get_by_role("button", name="Use this line").click()
    expect(page.get_by_text("needs an author", exact=False)).to_be_visible()
    page.get_by_text("Import QCT values").click()
    page.get_by_role("textbox", name="Noted by").fill("AB")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Recorded with the name under 'Noted by': AB.").first).to_be_visible()
    page.get_by_role("textbox", name="Why").first.fill("40 pairs, this phantom")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use this line").click()
    expect(page.get_by_text("The line is in use", exact=False)).to_be_visible()
    assert (site.store / STORE_LINES).is_file()
    masks = set((site.store / "media").glob("*")) if (site.store / "media").is_dir() else set()

    page.goto(f"{site.address}/patient?series={moved.series.series_key}")
    for _ in range(60):
        page.wait_for_timeout(1000)
        if page.get_by_text("QCT pairs of", exact=False).count():
            break
        page.reload()
    expect(page.get_by_text("QCT pairs of", exact=False).first).to_be_visible()
    expect(page.get_by_text("osteoporosis", exact=False).first).to_be_visible()
    assert masks == (set((site.store / "media").glob("*")) if (site.store / "media").is_dir() else set())
    context.close()
