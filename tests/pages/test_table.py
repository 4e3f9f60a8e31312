"""The cohort's table: chosen columns, any order, and the same rows in the file as on screen."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from streamlit.testing.v1 import AppTest

from osteo_core.columns.cohort import EXPORT
from osteo_core.programme.cohort import CohortFilter
from osteo_core.terms import Vendor
from pages.ui import services
from tests.builders.cohort import build_cohort, build_references

Open = Callable[..., AppTest]
RESULTS = build_cohort(60)


def test_columns_and_order_come_from_the_address_and_go_into_it(filled_store: Path, open_page: Open) -> None:
    app = open_page(
        filled_store,
        "pages/table.py",
        vendor="GE",
        column=["mean_vbmd_mg_cm3", "category"],
        by_column="mean_vbmd_mg_cm3",
    )
    assert not app.exception
    shown = app.dataframe[0].value
    values = sorted(
        r.assessment.mean_vbmd_mg_cm3.value
        for r in RESULTS
        if r.series.vendor is Vendor.GE and r.assessment and r.assessment.mean_vbmd_mg_cm3
    )
    assert list(shown) == ["mean_vbmd_mg_cm3", "category"]
    assert list(shown["mean_vbmd_mg_cm3"].dropna()) == values
    assert shown["mean_vbmd_mg_cm3"].isna().iloc[-1], "what is missing comes last"
    app.toggle(key="downwards").set_value(True).run()
    assert app.query_params["downwards"] == "true"
    assert list(app.dataframe[0].value["mean_vbmd_mg_cm3"].dropna()) == values[::-1]
    app.multiselect(key="column").set_value([]).run()
    assert "column" not in app.query_params, "nothing chosen: the usual columns"
    assert "vendor" in app.dataframe[0].value
    assert "is_simulated" in app.dataframe[0].value


def test_an_unknown_column_is_said(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/table.py", column=["vendor", "name"], by_column="birth_date")
    said = " ".join(one.value for one in app.warning).replace("\\", "")  # drawn literally, with escapes
    assert "Column 'name' in the address is unknown" in said
    assert "Order of the table 'birth_date' in the address is unknown" in said
    assert list(app.dataframe[0].value) == ["vendor"]


@pytest.mark.parametrize("name", [column.name for column in EXPORT])
def test_the_table_can_be_sorted_by_any_column(filled_store: Path, in_store: Callable[[Path], None], name: str) -> None:
    in_store(filled_store)
    part = services.Selection(columns=(name,), order=name, then="series", limit=7)
    few = services.cohort_table(CohortFilter(), part, with_keys=False, secret="s", seen_by=None)[name].to_pylist()
    whole = services.Selection(columns=(name,), order=name, then="series")
    found = services.cohort_table(CohortFilter(), whole, with_keys=False, secret="s", seen_by=None)[name].to_pylist()
    known = [value for value in found if value is not None]
    assert known == sorted(known)
    assert found[:7] == few
    assert len(found) == len(RESULTS)


def test_a_file_holds_what_the_screen_shows_and_two_choices_cannot_be_joined(
    filled_store: Path, in_store: Callable[[Path], None]
) -> None:
    in_store(filled_store)
    columns = ("patient", "category", "reference_vbmd_mg_cm3")
    part = services.Selection(columns=columns, order="patient", then="series", limit=10)
    shown = services.cohort_table(CohortFilter(), part, with_keys=False, secret="s", seen_by=None)
    whole = services.cohort_table(
        CohortFilter(),
        services.Selection(columns=columns, order="patient", then="series"),
        with_keys=False,
        secret="s",
        seen_by=None,
    )
    held = parquet.read_table(io.BytesIO(services.as_parquet(whole)))
    assert held.slice(0, 10).to_pylist() == shown.to_pylist()
    assert held.schema.field("reference_vbmd_mg_cm3").metadata[b"unit"] == b"mg/cm3 of calibration_mineral"
    assert sorted(v for v in held["reference_vbmd_mg_cm3"].to_pylist() if v) == sorted(
        value.vbmd_mg_cm3 for value in build_references(RESULTS)
    )
    assert services.as_csv(shown).decode().count("\n") == 11
    keyed = services.cohort_table(
        CohortFilter(),
        services.Selection(columns=("series",), order="series", then="series"),
        with_keys=True,
        secret="s",
        seen_by=None,
    )
    order = [r.series.series_key for r in RESULTS]
    first = services.Selection(columns=("patient", "mean_vbmd_mg_cm3"), order="mean_vbmd_mg_cm3", then="series")
    second = services.Selection(columns=("patient", "category"), order="mean_vbmd_mg_cm3", then="series")
    names = [
        services.cohort_table(CohortFilter(), p, with_keys=False, secret="s", seen_by=None)["patient"].to_pylist()
        for p in (first, second)
    ]
    assert names[0] != names[1]
    file = services.cohort_table(
        CohortFilter(), services.selection_of_file(part), with_keys=False, secret="s", seen_by=None
    )
    assert file.schema.names == [*columns, "is_simulated"], "a file says what is invented, chosen or not"
    assert set(file["is_simulated"].to_pylist()) == {True}
    assert file["patient"].slice(0, 10).to_pylist() == shown["patient"].to_pylist()
    assert sorted(keyed["series"].to_pylist()) == sorted(order)
