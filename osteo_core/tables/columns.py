"""The columns of a table: type, unit and plausible range of each, and the headings by which it is recognized."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from osteo_core.errors import TableError
from osteo_core.tables.numbers import Decimals, is_ambiguous, number_of

_SHOWN_CHARACTERS = 60
#: Units as headings and unit columns write them; longer ones come before those they contain.
_UNITS: tuple[tuple[str, str], ...] = (
    (
        "mg/cm3",
        r"mg[/_ ]*(?:(?:ca)?ha|k2hpo4)?[/_ ]*(?:cm\^?3|ccm|cc|ml)(?![a-z0-9])"
        r"|mg[ ·*]*(?:cm\^?-3|ml\^?-1)|kg[/_ ]*m\^?3",
    ),
    ("g/cm3", r"g[/_ ]*(?:cm\^?3|ccm|cc|ml)(?![a-z0-9])|g[ ·*]*(?:cm\^?-3|ml\^?-1)"),
    ("g/cm2", r"g[/_ ]*(?:cm\^?2|qcm)(?![a-z0-9])|g[ ·*]*cm\^?-2"),
    ("T-score", r"t[- _]*(?:scores?|werte?|值|评分)|(?:score|puntuacion|indice)[- _]*t(?![a-z])"),
    ("Z-score", r"z[- _]*(?:scores?|werte?|值|评分)|(?:score|puntuacion|indice)[- _]*z(?![a-z])"),
    ("HU", r"hu(?![a-z0-9])|hounsfield|亨氏|亨斯菲尔德|ct值"),
)
_BRACKETED_HU = re.compile(r"[\[(](?:he|uh)[\])]")
_UNIT_AT_END = re.compile(rf"(?:(?<=[\s,_])(?:in|en))?[\s,_]+(?:{_UNITS[0][1]}|{_UNITS[1][1]})\s*$", re.IGNORECASE)
_BRACKETS = re.compile(r"[\[(（【][^\])）】]*[\])）】]")
#: Spread, range or share of a quantity, in English, German, French, Spanish and Chinese.
_SPREAD = re.compile(
    r"[\[(（【]\s*(?:\d+\s*%\s*|±\s*)?(?:(?:sd|se|sem|cv|st(?:an)?d\w*|ci|n|min|max|range|stabw)\b"
    r"|(?:de|ds|et|ic|vk)\s*[\])）]|[ée]cart|desviaci[óo]n|%|±|标准差|标准误|变异系数|最小|最大|范围)",
    re.IGNORECASE,
)
_DOTTED_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_EITHER_WAY = re.compile(r"\d{1,2}([/-])\d{1,2}\1\d{2,4}")


class CellRefusedError(Exception):
    """A cell does not fit its column; ``found`` describes it without repeating it, for tables that hold patients."""

    def __init__(self, expected: str, found: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.found = found


@dataclass(frozen=True, kw_only=True)
class Number:
    """A finite number from ``low`` to ``high`` in ``unit``; a cell may end in ``suffix``, as ages in DICOM do."""

    low: float
    high: float
    unit: str = ""
    suffix: str = ""

    @property
    def expected(self) -> str:
        """What a cell must hold, in words."""
        return f"a number from {self.low:g} to {self.high:g}" + (f" {self.unit}" if self.unit else "")

    def read(self, text: str, decimals: Decimals) -> float:
        """The value. Raises CellRefusedError."""
        text = text.removesuffix(self.suffix)
        if is_ambiguous(text, decimals):
            raise CellRefusedError(self.expected, "a mark that may be decimal or group thousands")
        value = number_of(text, decimals)
        if value is None:
            raise CellRefusedError(self.expected, "no number" if text else "")
        if not self.low <= value <= self.high:
            raise CellRefusedError(self.expected, "a number below" if value < self.low else "a number above")
        return value


@dataclass(frozen=True, kw_only=True)
class OneOf:
    """One of some words, compared as ``folded``; ``values`` gives each word's meaning.

    ``others``: further words for the same meanings, which messages do not list.
    """

    values: Mapping[str, Any]
    others: Mapping[str, Any] = field(default_factory=dict)

    def read(self, text: str, decimals: Decimals) -> Any:
        """The meaning. Raises CellRefusedError."""
        given = folded(text)
        for word, meaning in (*self.values.items(), *self.others.items()):
            if folded(word) == given:
                return meaning
        raise CellRefusedError(f"one of {', '.join(self.values)}")


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day as YYYY-MM-DD, as DD.MM.YYYY (DIN 5008: with full stops the day comes first), or as a workbook's date.

    With slashes or hyphens 01/02/2025 may begin with day or month, so these are refused.
    """

    def read(self, text: str, decimals: Decimals) -> date:
        """The day. Raises CellRefusedError."""
        expected = "a day as YYYY-MM-DD or DD.MM.YYYY"
        dotted = _DOTTED_DAY.fullmatch(text)
        try:
            day = date(*map(int, reversed(dotted.groups()))) if dotted else date.fromisoformat(text)
        except ValueError:
            why = ", since day and month may be exchanged otherwise" if _EITHER_WAY.fullmatch(text) else ""
            raise CellRefusedError(expected + why) from None
        if not 1970 <= day.year <= 2200:  # CT dates from 1971
            raise CellRefusedError(f"{expected} from 1970 to 2200")
        return day


@dataclass(frozen=True, kw_only=True)
class Text:
    """Any text."""

    def read(self, text: str, decimals: Decimals) -> str:
        """The text as it is."""
        return text


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """Text that identifies something exactly; a spreadsheet that took it for a number has altered it.

    A row of means or totals below the others is nobody's.
    """

    def read(self, text: str, decimals: Decimals) -> str:
        """The text as it is. Raises CellRefusedError for a number as altered by a spreadsheet, and for a summary."""
        if _SUMMARY.fullmatch(text):
            raise CellRefusedError("an identifier", "a word for a summary of rows; delete that row")
        found = next((words for pattern, words in _ALTERED if pattern.fullmatch(text)), "")
        if found:
            raise CellRefusedError("an identifier as text (format the column as text and enter it again)", found)
        return text


#: First cell of a row of statistics, as spreadsheets and people write it.
_SUMMARY = re.compile(
    r"(?:grand |sub)?totals?|sum|mean|average|avg|median|n(?: ?= ?\d+)?|sd|std\.?(?: ?dev\.?)?|stdev|min(?:imum)?"
    r"|max(?:imum)?|mittel(?:wert)?|summe|gesamt|moyenne|somme|[ée]cart[- ]type|promedio|media|suma"
    r"|合计|总计|平均值?|均值",
    re.IGNORECASE,
)
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ALTERED = (
    (re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+"), "a number with an exponent, whose digits a spreadsheet has rounded"),
    (re.compile(r"\d+[.,]0+"), "a number with decimals"),
    (re.compile(rf"\d{{4}}-\d\d-\d\d(?:T.*)?|\d\d?-{_MONTH}|{_MONTH}-\d\d"), "a date, as which spreadsheets read 3-4"),
)

Kind = Number | OneOf | Day | Text | Identifier


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its name in our documents, what it holds, and other headings that mean it (``words``).

    ``required``: the column must be present. ``may_be_blank``: cells may be blank and are then None. The words are
    compared without case, accents, punctuation and a unit in brackets; the first that matches is used.
    """

    name: str
    kind: Kind = field(default_factory=Text)
    words: tuple[str, ...] = ()
    required: bool = True
    may_be_blank: bool = False


def folded(text: str) -> str:
    """Letters and digits only, without case, accents and width: 'Wirbelkörper-Nr.' is 'wirbelkorpernr'."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in plain if character.isalnum())


def unit_in(text: str) -> str:
    """The unit or score that a heading or a cell names (mg/cm3, g/cm3, g/cm2, HU, T-score, Z-score), '' without one."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    if _BRACKETED_HU.search(plain):
        return "HU"
    for unit, pattern in _UNITS:
        if re.search(rf"(?<![a-z0-9])(?:{pattern})", plain.replace("_", " ")):
            return unit
    return ""


def guess_columns(headings: Sequence[str], columns: Sequence[Column]) -> dict[str, str]:
    """The heading that most likely means each column, by the column's name; a column without one is left out."""
    found: dict[str, str] = {}
    for column in columns:
        hit = next((heading for heading in _meant_by(headings, column) if heading not in found.values()), None)
        if hit:
            found[column.name] = hit
    return found


def unclear(headings: Sequence[str], columns: Sequence[Column]) -> dict[str, list[str]]:
    """The headings of each column that several of them may mean, by the column's name."""
    found = {column.name: _meant_by(headings, column) for column in columns}
    return {name: meant for name, meant in found.items() if len(meant) > 1}


def refuse_unclear(headings: Sequence[str], columns: Sequence[Column]) -> None:
    """Raises TableError if several headings may mean one of the columns."""
    for name, meant in unclear(headings, columns).items():
        raise TableError(f"the columns {' and '.join(map(shown, meant))} may each be {name}; name the right one {name}")


def _meant_by(headings: Sequence[str], column: Column) -> list[str]:
    """The headings that may mean a column, the most likely first; one that is the column's own name is the only one."""
    places = {folded(word): place for place, word in reversed([*enumerate((column.name, *column.words))])}
    ranked = [(min(places.get(form, len(places)) for form in _forms(heading)), heading) for heading in headings]
    all_hits = sorted((one for one in ranked if one[0] < len(places)), key=lambda one: one[0])
    hits = [one for one in all_hits if not _is_another_quantity(one[1], column)] or all_hits
    is_named = bool(hits) and hits[0][0] == 0
    return [heading for place, heading in hits if place == 0 or not is_named]


def _is_another_quantity(heading: str, column: Column) -> bool:
    """Whether a heading names another unit than its column, or the spread of its values, as 'BMD (SD)' beside 'BMD'."""
    return bool(_other_unit(heading, column)) or _SPREAD.search(heading) is not None


def _other_unit(heading: str, column: Column) -> str:
    """The unit that the heading names, if the column holds another one; '' otherwise."""
    unit, kind = unit_in(heading), column.kind
    return unit if isinstance(kind, Number) and kind.unit in _NAMED_UNITS and unit != kind.unit else ""


def _forms(heading: str) -> tuple[str, str]:
    """A heading as compared: whole, and without a unit."""
    return folded(heading), folded(_UNIT_AT_END.sub("", _BRACKETS.sub("", unicodedata.normalize("NFKC", heading))))


def check_columns(headings: Sequence[str], columns: Sequence[Column], mapping: Mapping[str, str]) -> None:
    """Raises TableError if a required column has no heading, or a heading names another unit than its column."""
    missing = [column.name for column in columns if column.required and column.name not in mapping]
    if missing:
        raise TableError(f"it lacks the columns {missing}; it needs {[c.name for c in columns if c.required]}")
    for column in columns:
        if isinstance(column.kind, Number) and (unit := _other_unit(mapping.get(column.name, ""), column)):
            raise TableError(f"the column {column.name} must be in {column.kind.unit}; its heading says {unit}")


_NAMED_UNITS = {unit for unit, _ in _UNITS}


def shown(text: str) -> str:
    """A cell as it is quoted in a message, shortened if long."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "...")
