"""A table of QCT values: which columns mean what, and row by row what can be taken and what not."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from osteo_core.errors import UsageError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import ReferenceValue
from osteo_core.terms import MEASURED_LEVELS, Level, Mineral

COLUMNS = ("PatientID", "Level", "vBMD_mg_cm3", "Mineral", "Source")
#: A trabecular vBMD beyond this is a slip of unit or column, not a patient.
_PLAUSIBLE_MG_CM3 = (-150.0, 500.0)
#: A file whose every value is nearer to zero holds g/cm3.
_SURELY_GRAMS_BELOW = 1.0
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no", "")


def read_reference(path: Path, pseudonyms: Pseudonyms) -> tuple[ReferenceValue, ...]:
    """The values of the file, each patient under its keyed hash.

    Raises UsageError naming line and column for whatever cannot be read; what a cell holds is never repeated,
    for where columns are shifted it is a patient's name.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            _check_columns(path.name, [str(name).strip() for name in reader.fieldnames or ()])
            reader.fieldnames = [str(name).strip() for name in reader.fieldnames or ()]
            return _without_contradiction(
                [(reader.line_num, _value(row, reader.line_num, pseudonyms)) for row in reader]
            )
    except (UnicodeDecodeError, csv.Error, IsADirectoryError) as error:
        raise UsageError(f"{path.name} is not a CSV file in UTF-8 ({type(error).__name__})") from None


def _check_columns(name: str, columns: Sequence[str]) -> None:
    if not columns:
        raise UsageError(f"{name} is empty; its first line must name the columns {list(COLUMNS)}")
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        raise UsageError(
            f"{name} separates its columns by semicolons or tabs; commas are needed, and points in decimals"
        )
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise UsageError(f"{name} lacks the columns {missing}; it needs {list(COLUMNS)}")
    twice = sorted({column for column in COLUMNS if columns.count(column) > 1})
    if twice:
        raise UsageError(f"{name} has the columns {twice} more than once; it cannot be told which one is meant")


def _without_contradiction(found: Sequence[tuple[int, ReferenceValue]]) -> tuple[ReferenceValue, ...]:
    """The values, the same row twice once; one patient's level has one value, and the file one unit."""
    first: dict[tuple[str, Level | None], tuple[int, ReferenceValue]] = {}
    for line, value in found:
        before, known = first.setdefault((value.patient_key, value.level), (line, value))
        if known != value:
            raise UsageError(f"line {line}: the same patient and level stand in line {before} with other values")
    values = tuple(value for _, value in first.values())
    _refuse_grams(values)
    return values


def _value(row: Mapping[str, str | None], line: int, pseudonyms: Pseudonyms) -> ReferenceValue:
    if row.get(None):  # type: ignore[call-overload]  # where DictReader puts what has no column
        raise UsageError(f"line {line}: more cells than columns; decimals are written with a point, not a comma")
    cells = {name: (row.get(name) or "").strip() for name in (*COLUMNS, "Simulated")}
    if not cells["PatientID"]:
        raise UsageError(f"line {line}: PatientID is blank")
    return ReferenceValue(
        patient_key=pseudonyms.patient(cells["PatientID"]),
        level=_level(cells["Level"], line),
        vbmd_mg_cm3=_vbmd(cells["vBMD_mg_cm3"], line),
        source=cells["Source"],
        mineral=_mineral(cells["Mineral"], line),
        is_simulated=_is_simulated(cells["Simulated"], line),
    )


def _is_simulated(text: str, line: int) -> bool:
    if text.lower() not in _YES + _NO:
        raise UsageError(f"line {line}: Simulated must be true, false or blank")
    return text.lower() in _YES


def _level(text: str, line: int) -> Level | None:
    if not text:
        return None
    names = [level.name for level in MEASURED_LEVELS]
    if text.upper() not in names:
        raise UsageError(f"line {line}: Level must be one of {names} or blank")
    return Level[text.upper()]


def _vbmd(text: str, line: int) -> float:
    low, high = _PLAUSIBLE_MG_CM3
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UsageError(f"line {line}: vBMD_mg_cm3 must be a number from {low:g} to {high:g}")
    return value


def _mineral(text: str, line: int) -> Mineral:
    try:
        return Mineral(text)
    except ValueError:
        raise UsageError(f"line {line}: Mineral must be one of {[m.value for m in Mineral]}") from None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file's columns and its rows with their line numbers; cells are text as read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    delimiter: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A row that was not taken, and why; what its cells hold is never repeated."""

    line: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What the rows mean under one mapping of columns."""

    values: tuple[ReferenceValue, ...]
    refused: tuple[Refused, ...]


#: Words by which a column is guessed, for each of COLUMNS and Simulated; compared without case and punctuation.
_GUESSES: dict[str, tuple[str, ...]] = {
    "PatientID": ("patientid", "patient", "pid", "mrn", "subjectid", "subject", "id"),
    "Level": ("level", "vertebra", "segment"),
    "vBMD_mg_cm3": ("vbmdmgcm3", "vbmd", "bmd", "bmdmgcm3", "qct", "qctbmd", "density", "trabecularbmd"),
    "Mineral": ("mineral", "referencemineral", "calibrationmaterial"),
    "Source": ("source", "method", "phantom"),
    "Simulated": ("simulated", "issimulated"),
}
_MEAN_WORDS = ("MEAN", "AVERAGE", "ALL", "TOTAL")


def read_table(content: bytes) -> Table:
    """Any CSV with a header row: comma, semicolon or tab. Raises UsageError for what is no such table."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the file is not text in UTF-8; save it as CSV UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    except csv.Error as error:
        raise UsageError(f"the file is not a CSV table ({error})") from None
    if len(lines) < 2:
        raise UsageError("the file holds no rows; its first line must name the columns")
    columns = lines[0][1]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise UsageError(f"the columns {twice} stand more than once; it cannot be told which one is meant")
    rows = tuple((line, dict(zip(columns, cells, strict=False))) for line, cells in lines[1:])
    return Table(columns=tuple(columns), rows=rows, delimiter=delimiter)


def guess_columns(columns: Sequence[str]) -> dict[str, str]:
    """Which column most likely means what; a meaning without a likely column is left out."""
    plain = {"".join(c for c in name.lower() if c.isalnum()): name for name in columns}
    found = {}
    for meaning, words in _GUESSES.items():
        hit = next((plain[word] for word in words if word in plain), None)
        if hit:
            found[meaning] = hit
    return found


def map_rows(
    table: Table, columns: Mapping[str, str], pseudonyms: Pseudonyms, *, mineral: Mineral | None, source: str
) -> Mapped:
    """Every row under ``columns`` (meaning -> column of the file), taken or refused with its reason.

    ``mineral`` and ``source`` stand for the whole file where no column tells them. A level may be L1-L4, 1-4, blank
    or a word for the mean. Raises UsageError when the file as a whole cannot be meant (no patient column, g/cm3).
    """
    lacking = [name for name in ("PatientID", "vBMD_mg_cm3") if not columns.get(name)]
    if lacking or (mineral is None and not columns.get("Mineral")):
        raise UsageError(f"choose the columns for {lacking or ['Mineral']}")
    held: dict[tuple[str, Level | None], tuple[int, ReferenceValue]] = {}
    refused: list[Refused] = []
    for line, cells in table.rows:
        row = {meaning: cells.get(column, "") for meaning, column in columns.items() if column}
        row["Level"] = _level_word(row.get("Level", ""))
        row["vBMD_mg_cm3"] = row["vBMD_mg_cm3"].replace(",", ".") if table.delimiter != "," else row["vBMD_mg_cm3"]
        row.setdefault("Mineral", mineral.value if mineral else "")
        row.setdefault("Source", source)
        try:
            value = _value(row, line, pseudonyms)
        except UsageError as error:
            refused.append(Refused(line=line, why=str(error).partition(": ")[2]))
            continue
        before, known = held.setdefault((value.patient_key, value.level), (line, value))
        if known != value:
            refused.append(
                Refused(line=line, why=f"the same patient and level stand in line {before} with other values")
            )
    values = tuple(value for _, value in held.values())
    _refuse_grams(values)
    return Mapped(values=values, refused=tuple(refused))


def _level_word(text: str) -> str:
    word = text.strip().upper()
    if word in _MEAN_WORDS:
        return ""
    return f"L{word}" if word in ("1", "2", "3", "4") else word


def _refuse_grams(values: Sequence[ReferenceValue]) -> None:
    if values and max(abs(value.vbmd_mg_cm3) for value in values) < _SURELY_GRAMS_BELOW:
        raise UsageError(
            f"no vBMD_mg_cm3 reaches {_SURELY_GRAMS_BELOW:g}: the values seem to be in g/cm3; give them in mg/cm3"
        )
