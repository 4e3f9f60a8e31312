"""Numbers as people write them in tables: decimal points, decimal commas and ambiguous ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)", re.ASCII)
#: One separator before exactly three digits: '1,020' is 1020 in English and 1.02 in German.
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+", re.ASCII)
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+\.\d+", re.ASCII)
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\ufe63": "-", "\uff0d": "-"})


@dataclass(frozen=True, kw_only=True)
class Decimals:
    """Which decimal marks one column of a file uses beyond doubt."""

    points: bool
    commas: bool


def decimals_of(cells: Iterable[str], *, comma_separates: bool) -> Decimals:
    """The marks of a column. If the comma separates cells, a comma before three digits may group thousands."""
    points, commas = False, comma_separates
    for cell in cells:
        text = _plain(cell)
        if _EITHER.fullmatch(text):
            continue
        points |= "." in text and bool(_POINT.fullmatch(text) or _COMMA_GROUPS.fullmatch(text))
        commas |= "," in text and bool(_COMMA.fullmatch(text) or _POINT_GROUPS.fullmatch(text))
    return Decimals(points=points or comma_separates, commas=commas and not comma_separates)


def number_of(text: str, decimals: Decimals) -> float | None:
    """The number in a cell; None if it is not a number, is followed by a unit, or is infinite or ambiguous."""
    plain = _plain(text)
    if is_ambiguous(text, decimals):
        return None
    if _POINT_GROUPS.fullmatch(plain):
        plain = plain.replace(".", "").replace(",", ".")
    elif _COMMA_GROUPS.fullmatch(plain):
        plain = plain.replace(",", "")
    elif _COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    elif not _POINT.fullmatch(plain):
        return None
    value = float(plain)
    return value if abs(value) < float("inf") else None


def is_ambiguous(text: str, decimals: Decimals) -> bool:
    """Whether a cell's one separator may as well group thousands: '1,020' beside decimal points, or '1.020' beside
    decimal commas."""
    plain = _plain(text)
    if not _EITHER.fullmatch(plain):
        return False
    return decimals.points if "," in plain else decimals.commas


def _plain(text: str) -> str:
    return text.strip().translate(_MINUS)
