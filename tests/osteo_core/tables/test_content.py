"""The strict reader of tables: encodings, separators, workbooks, bounds, and a sentence for everything else."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteo_core.errors import TableError
from osteo_core.tables import content
from osteo_core.tables.columns import Column, Day, Number, OneOf, guess_columns
from osteo_core.tables.content import read_table, read_table_file
from osteo_core.tables.numbers import decimals_of, number_of
from osteo_core.tables.rows import read_rows, read_whole

COLUMNS = (
    Column(name="name"),
    Column(name="kvp", kind=Number(low=60.0, high=160.0, unit="kV"), words=("Röhrenspannung", "kV")),
    Column(name="side", kind=OneOf(values={"left": 1, "right": 2}), required=False, may_be_blank=True),
    Column(name="day", kind=Day(), required=False, may_be_blank=True),
)
#: Possible cells of a table: any text without control characters.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12)


def workbook(*rows: list, more: dict[str, list[list]] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, lines in (more or {}).items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize(("separator", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_encoding_and_separator_reads_alike(encoding: str, separator: str, name: str, end: str) -> None:
    text = end.join(separator.join(cells) for cells in (["Größe", "Wert"], ["é ü", "1"], ["", "2"])) + end
    table = read_table(text.encode(encoding))
    assert (table.columns, table.rows, table.separator) == (
        ("Größe", "Wert"),
        ((2, ("é ü", "1")), (3, ("", "2"))),
        name,
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2025-02-01", date(2025, 2, 1)),
        ("01.02.2025", date(2025, 2, 1)),
        ("1.2.2025", date(2025, 2, 1)),
        ("31.12.2025", date(2025, 12, 31)),
        ("12.31.2025", None),
        ("01.02.25", None),
        ("01/02/2025", None),
        ("01-02-2025", None),
    ],
)
def test_a_day_with_full_stops_begins_with_the_day(written: str, expected: date | None) -> None:
    table = read_table(f"name;kvp;day\na;120;{written}\n".encode())
    rows = read_rows(table, COLUMNS, guess_columns(table.columns, COLUMNS))
    assert [row.cells["day"] for row in rows.taken] == ([expected] if expected else [])
    assert ("may be exchanged" in "".join(row.why for row in rows.refused)) is (written[2] in "/-")


def test_zeros_before_a_number_are_kept() -> None:
    book = openpyxl.Workbook()
    for row in (["id", "n"], [12, 12], ['="00013"', 1.5], ["014", 2]):
        book.active.append(row)
    book.active["A2"].number_format = "00000"
    stream = io.BytesIO()
    book.save(stream)
    assert [cells for _, cells in read_table(stream.getvalue()).rows] == [
        ("00012", "12"),
        ("00013", "1.5"),
        ("014", "2"),
    ]
    assert read_table(b'id;n\n="00012";1\n"=""00013""";2\n').rows == ((2, ("00012", "1")), (3, ("00013", "2")))


def test_titles_blank_lines_and_excels_declaration_are_passed_over() -> None:
    table = read_table(b'sep=;\r\nExport of 2024;;;;\r\n\r\na;"b\nc";d;;\r\n1;2;3;;\r\n4;5;6\r\n')
    assert table.columns == ("a", "b c", "d")
    assert table.rows == ((6, ("1", "2", "3")), (7, ("4", "5", "6")))


def test_a_blank_last_cell_does_not_hide_a_decimal_comma() -> None:
    table = read_table(b"patient,bmd,remark\n1,92,4,\n2,93,\n")
    assert [cells for _, cells in table.rows] == [("2", "93", "")]
    assert table.refused[0].line == 2


def test_rows_with_more_or_fewer_cells_are_refused_not_cut() -> None:
    table = read_table(b"a,b\n1,2\n1,2,3\n4\n5,6\n")
    assert [line for line, _ in table.rows] == [2, 5]
    assert [(r.line, r.why) for r in table.refused] == [
        (3, "3 cells where 2 columns are; a decimal comma may lack its quotes"),
        (4, "1 cells where 2 columns are"),
    ]


@pytest.mark.parametrize(
    ("bytes_", "words"),
    [
        (b"", "is empty"),
        (b"a,b\n", "no rows below its headings"),
        (b"a,b\n\x00,1\n", "line 2 holds the character 0x0"),
        (b"\xff\xfea,b", "begins as utf-16 but does not go on so"),
        (b"a,a\n1,2\n", "columns 1 and 2 have the same heading"),
        (b"1,2\n3,4\n", "holds numbers where the names of the columns are expected"),
        (b'a,b\n"1,2\n3,4\n', "in the record that begins in line 2"),
        (b"\xd0\xcf\x11\xe0rest", "Excel file of the old kind or has a password"),
        (b"PK\x03\x04rest", "damaged or no Excel workbook"),
        (b"%PDF-1.7\x01", "is no text"),
        (b"only one column\n1\n", "is empty; its first line must name the columns, at least two"),
        (b",".join(b"%dx" % i for i in range(300)) + b"\n", "has 300 columns; at most 256"),
    ],
)
def test_what_is_no_table_is_said(bytes_: bytes, words: str) -> None:
    with pytest.raises(TableError, match=words):
        read_table(bytes_)


def test_bounds_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(content, "MOST_ROWS", 2)
    with pytest.raises(TableError, match="more than 2 rows"):
        read_table(b"a,b\n1,2\n1,2\n1,2\n")
    assert "longer than 2,000 characters" in read_table(b"a,b\n1," + b"x" * 2001 + b"\n").refused[0].why
    monkeypatch.setattr(content, "MOST_BYTES", 5)
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(TableError, match="larger than 0 MB"):
        read_table_file(tmp_path / "t.csv")
    with pytest.raises(TableError, match="No such file"):
        read_table_file(tmp_path / "none.csv")
    with pytest.raises(TableError, match="no file"):
        read_table_file(tmp_path)


def test_a_workbook_reads_as_its_text_would() -> None:
    table = read_table(
        workbook(
            ["An export"],
            ["name", "kV", None, "day"],
            ["a", 120.0, None, datetime(2024, 3, 1)],
            ["b", 99.5, True, date(2024, 3, 2)],
            [None, None],
            ["c"],
        )
    )
    assert table.columns == ("name", "kV", "column 3", "day")
    assert table.rows == (
        (3, ("a", "120", "", "2024-03-01")),
        (4, ("b", "99.5", "true", "2024-03-02")),
        (6, ("c", "", "", "")),
    )
    rows = read_rows(table, COLUMNS, guess_columns(table.columns, COLUMNS))
    assert [row.cells["kvp"] for row in rows.taken] == [120.0, 99.5]
    assert [(r.line, r.why) for r in rows.refused] == [(6, "kvp must be given, found a blank cell")]


def test_formulas_without_results_two_sheets_and_bombs_are_refused() -> None:
    table = read_table(workbook(["name", "kvp"], ["a", "=1+119"]))
    rows = read_rows(table, COLUMNS, guess_columns(table.columns, COLUMNS))
    assert "formula without a stored result" in rows.refused[0].why
    with pytest.raises(TableError, match="has 2 filled sheets"):
        read_table(workbook(["a", "b"], ["1", "2"], more={"second": [["a", "b"], ["1", "2"]]}))
    with pytest.raises(TableError, match="more than 256 columns"):
        read_table(workbook(["a", "b"], ["x"] * 300))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/workbook.xml", b"0" * 150_000_000)
    with pytest.raises(TableError, match="inflates to more than 128 MB"):
        read_table(stream.getvalue())


@pytest.mark.parametrize(
    ("cell", "comma_separates", "others", "value"),
    [
        ("92,4", False, [], 92.4),
        ("92,4", True, [], 92.4),
        ("1,020", True, [], None),
        ("1,020", False, [], 1.020),
        ("1,020", False, ["3.5"], None),
        ("1.020", False, ["3,5"], None),
        ("1.020", False, ["3.5"], 1.020),
        ("0,100", True, [], 0.1),
        ("1.234,5", False, [], 1234.5),
        ("1,234.5", True, [], 1234.5),
        ("\u22122,5", False, [], -2.5),
        ("1e3", True, [], 1000.0),
        ("1e999", True, [], None),
        ("nan", True, [], None),
        ("-inf", True, [], None),
        ("1_000", True, [], None),
        ("0x10", True, [], None),
        ("92 mg", True, [], None),
        ("1 020", True, [], None),
        ("١٢", True, [], None),
        ("", True, [], None),
    ],
)
def test_numbers_are_read_or_refused(cell: str, comma_separates: bool, others: list[str], value: float | None) -> None:
    assert number_of(cell, decimals_of([cell, *others], comma_separates=comma_separates)) == value


def test_a_table_of_which_every_row_must_be_sound_names_the_refused_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("name;Röhrenspannung;side\na;119,5;LEFT\n", encoding="cp1252")
    (row,) = read_whole(path, "my table", COLUMNS).taken
    assert row.cells == {"name": "a", "kvp": 119.5, "side": 1, "day": None}
    path.write_text("name,kvp,side\n" + "a,nan,left\n" * 7, encoding="utf-8")
    with pytest.raises(TableError, match=r"my table t.csv, row 2: kvp: .*; row 6: .*; and 2 more rows. Nothing"):
        read_whole(path, "my table", COLUMNS)
    path.write_text("name,side\na,left\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"my table t.csv: it lacks the columns \['kvp'\]"):
        read_whole(path, "my table", COLUMNS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_with_quotes_is_read_back(rows: list[list[str]], separator: str, encoding: str) -> None:
    lines = [["first", "second", "third"], *rows]
    text = "\n".join(separator.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    expected = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
    expected = [cells for cells in expected if any(cells)]
    if expected:
        assert [cells for _, cells in read_table(text.encode(encoding)).rows] == expected


def _sentence(bytes_: bytes) -> str:
    """The refusal of the reader: '' for a table, else one sentence; any other error ends the test."""
    try:
        table = read_table(bytes_)
        read_rows(table, COLUMNS, {"name": table.columns[0], "kvp": table.columns[-1]})
    except TableError as error:
        return str(error)
    return ""


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_table_or_a_sentence(bytes_: bytes) -> None:
    assert "\n" not in _sentence(bytes_)


BOOK = workbook(["name", "kvp"], ["a", 120.0], ["b", "99,5"])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(BOOK) - 1), st.integers(0, 255), st.integers(1, 40))
def test_a_damaged_workbook_is_a_table_or_a_sentence(place: int, value: int, length: int) -> None:
    damaged = BOOK[:place] + bytes([value]) * length + BOOK[place + length :]
    assert "\n" not in _sentence(damaged)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_changed_part_of_a_workbook_is_a_table_or_a_sentence(data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(BOOK)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[name]) - 1))
    parts[name] = parts[name][:place] + data.draw(st.binary(min_size=1, max_size=8)) + parts[name][place + 4 :]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as changed:
        for part, bytes_ in parts.items():
            changed.writestr(part, bytes_)
    assert "\n" not in _sentence(stream.getvalue())
