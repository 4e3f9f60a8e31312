"""Values of DICOM elements as plain Python, where a blank or spoilt one is None and not an error."""

from __future__ import annotations

import math
import os
import struct
import zlib
from datetime import date
from typing import Any, Protocol

from pydicom import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.sequence import Sequence as DicomSequence

#: (0010,1010) Age String: three digits and a unit.
_YEARS_PER_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
#: Nobody was scanned at a greater age: '999Y' and a birth in 1850 are what de-identification leaves.
_OLDEST_YEARS = 120

#: What pydicom raises on damaged or foreign bytes, some of it only when an element is looked at.
DAMAGE = (
    *(InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, KeyError, TypeError),
    *(AttributeError, IndexError, NotImplementedError, OverflowError, struct.error, zlib.error, MemoryError),
)


class Source(Protocol):
    """What has elements by keyword: a data set, or a frame of one."""

    def get(self, keyword: str, /) -> Any:
        """The element's value, or None."""
        ...


def text(source: Source, keyword: str) -> str:
    """The value as text without outer spaces and NULs; several values joined by a backslash; '' where blank."""
    value = value_of(source, keyword)
    return "\\".join(filter(None, map(_clean, value))) if _is_sequence(value) else _clean(value)


def texts(source: Source, keyword: str) -> tuple[str, ...]:
    """All values as text."""
    value = value_of(source, keyword)
    if value is None:
        return ()
    values = value if _is_sequence(value) else [value]
    return tuple(_clean(one) for one in values if _clean(one))


def number(source: Source, keyword: str) -> float | None:
    """The first value as a finite number; None where it is blank or no number."""
    value = value_of(source, keyword)
    return _number(value[0] if _is_sequence(value) and len(value) else value)


def positive(source: Source, keyword: str) -> float | None:
    """The first value as a number above zero; None where it is blank or cannot be a size or a voltage."""
    found = number(source, keyword)
    return found if found is not None and found > 0 else None


def numbers(source: Source, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, or None."""
    value = value_of(source, keyword)
    found = [_number(one) for one in value] if _is_sequence(value) else []
    whole = tuple(one for one in found if one is not None)
    return whole if len(found) == len(whole) == count else None


def day(source: Source, keyword: str) -> date | None:
    """A DICOM date; None where it is blank or no date."""
    digits = text(source, keyword).replace(".", "")[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def age_years(source: Source) -> float | None:
    """Age at the study from (0010,1010), else from birth date and study date; None where neither can be true."""
    stated = text(source, "PatientAge").upper()
    # '000Y' is what de-identification leaves: an infant's age is given in days, weeks or months.
    if len(stated) >= 2 and stated[:-1].isdigit() and stated[-1] in _YEARS_PER_UNIT and int(stated[:-1]):
        years = int(stated[:-1]) * _YEARS_PER_UNIT[stated[-1]]
        if years <= _OLDEST_YEARS:
            return years
    born, scanned = day(source, "PatientBirthDate"), day(source, "StudyDate")
    if born is None or scanned is None:
        return None
    years = (scanned - born).days / 365.25
    return years if 0 <= years <= _OLDEST_YEARS else None


def printable(name: str) -> str:
    """A file's name as text that every program takes: bytes that are no UTF-8 are written as '\\xe4'."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def value_of(source: Source, keyword: str) -> Any:
    """The value as pydicom has it; None where it is blank or its bytes are spoilt."""
    try:
        return source.get(keyword)
    except DAMAGE:
        return None


def sequence(source: Source, keyword: str) -> list[Dataset]:
    """The items of a sequence; none where it is blank or its bytes are spoilt."""
    value = value_of(source, keyword)
    return [item for item in value if isinstance(item, Dataset)] if isinstance(value, DicomSequence) else []


def _number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _is_sequence(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__")


def _clean(value: Any) -> str:
    return "" if value is None else str(value).replace("\0", "").strip()
