"""Excel workbooks (.xlsx) as lines of text, bounded before decompression; only this module uses openpyxl."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

import openpyxl

from osteo_core.errors import TableError
from osteo_core.tables.formulas import text_of_formula

#: A workbook is a zip file: largest total size of its parts once decompressed, and largest number of parts.
_MOST_INFLATED_BYTES = 128 * 2**20
_MOST_PARTS = 1_000
#: Rows of a sheet in Excel itself, blank ones included.
_MOST_ROWS = 1_048_576
#: Replaces a formula whose result was never stored; it is not a number, so that the row is refused.
NOT_COMPUTED = "=(formula without a stored result)"


def read_sheet(content: bytes, *, most_columns: int) -> list[tuple[int, list[str]]]:
    """The filled rows of the one visible sheet that holds any, each with its row number.

    Raises TableError for a file that is no workbook, is too large, or has several filled sheets.
    """
    _check_parts(content)
    try:
        results = _filled_sheets(content, most_columns)
    except TableError:
        raise
    except Exception as error:  # a damaged part may make openpyxl raise any error
        raise TableError(
            f"the file is no Excel workbook that can be read ({type(error).__name__}); save it as CSV"
        ) from None
    if len(results) > 1:
        raise TableError(f"the workbook has {len(results)} filled sheets; save the one that is meant by itself")
    return results[0] if results else []


def _check_parts(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            sizes = [part.file_size for part in parts.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise TableError("the file is damaged or no Excel workbook; save it again, or as CSV") from None
    if len(sizes) > _MOST_PARTS or sum(sizes) > _MOST_INFLATED_BYTES:
        raise TableError(
            f"the workbook inflates to more than {_MOST_INFLATED_BYTES // 2**20} MB; save the sheet as CSV"
        )


def _filled_sheets(content: bytes, most_columns: int) -> list[list[tuple[int, list[str]]]]:
    formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False)
    values = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    found = []
    for sheet, computed in zip(formulas.worksheets, values.worksheets, strict=True):
        if sheet.sheet_state == "visible":
            rows = list(_rows(sheet, computed, most_columns))
            found += [rows] if rows else []
    return found


def _rows(sheet: Any, computed: Any, most_columns: int) -> Iterator[tuple[int, list[str]]]:
    pairs = zip(sheet.iter_rows(values_only=True), computed.iter_rows(), strict=True)
    for number, (written, stored) in enumerate(islice(pairs, _MOST_ROWS + 1), start=1):
        if number > _MOST_ROWS:
            raise TableError(f"the sheet claims more than {_MOST_ROWS:,} rows; save it as CSV")
        if any(value is not None for value in written[most_columns:]):
            raise TableError(f"the sheet has more than {most_columns} columns; save those that are needed")
        cells = [
            _with_zeros(_text(a, b.value), b.number_format)
            for a, b in zip(written[:most_columns], stored[:most_columns], strict=True)
        ]
        if any(cells):
            yield number, cells


def _text(written: object, stored: object) -> str:
    if isinstance(written, str) and written.startswith("=") and stored is None:
        return text_of_formula(written) or NOT_COMPUTED
    if stored is None:
        return ""
    if isinstance(stored, bool):
        return "true" if stored else "false"
    if isinstance(stored, float):
        return str(int(stored)) if stored.is_integer() and abs(stored) < 1e15 else repr(stored)
    if isinstance(stored, datetime):
        return (stored.date() if stored.time() == datetime.min.time() else stored).isoformat()
    return stored.isoformat() if isinstance(stored, date) else str(stored)


def _with_zeros(text: str, number_format: str | None) -> str:
    """A whole number with the leading zeros that its format shows: 12 under '00000' is '00012'."""
    zeros = len(number_format or "") if re.fullmatch("0+", number_format or "") else 0
    return text.zfill(zeros) if text.isascii() and text.isdigit() else text
