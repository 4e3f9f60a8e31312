"""A table file, on disk or uploaded: its encoding, separator, headings and rows.

Text tables may be UTF-8 (with or without a byte order mark), UTF-16, Latin-1 (as Windows extends it) or GB 18030, as
Excel writes them in China; cells are separated by commas, semicolons or tabs. Excel workbooks are read by ``sheet``.
Every row must have as many cells as there are headings: an unquoted decimal comma adds a cell, and its row is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from osteo_core.errors import TableError
from osteo_core.tables.formulas import text_of_formula, unguarded
from osteo_core.tables.numbers import Decimals, number_of

#: Bounds of a table: some 300,000 patients with four levels each.
MOST_BYTES = 64 * 2**20
MOST_ROWS = 1_000_000
MOST_COLUMNS = 256
MOST_CELL_CHARACTERS = 2_000
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_WORKBOOK = b"PK\x03\x04"
_SHARE_OF_NULLS = 0.3


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A row that was not taken, and why; ``line`` counts from 1, as in an editor or Excel."""

    line: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file's headings and rows. Each row is its line number and as many cells as there are headings, as text.

    ``separator``: its name, '' for a workbook; ``refused``: the rows that do not fit the headings.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    refused: tuple[Refused, ...] = ()
    separator: str = ""
    encoding: str = ""


def read_table_file(path: Path) -> Table:
    """The table in a file. Raises TableError for a file that is missing, too large or not a table."""
    try:
        if not path.is_file():
            raise TableError("the file cannot be read: " + ("it is no file" if path.exists() else "No such file"))
        with path.open("rb") as stream:
            return read_table(stream.read(MOST_BYTES + 1))
    except OSError as error:
        raise TableError(f"the file cannot be read: {error.strerror}") from None


def read_table(content: bytes) -> Table:
    """The table in ``content``, text or Excel workbook. Raises TableError with advice for anything else."""
    if len(content) > MOST_BYTES:
        raise TableError(f"the file is larger than {MOST_BYTES // 2**20} MB; divide it")
    if content.startswith(_OLD_EXCEL):
        raise TableError("the file is an Excel file of the old kind or has a password; save it as .xlsx or as CSV")
    if content.startswith(_WORKBOOK):
        from osteo_core.tables.sheet import read_sheet  # openpyxl is loaded only for workbooks

        return _table(read_sheet(content, most_columns=MOST_COLUMNS), is_sheet=True)
    text, encoding = _decoded(content)
    body, declared = _without_declaration(text)
    separator = declared or _separator(body)
    table = _table(_lines(body, separator, first_line=2 if declared else 1), is_sheet=False)
    return Table(
        columns=table.columns,
        rows=table.rows,
        refused=table.refused,
        separator=_SEPARATORS[separator],
        encoding=encoding,
    )


def _decoded(content: bytes) -> tuple[str, str]:
    """The text and the name of its encoding."""
    name = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None) or _unmarked(content)
    try:
        text = content.decode(name)
    except UnicodeDecodeError:
        raise TableError(f"the file begins as {name} but does not go on so; save it as CSV UTF-8") from None
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise TableError(f"the file is no text: line {line} holds the character {ord(found[0]):#04x}; save it as CSV")
    return text, "utf-8" if name == "utf-8-sig" else name


def _unmarked(content: bytes) -> str:
    for name, nulls in (("utf-16-le", content[1::2]), ("utf-16-be", content[::2])):
        if len(content) % 2 == 0 and nulls and nulls.count(0) > _SHARE_OF_NULLS * len(nulls):
            return name
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _western_or_chinese(content)
    return "utf-8"


def _western_or_chinese(content: bytes) -> str:
    """'gb18030' if the bytes above ASCII all pair up as common Chinese characters, else 'cp1252' or 'latin-1'."""
    runs = _HIGH_RUN.findall(content)
    if all(len(run) % 2 == 0 and max(run[::2]) <= 0xD7 and min(run) >= 0xA1 for run in runs):
        return "gb18030"
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _without_declaration(text: str) -> tuple[str, str]:
    """The text without a first line such as 'sep=;', which Excel understands, and the separator that it declares."""
    found = re.match(r"\"?sep=([,;\t])\"?\r?\n", text, re.IGNORECASE)
    return (text[found.end() :], found[1]) if found else (text, "")


def _separator(text: str) -> str:
    """The separator that gives most cells in the first line that any of them divides; a comma if there is none."""
    for line in io.StringIO(text):
        counts = {mark: _cells(line, mark) for mark in _SEPARATORS}
        best = max(counts, key=lambda mark: counts[mark])
        if counts[best] > 1:
            return best
    return ","


def _cells(line: str, mark: str) -> int:
    try:
        return max((len(row) for row in csv.reader([line], delimiter=mark)), default=0)
    except csv.Error:
        return 0


def _lines(text: str, separator: str, *, first_line: int) -> Iterable[tuple[int, list[str]]]:
    """Each record with the line on which it begins. Raises TableError for an unclosed quote."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    line = first_line
    try:
        for cells in reader:
            yield line, cells
            line = first_line + reader.line_num
    except csv.Error as error:
        raise TableError(f"the file is no table: {error} in the record that begins in line {line}") from None


def _table(lines: Iterable[tuple[int, Sequence[str]]], *, is_sheet: bool) -> Table:
    """Headings and rows: the first line with at least two filled cells has the headings; titles above are skipped."""
    columns: tuple[str, ...] = ()
    width = 0
    rows: list[tuple[int, tuple[str, ...]]] = []
    refused: list[Refused] = []
    for line, raw in lines:
        plain = (" ".join(cell.split()) for cell in raw)
        cells = [text_of_formula(cell) or unguarded(cell) for cell in plain]
        if not any(cells):
            continue
        if not columns:
            columns, width = (_headings(cells), len(cells)) if sum(map(bool, cells)) > 1 else ((), 0)
            continue
        cells, why = _fitted(cells, len(columns), width, is_sheet=is_sheet)
        if why:
            refused.append(Refused(line=line, why=why))
        else:
            rows.append((line, tuple(cells)))
        if len(rows) + len(refused) > MOST_ROWS:
            raise TableError(f"the file has more than {MOST_ROWS:,} rows; divide it")
    if not columns:
        raise TableError("the file is no table or is empty; its first line must name the columns, at least two of them")
    if not rows and not refused:
        raise TableError("the file holds no rows below its headings")
    return Table(columns=columns, rows=tuple(rows), refused=tuple(refused))


def _headings(line: list[str]) -> tuple[str, ...]:
    cells = line[: max(place for place, cell in enumerate(line, start=1) if cell)]
    if len(cells) > MOST_COLUMNS:
        raise TableError(f"the file has {len(cells)} columns; at most {MOST_COLUMNS} are read")
    plain = Decimals(points=False, commas=False)
    if 2 * sum(number_of(cell, plain) is not None for cell in cells) >= len(cells):
        raise TableError("the first line holds numbers where the names of the columns are expected; add a first line")
    places: dict[str, int] = {}
    for place, cell in enumerate(cells, start=1):
        if cell and cell in places:
            raise TableError(
                f"columns {places[cell]} and {place} have the same heading; it cannot be told which one is meant"
            )
        places[cell] = place
    return tuple(cell or f"column {place}" for place, cell in enumerate(cells, start=1))


def _fitted(cells: list[str], n: int, width: int, *, is_sheet: bool) -> tuple[list[str], str]:
    """The cells of a row under ``n`` headings, and why it is refused ('' if it is not).

    Blank cells beyond the headings are dropped only if the row has as many cells as the line of headings (``width``):
    otherwise the extra cell may be due to a decimal comma, which a blank last cell would hide.
    """
    if is_sheet:  # a workbook does not keep blank cells at a row's end
        filled = max(place for place, cell in enumerate(cells, start=1) if cell)
        cells = cells[: max(filled, n)] + [""] * (n - len(cells))
    elif len(cells) == width and not any(cells[n:]):
        cells = cells[:n]
    if len(cells) > n:
        return cells, f"{len(cells)} cells where {n} columns are; a decimal comma may lack its quotes"
    if len(cells) < n:
        return cells, f"{len(cells)} cells where {n} columns are"
    if max(map(len, cells)) > MOST_CELL_CHARACTERS:
        return cells, f"a cell is longer than {MOST_CELL_CHARACTERS:,} characters"
    return cells, ""
