"""Formulas in cells: defused when written, restored when read, numbers unchanged."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteo_core.tables.content import read_table
from osteo_core.tables.formulas import guarded, guarded_table, unguarded

RUN = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1+2", "＠A1", "'=1")


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize(
    "value", ["-3.5", "+2", "-1e-5", ".5", "L1-L4", "a=b", "", "O'Brien", "'quoted'", -3.5, 7, None]
)
def test_numbers_and_other_text_stay(value) -> None:
    assert guarded(value) == value
    assert not isinstance(value, str) or unguarded(value) == value


@given(st.text(max_size=12) | st.text(alphabet="'=+-@\t\r\n＝1a.", max_size=6))
def test_any_text_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.lists(st.none() | st.text(alphabet="'=+-@\t\r\n＝＠1ae.", max_size=6), max_size=8))
def test_a_table_is_guarded_as_its_cells_are(cells: list[str | None]) -> None:
    table = pa.table({"text": pa.array(cells, pa.string()), "number": pa.array([-1.5] * len(cells))})
    found = guarded_table(table)
    assert found.schema == table.schema
    assert found.column("text").to_pylist() == [guarded(cell) for cell in cells]
    assert found.column("number") == table.column("number")


def test_a_table_of_ours_is_read_as_it_was_before_it_was_guarded() -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([("patient", "value"), *((guarded(text), -3.5) for text in RUN if not text[0].isspace())])
    table = read_table(out.getvalue().encode())
    assert [cells for _, cells in table.rows] == [(text, "-3.5") for text in RUN if not text[0].isspace()]
