"""The cohort filter: one record, one query string, and (in db) one WHERE clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import State
from osteo_core.terms import Category, Sex, Vendor

_Value = TypeVar("_Value")
_Word = TypeVar("_Word", bound=StrEnum)


class Change(StrEnum):
    """What may have happened to a series since a given time."""

    READ = "read"
    ANALYZED = "analyzed"
    FAILED = "failed"
    FLAGGED = "newly flagged"
    OVERDUE = "became overdue"
    NOTED = "noted"


@dataclass(frozen=True, kw_only=True)
class CohortFilter:
    """An empty filter selects everybody. Ages are whole years, both ends included.

    ``review``: something should be checked before the number is used. A series of unknown age is excluded
    once an age limit is set. ``scanners``: models as in the header; ``sites``: keyed hashes of institutions;
    ``studied_from`` and ``studied_to``: study dates, both included. ``states`` and ``overdue`` concern the
    follow-up, so they select only flagged series. ``text`` is searched in scanner model and manufacturer, and at the
    start of keys, ignoring case. ``changed``: what happened to the series after ``since``, which needs a time
    zone; set both or neither. ``assignee``: the person in charge; ``snoozed``: it waits for a later day.
    """

    vendors: tuple[Vendor, ...] = ()
    sexes: tuple[Sex, ...] = ()
    age_from: float | None = None
    age_to: float | None = None
    categories: tuple[Category, ...] = ()
    flagged: bool | None = None
    review: bool | None = None
    simulated: bool | None = None
    scanners: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    studied_from: date | None = None
    studied_to: date | None = None
    states: tuple[State, ...] = ()
    overdue: bool | None = None
    assignee: str = ""
    snoozed: bool | None = None
    text: str = ""
    changed: Change | None = None
    since: datetime | None = None

    def __post_init__(self) -> None:
        if (self.changed is None) != (self.since is None) or (self.since is not None and self.since.tzinfo is None):
            raise UsageError("'changed' and 'since' must be given together, and 'since' needs a time zone")
        if self.age_from is not None and self.age_to is not None and self.age_from > self.age_to:
            raise UsageError(f"ages must run from the lower to the higher, found {self.age_from:g} to {self.age_to:g}")
        if self.studied_from is not None and self.studied_to is not None and self.studied_from > self.studied_to:
            raise UsageError(
                f"days must run from the earlier to the later, found {self.studied_from} to {self.studied_to}"
            )

    def to_query(self) -> str:
        """The filter as a query string, '' for everybody; ``from_query`` reads it back equal."""
        pairs = [("vendor", v.value) for v in self.vendors]
        pairs += [("sex", s.value) for s in self.sexes]
        ages = (("age_from", self.age_from), ("age_to", self.age_to))
        pairs += [(name, repr(float(age))) for name, age in ages if age is not None]
        pairs += [("category", c.value) for c in self.categories]
        pairs += [("scanner", model) for model in self.scanners]
        pairs += [("site", key) for key in self.sites]
        days = (("studied_from", self.studied_from), ("studied_to", self.studied_to))
        pairs += [(name, day.isoformat()) for name, day in days if day is not None]
        pairs += [("state", s.value) for s in self.states]
        flags = (
            ("flagged", self.flagged),
            ("review", self.review),
            ("simulated", self.simulated),
            ("overdue", self.overdue),
            ("snoozed", self.snoozed),
        )
        pairs += [(name, str(flag).lower()) for name, flag in flags if flag is not None]
        pairs += [("assignee", self.assignee)] if self.assignee else []
        pairs += [("text", self.text)] if self.text else []
        if self.changed is not None and self.since is not None:
            pairs += [("changed", self.changed.value), ("since", self.since.isoformat())]
        return urlencode(pairs)

    @classmethod
    def from_query(cls, query: str) -> CohortFilter:
        """The filter from a query string; other names in it are ignored.

        Raises UsageError for a value outside the vocabulary: an outdated link must not silently show
        everybody.
        """
        given = parse_qs(query.lstrip("?"), keep_blank_values=True)
        return cls(
            vendors=_words(given, "vendor", Vendor),
            sexes=_words(given, "sex", Sex),
            age_from=_one(given, "age_from", _number),
            age_to=_one(given, "age_to", _number),
            categories=_words(given, "category", Category),
            flagged=_one(given, "flagged", _flag),
            review=_one(given, "review", _flag),
            simulated=_one(given, "simulated", _flag),
            scanners=tuple(given.get("scanner", ())),
            sites=tuple(given.get("site", ())),
            studied_from=_one(given, "studied_from", date.fromisoformat),
            studied_to=_one(given, "studied_to", date.fromisoformat),
            states=_words(given, "state", State),
            overdue=_one(given, "overdue", _flag),
            assignee=_one(given, "assignee", str) or "",
            snoozed=_one(given, "snoozed", _flag),
            text=_one(given, "text", str) or "",
            changed=_one(given, "changed", Change),
            since=_one(given, "since", datetime.fromisoformat),
        )


def _words(given: Mapping[str, Sequence[str]], name: str, vocabulary: type[_Word]) -> tuple[_Word, ...]:
    known = {word.value for word in vocabulary}
    unknown = [value for value in given.get(name, ()) if value not in known]
    if unknown:
        raise UsageError(f"{name} must be one of {sorted(known)}, found {unknown}")
    return tuple(vocabulary(value) for value in given.get(name, ()))


def _one(given: Mapping[str, Sequence[str]], name: str, read: Callable[[str], _Value]) -> _Value | None:
    values = given.get(name)
    if not values:
        return None
    try:
        return read(values[-1])
    except ValueError:
        raise UsageError(f"{name} cannot be read from {values[-1]!r}") from None


def _number(text: str) -> float:
    value = float(text)
    if value != value:
        raise ValueError(text)
    return value


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"
