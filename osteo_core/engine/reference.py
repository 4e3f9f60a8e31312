"""QCT values from a CSV file: read, checked, pseudonymised, and written as one part."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from db import rows
from osteo_core.engine import store
from osteo_core.errors import UsageError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import ReferenceValue
from osteo_core.settings import Settings
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
    if values and max(abs(value.vbmd_mg_cm3) for value in values) < _SURELY_GRAMS_BELOW:
        raise UsageError(
            f"no vBMD_mg_cm3 reaches {_SURELY_GRAMS_BELOW:g}: the values seem to be in g/cm3; give them in mg/cm3"
        )
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


def import_reference(path: Path, store_dir: Path, *, settings: Settings) -> tuple[ReferenceValue, ...]:
    """Read the file and write its values to the store; nothing is written when one row is wrong."""
    values = read_reference(path, Pseudonyms.from_key_file(settings.key_file))
    store.leave(store_dir, {"reference_values": rows.reference_table(values)})
    store.hand_over(store_dir)
    return values
