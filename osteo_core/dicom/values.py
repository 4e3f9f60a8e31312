"""The only reader of element values: a blank is missing, an unambiguous value is read, anything else is unreadable.

Real files contain '1,03' (a decimal comma), '120 kV', an age of '69' and values under the wrong VR. They are read here
from the raw bytes, independently of how a library parses them, and `read` says whether a value was clean, mended,
unreadable or missing.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from pydicom import DataElement, Dataset
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.sequence import Sequence as DicomSequence

_NUMBER = re.compile(r"(?P<number>[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?)\s*(?P<unit>[A-Za-z°]*)")
#: The units that DICOM defines for these values. Any other unit makes a value unreadable: nothing is converted.
_MM = frozenset(("MM",))
_UNITS = {
    "KVP": frozenset(("KV", "KVP")),
    **dict.fromkeys(("PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "TableHeight"), _MM),
    **dict.fromkeys(("ImagePositionPatient", "ReconstructionDiameter"), _MM),
    "GantryDetectorTilt": frozenset(("DEG", "°", "DEGREES")),
    **dict.fromkeys(("Exposure", "ExposureInmAs"), frozenset(("MAS",))),
    "RescaleIntercept": frozenset(("HU",)),
    "PatientSize": frozenset(("M",)),
}
#: Between values where someone forgot the backslash.
_SEPARATORS = ("/", ";", " ")
_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "US or SS": "H"}
#: At most this much of an unreadable value is quoted, and only if it cannot be a name.
_QUOTED_CHARACTERS = 24
#: Reported in place of text that might be a name.
NO_NUMBER = "text that is not a number"
_QUOTABLE = re.compile(r"[^A-Za-z]*\d[^A-Za-z]*(?:[A-Za-z]{1,4}[^A-Za-z]*)?")

#: What pydicom raises on damaged or foreign bytes, sometimes only when an element is accessed.
DAMAGE = (
    *(InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, KeyError, TypeError),
    *(AttributeError, IndexError, NotImplementedError, OverflowError, struct.error, zlib.error, MemoryError),
    *(RecursionError, AssertionError),
)


Value = TypeVar("Value", bound=Hashable)


class Source(Protocol):
    """Anything with elements by keyword: a data set, or one of its frames."""

    def get(self, keyword: str, /) -> Any:
        """The element, its value, or None."""
        ...


class State(StrEnum):
    """How a value was found."""

    MISSING = "missing"
    CLEAN = "clean"
    MENDED = "mended"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Numbers as read, their state, and their text (safe to show; '' where clean or missing)."""

    values: tuple[float, ...] | None
    state: State
    shown: str = ""


_MISSING = Reading(values=None, state=State.MISSING)


def read(source: Source, keyword: str, count: int = 0) -> Reading:
    """The numbers of an element: exactly ``count`` of them, or all where ``count`` is 0."""
    values = _values(source, keyword)
    plain = tuple(value if isinstance(value, int | float | str) else str(value) for value in values)
    return _read(plain, count, _UNITS.get(keyword, frozenset())) if plain else _MISSING


def text(source: Source, keyword: str) -> str:
    """The value as text without surrounding spaces and NULs; several values joined by a backslash; '' where blank."""
    return "\\".join(texts(source, keyword))


def texts(source: Source, keyword: str) -> tuple[str, ...]:
    """All values as text."""
    return tuple(filter(None, map(_clean, _values(source, keyword))))


def number(source: Source, keyword: str) -> float | None:
    """The first value as a finite number; None where it is blank or not a number."""
    found = read(source, keyword).values
    return found[0] if found else None


def positive(source: Source, keyword: str) -> float | None:
    """The first value as a number above zero; None where it is blank or not positive."""
    found = number(source, keyword)
    return found if found is not None and found > 0 else None


def numbers(source: Source, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, or None."""
    return read(source, keyword, count).values


def shown(stated: str) -> str:
    """A value as quoted in a reason: nothing that could be a name."""
    return repr(stated[:_QUOTED_CHARACTERS]) if _QUOTABLE.fullmatch(stated) else NO_NUMBER


def printable(name: str) -> str:
    """A file name as text that every program accepts: bytes that are not UTF-8 are written as '\\xe4'."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def most(values: Iterable[Value]) -> Value | None:
    """The most frequent value, ties broken by text; blank values and None only if there is no other."""
    counts = Counter(values)
    stated = {value: n for value, n in counts.items() if value not in (None, "", ())} or counts
    return min(stated, key=lambda value: (-stated[value], str(value)), default=None)


def sequence(source: Source, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty if it is blank or damaged."""
    try:
        found = source.get(keyword)
        value = found.value if isinstance(found, DataElement) else found
    except DAMAGE:
        return []
    return [item for item in value if isinstance(item, Dataset)] if isinstance(value, DicomSequence) else []


@lru_cache(maxsize=1024)
def tag_of(keyword: str) -> int:
    """The tag of a keyword. Raises KeyError for an unknown keyword, which is a programming error."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return int(tag)


def _values(source: Source, keyword: str) -> Sequence[Any]:
    """The values of an element as text, numbers or as parsed by pydicom; () if blank or damaged."""
    try:
        found = source.get_item(tag_of(keyword)) if isinstance(source, Dataset) else source.get(keyword)
        if found is None:
            return ()
        if isinstance(found, RawDataElement):
            return _of_raw(found, source)
        value = found.value if isinstance(found, DataElement) else found
    except DAMAGE:
        return ()
    if value is None or isinstance(value, DicomSequence):
        return ()
    return tuple(value) if _is_sequence(value) else (value,)


def _of_raw(element: RawDataElement, source: Source) -> tuple[str | float, ...]:
    value = element.value
    if not isinstance(value, bytes):  # a sequence of undefined length, or nothing
        return ()
    vr = element.VR or "UN"
    if value.isascii() and b"\x1b" not in value:
        return _of_bytes(value, vr, int(element.tag), element.is_little_endian)
    kind = _kind(vr, int(element.tag))
    if kind in _BINARY:
        return _of_bytes(value, vr, int(element.tag), element.is_little_endian)
    stated = texts(source, "SpecificCharacterSet")
    try:
        decoded = decode_bytes(value, convert_encodings(list(stated)) if stated else ["iso8859"], {"\\"})  # type: ignore[arg-type]
    except (LookupError, ValueError):
        decoded = value.decode("latin-1")
    return tuple(decoded.split("\\"))


@lru_cache(maxsize=65536)
def _of_bytes(value: bytes, vr: str, tag: int, is_little_endian: bool) -> tuple[str | float, ...]:
    """Numbers of a binary value, else the parts of a text. An unknown VR is looked up in the dictionary."""
    kind = _kind(vr, tag)
    if kind in _BINARY:
        code = _BINARY[kind]
        size = struct.calcsize(f"<{code}")
        if len(value) == size or (vr == kind and len(value) % size == 0):
            order = "<" if is_little_endian else ">"
            return struct.unpack(f"{order}{len(value) // size}{code}", value)
    return tuple(value.decode("latin-1").split("\\"))


@lru_cache(maxsize=1024)
def _kind(vr: str, tag: int) -> str:
    if vr != "UN":
        return vr
    try:
        return dictionary_VR(tag)
    except KeyError:
        return vr


@lru_cache(maxsize=65536)
def _read(values: tuple[Any, ...], count: int, units: frozenset[str]) -> Reading:
    stated = "\\".join(_clean(value) for value in values)
    if not stated.strip("\\ "):
        return _MISSING
    found = [_number(value, units) for value in values]
    is_clean = all(_is_clean(value) for value in values)
    if count and len(found) != count:
        is_clean, found = False, _separated(stated, count, units)
    if not found or any(one is None for one in found):
        return Reading(values=None, state=State.UNREADABLE, shown=shown(stated))
    numeric = tuple(one for one in found if one is not None)
    if is_clean:
        return Reading(values=numeric, state=State.CLEAN)
    return Reading(values=numeric, state=State.MENDED, shown=shown(stated))


def _separated(stated: str, count: int, units: frozenset[str]) -> list[float | None]:
    """The numbers of '1.03/1.03'. A comma separates only numbers with a point: '1,03' is one number."""
    for separator in (*_SEPARATORS, ","):
        parts = [part.strip() for part in stated.split(separator)]
        if len(parts) == count and (separator != "," or all("." in part for part in parts)):
            return [_number(part, units) for part in parts]
    return []


def _number(value: Any, units: frozenset[str]) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    found = _NUMBER.fullmatch(_clean(value).strip("\"'"))
    if found is None or (found["unit"] and found["unit"].upper() not in units):
        return None
    one = float(found["number"].replace(",", "."))
    return one if math.isfinite(one) else None


def _is_clean(value: Any) -> bool:
    if isinstance(value, int | float):
        return True
    found = _NUMBER.fullmatch(_clean(value))
    return found is not None and not found["unit"] and "," not in found["number"]


def _is_sequence(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__")


def _clean(value: Any) -> str:
    return "" if value is None else str(value).replace("\0", "").strip()
