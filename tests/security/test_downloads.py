"""Downloads from a store of hostile texts: reports, call lists and tables contain them as text."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pages.ui import services
from pages.ui.export import report
from pages.ui.worklist import call_list, patient_list
from tests.browser.cohort import BrowserCohort
from tests.pages.conftest import in_store
from tests.security.hostile import ALL, HOSTILE, build_hostile_store

__all__ = ["in_store"]

EVERYBODY = services.CohortFilter()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> BrowserCohort:
    return build_hostile_store(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(autouse=True)
def store(hostile: BrowserCohort, in_store: Callable[[Path], None]) -> None:
    in_store(hostile.store)


def assert_only_text(page: str) -> None:
    """None of the texts' tags becomes an element, and nothing is loaded from elsewhere."""
    assert "Content-Security-Policy" in page
    body = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"<(img|a|script|link|iframe)[^>]*(bait|javascript)", body)
    assert "<script>document" not in page


def test_the_report_holds_texts_as_text() -> None:
    page = report.report_html(EVERYBODY, seen_by=None).decode()
    assert html.escape(f"line {ALL}") in page
    assert_only_text(page)


def test_the_call_list_holds_texts_as_text_and_no_formula(hostile: BrowserCohort) -> None:
    keys = [one.series.series_key for one in hostile.results if one.assessment and one.assessment.is_flagged]
    items = services.work_items(keys, seen_by=None)
    reasons = [f"={patient_list.reason_words(item)}" for item in items]
    page = call_list.as_page(items, reasons).decode()
    assert html.escape(ALL) in page
    assert_only_text(page)
    rows = list(csv.DictReader(io.StringIO(call_list.as_csv(items, reasons).decode("utf-8-sig"))))
    assert {row["reason"][:2] for row in rows} == {"'="}


def test_no_cell_of_the_cohort_begins_as_a_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(services.cohort_csv(EVERYBODY, seen_by=None).decode())))
    cells = [cell for row in rows for cell in row.values() if not re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", cell)]
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r")] == []
    assert any(cell == f"'{HOSTILE[-1]}" for cell in cells)
