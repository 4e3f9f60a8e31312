"""A field in the address: how its text is parsed, and its value if missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Any

Value = str | int | bool | date | list[str] | None
#: How a query is given to links.
Query = dict[str, str | list[str]]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One name in the address. ``read`` raises ValueError for a value that is not known."""

    name: str
    words: str
    read: Callable[[str], Value] = str
    is_list: bool = False
    default: Value = None
    is_kept: bool = True

    @property
    def empty(self) -> Value:
        """The value if the address does not name the field."""
        return [] if self.is_list else self.default


def one_of(known: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """A text among these options, looked up when it is read."""

    def read(text: str) -> str:
        if text not in set(known()):
            raise ValueError(text)
        return text

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        value = float(text)
        if not low <= value <= high or value != int(value):
            raise ValueError(text)
        return int(value)

    return read


def flag(text: str) -> bool:
    """'true' or 'false'."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def moment(text: str) -> str:
    """A moment with its time zone, as ISO 8601; one that has no time in another zone is none."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or not MINYEAR < at.year < MAXYEAR:
        raise ValueError(text)
    return text


def words(vocabulary: Iterable[Any]) -> Callable[[str], str]:
    """A value of a vocabulary."""

    values = [str(word.value) for word in vocabulary]
    return one_of(lambda: values)
