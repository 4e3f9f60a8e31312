"""Exports read back: rows, meaning of columns, no linkage to persons by default; the report's numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from osteo_core.columns.cohort import EXPORT
from osteo_core.terms import Sex, Vendor
from pages.ui import services
from pages.ui.export import report
from tests.builders.cohort import MODEL_HASH, build_cohort

RESULTS = build_cohort(60)
GE = services.CohortFilter(vendors=(Vendor.GE,))


@pytest.fixture(autouse=True)
def store(filled_store: Path, in_store: Callable[[Path], None]) -> None:
    in_store(filled_store)


def keys_of(results) -> set[str]:
    return {getattr(r.series, name) for r in results for name in ("series_key", "study_key", "patient_key")}


def test_csv_and_parquet_hold_the_filtered_series_with_their_meaning() -> None:
    chosen = [r for r in RESULTS if r.series.vendor is Vendor.GE]
    rows = list(csv.DictReader(io.StringIO(services.cohort_csv(GE, seen_by=None).decode())))
    table = parquet.read_table(io.BytesIO(services.cohort_parquet(GE, seen_by=None)))
    assert len(rows) == table.num_rows == len(chosen)
    assert list(rows[0]) == table.schema.names == [column.name for column in EXPORT]
    field = table.schema.field("mean_vbmd_mg_cm3")
    assert field.metadata[b"unit"] == b"mg/cm3 of calibration_mineral"
    values = sorted(r.assessment.mean_vbmd_mg_cm3.value for r in chosen if r.assessment)
    assert sorted(v for v in table["mean_vbmd_mg_cm3"].to_pylist() if v is not None) == values
    assert {row["is_simulated"] for row in rows} == {"true"}


def test_by_default_no_key_and_no_day_leaves() -> None:
    text = services.cohort_csv(services.CohortFilter(), seen_by=None).decode()
    assert not [key for key in keys_of(RESULTS) if key in text]
    assert not re.search(r"\d{4}-\d\d-\d\d", text)
    again = services.cohort_csv(services.CohortFilter(), seen_by=None).decode()
    assert text != again, "patients are named anew each time"
    with_keys = services.cohort_csv(services.CohortFilter(), with_keys=True, seen_by=None).decode()
    assert all(key in with_keys for key in keys_of(RESULTS))


def test_the_dictionary_names_every_column() -> None:
    rows = list(csv.reader(io.StringIO(services.dictionary_csv().decode())))
    assert [row[0] for row in rows[1:]] == [column.name for column in EXPORT]


def test_the_report_says_n_exclusions_versions_and_simulated() -> None:
    text = report.report_html(services.CohortFilter(), seen_by=None).decode()
    measured = sum(r.assessment is not None for r in RESULTS)
    for words in (
        "Research use only",
        "All patients are simulated.",
        f"n = {measured} series",
        f"n = {measured} patients, one value each",
        "8 series excluded, 0 failed, of 60",
        MODEL_HASH[:16],
        "published line, 120 kVp",
        "60 series found, 8 left out",
    ):
        assert words in text, words
    assert not [key for key in keys_of(RESULTS) if key in text]
    assert not re.search(r"<script[^>]+src=", text), "the report asks nobody"


def test_the_report_on_nobody_is_sentences() -> None:
    text = report.report_html(services.CohortFilter(sexes=(Sex.OTHER,)), seen_by=None).decode()
    assert "No patient in this filter has a vBMD" in text
    assert "No patient in this filter has a QCT value" in text
    assert "Nothing was analyzed" in text
