"""Cells that a spreadsheet would run: text that begins like a formula is written with an apostrophe before it.

Numbers stay numbers, even if they are written as text ('-3.5'); Parquet holds no formulas and needs no guard.
Source: OWASP, CSV Injection (owasp.org/www-community/attacks/CSV_Injection, 2026).
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

#: Apostrophes before the sign count too, so that reading back is exact.
_FORMULA = r"^'*[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_IS_FORMULA = re.compile(_FORMULA.replace("x{", "u").replace("}", ""))
_IS_NUMBER = re.compile(_NUMBER)
_TEXT_FORMULA = re.compile(r'="([^"]+)"')


def guarded(value: Any) -> Any:
    """A cell to write: text that begins like a formula behind an apostrophe, everything else as it is."""
    is_text = isinstance(value, str)
    return f"'{value}" if is_text and _IS_FORMULA.match(value) and not _IS_NUMBER.match(value) else value


def unguarded(text: str) -> str:
    """The content of a cell before ``guarded``; other text as it is."""
    return text[1:] if text.startswith("'") and _IS_FORMULA.match(text) else text


def text_of_formula(text: str) -> str:
    """The text of a formula that is a single text, such as ="00012" to keep leading zeros; '' for anything else."""
    found = _TEXT_FORMULA.fullmatch(text)
    return found[1] if found else ""


def guarded_table(table: pa.Table) -> pa.Table:
    """The table with every column of text guarded."""
    for place, column in enumerate(table.schema):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            cells = table.column(place)
            is_formula = compute.and_not(
                compute.match_substring_regex(cells, _FORMULA), compute.match_substring_regex(cells, _NUMBER)
            )
            marked = compute.binary_join_element_wise(pa.scalar("'", column.type), cells, pa.scalar("", column.type))
            table = table.set_column(place, column, compute.if_else(is_formula, marked, cells))
    return table
