"""QCT values from a CSV file: read, checked, pseudonymised, and written as one part."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
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


def read_reference(path: Path, pseudonyms: Pseudonyms) -> tuple[ReferenceValue, ...]:
    """The values of the file, each patient under its keyed hash.

    Raises UsageError naming line and column, never a patient, for whatever cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{path.name} lacks the columns {missing}; it needs {list(COLUMNS)}")
            return tuple(_value(row, reader.line_num, pseudonyms) for row in reader)
    except (UnicodeDecodeError, csv.Error, IsADirectoryError) as error:
        raise UsageError(f"{path.name} is not a CSV file in UTF-8 ({type(error).__name__})") from None


def _value(row: Mapping[str, str | None], line: int, pseudonyms: Pseudonyms) -> ReferenceValue:
    cells = {name: (row.get(name) or "").strip() for name in (*COLUMNS, "Simulated")}
    if not cells["PatientID"]:
        raise UsageError(f"line {line}: PatientID is blank")
    return ReferenceValue(
        patient_key=pseudonyms.patient(cells["PatientID"]),
        level=_level(cells["Level"], line),
        vbmd_mg_cm3=_vbmd(cells["vBMD_mg_cm3"], line),
        source=cells["Source"],
        mineral=_mineral(cells["Mineral"], line),
        is_simulated=cells["Simulated"].lower() in ("true", "1", "yes"),
    )


def _level(text: str, line: int) -> Level | None:
    if not text:
        return None
    names = [level.name for level in MEASURED_LEVELS]
    if text.upper() not in names:
        raise UsageError(f"line {line}: Level must be one of {names} or blank, found '{text[:8]}'")
    return Level[text.upper()]


def _vbmd(text: str, line: int) -> float:
    low, high = _PLAUSIBLE_MG_CM3
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UsageError(f"line {line}: vBMD_mg_cm3 must be a number from {low:g} to {high:g}, found '{text[:12]}'")
    return value


def _mineral(text: str, line: int) -> Mineral:
    try:
        return Mineral(text)
    except ValueError:
        raise UsageError(
            f"line {line}: Mineral must be one of {[m.value for m in Mineral]}, found '{text[:12]}'"
        ) from None


def import_reference(path: Path, store_dir: Path, *, settings: Settings) -> tuple[ReferenceValue, ...]:
    """Read the file and write its values to the store; nothing is written when one row is wrong."""
    values = read_reference(path, Pseudonyms.from_key_file(settings.key_file))
    store.leave(store_dir, {"reference_values": rows.reference_table(values)})
    store.hand_over(store_dir)
    return values
