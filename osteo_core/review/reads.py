"""What readers did with one series: saved masks, signed reads, and which read counts.

A read is a draft until it is signed. The first reader's read counts; a second reader signs without having seen it
(blind). If the two differ beyond the limits, an adjudicator signs, and that read counts. A signature is never changed,
but may be followed by a later one in the same role: the latest counts, and the history can be replayed to any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from osteo_core.errors import UsageError
from osteo_core.limits.reading import READERS_DIFFER
from osteo_core.review.decisions import Decisions
from osteo_core.review.summary import Summary
from osteo_core.terms import Level


class Verdict(StrEnum):
    """A reader's verdict on the measurement as a whole."""

    ACCEPT = "accepted"
    CORRECT = "corrected"
    REJECT = "rejected"


class Role(StrEnum):
    """The role in which a reader signs."""

    FIRST = "first reader"
    SECOND = "second reader"
    ADJUDICATOR = "adjudicator"


class ReadingStatus(StrEnum):
    """The progress of the reading of a series."""

    UNREAD = "not read"
    DRAFT = "draft"
    SIGNED = "signed"
    AGREED = "signed by two readers who agree"
    AT_ODDS = "two readers disagree"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, kw_only=True)
class SavedMask:
    """A version of the outlines that a reader saved; ``base`` is the version it was based on."""

    version: str
    base: str
    reader: str
    at: datetime
    model_hash: str
    summary: Summary
    dice: Mapping[Level, float] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A signed read. ``version`` is that of the mask, or the model's hash if the outlines are unchanged.

    ``is_blind``: by a second reader who had not seen the first read. ``dice``: against the first reader's mask.
    """

    verdict: Verdict
    role: Role
    version: str
    reader: str
    at: datetime
    model_hash: str
    settings_hash: str
    summary: Summary
    decisions: Decisions = field(default_factory=Decisions)
    words: str = ""
    is_blind: bool = False
    dice: Mapping[Level, float] = field(default_factory=dict)
    event_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Sending:
    """One object made of the read ``read_id``, SEG or SR, confirmed by the PACS ``to`` (its AE title)."""

    read_id: str
    what: str
    to: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Reading:
    """All actions of readers on one series in chronological order, up to now or to some past time."""

    masks: tuple[SavedMask, ...] = ()
    reads: tuple[Read, ...] = ()
    openings: tuple[tuple[str, datetime, bool], ...] = ()
    sendings: tuple[Sending, ...] = ()

    @property
    def steps(self) -> tuple[SavedMask | Read, ...]:
        """Saved masks and signed reads in chronological order."""
        steps: list[SavedMask | Read] = [*self.masks, *self.reads]
        return tuple(sorted(steps, key=lambda step: step.at))

    def by(self, role: Role) -> Read | None:
        """The latest read of that role."""
        return next((read for read in reversed(self.reads) if read.role is role), None)

    @property
    def counts(self) -> Read | None:
        """The read that counts: the adjudicator's, else the first reader's."""
        return self.by(Role.ADJUDICATOR) or self.by(Role.FIRST)

    @property
    def differences(self) -> tuple[str, ...]:
        """Differences between first and second reader beyond the limits, in words."""
        first, second = self.by(Role.FIRST), self.by(Role.SECOND)
        return disagreement(first, second) if first and second else ()

    @property
    def status(self) -> ReadingStatus:
        """The progress of the reading."""
        if self.by(Role.ADJUDICATOR):
            return ReadingStatus.ADJUDICATED
        if self.by(Role.SECOND):
            return ReadingStatus.AT_ODDS if self.differences else ReadingStatus.AGREED
        if self.by(Role.FIRST):
            return ReadingStatus.SIGNED
        return ReadingStatus.DRAFT if self.masks else ReadingStatus.UNREAD

    def sent(self, read: Read, what: str, *, to: str | None = None) -> Sending | None:
        """The latest sending of that object of the read, to the PACS ``to`` or to any; None if never sent."""
        own = (one for one in reversed(self.sendings) if one.read_id == read.event_id and one.what == what)
        return next((one for one in own if to in (None, one.to)), None)

    def latest_version(self, reader: str, model_version: str) -> str:
        """The outlines a reader continues from: their own latest, else those of the read that counts, else the model's.

        A blind second reader continues from the model's outlines or their own, never from the first reader's.
        """
        own = [mask.version for mask in self.masks if mask.reader == reader]
        if own:
            return own[-1]
        if self.counts is not None and self.has_seen(reader):
            return self.counts.version
        return model_version

    def versions_to_go_on(self, reader: str, model_version: str) -> tuple[str, ...]:
        """The outlines that this reader may correct or sign; an adjudicator without any may use either reader's."""
        latest = self.latest_version(reader, model_version)
        if self.role_of(reader) is not Role.ADJUDICATOR or any(mask.reader == reader for mask in self.masks):
            return (latest,)
        both = (self.by(Role.FIRST), self.by(Role.SECOND))
        return (latest, *(read.version for read in both if read is not None))

    def has_seen(self, reader: str) -> bool:
        """Whether this reader signed first, adjudicated, or was shown another reader's signed read."""
        own = any(read.reader == reader and read.role is not Role.SECOND for read in self.reads)
        return own or any(name == reader and showed for name, _, showed in self.openings)

    def is_hidden_from(self, reader: str) -> bool:
        """Whether signed reads are hidden from this reader, who may still become the second reader.

        They are hidden from unnamed readers ('') too. db/seen_by.sql applies the same rule to lists.
        """
        if self.counts is None or not reader:
            return self.counts is not None
        has_read = any(read.reader == reader for read in self.reads)
        return self.by(Role.SECOND) is None and not has_read and not self.has_seen(reader)

    def seen_as(self, role: Role) -> dict[str, str]:
        """The signature of each role that must have been shown to whoever signs in ``role``, '' if none.

        An adjudicator decides on both reads; a first or second reader replaces only the read of their own role.
        """
        roles = tuple(Role) if role is Role.ADJUDICATOR else (role,)
        return {one.value: found.event_id if (found := self.by(one)) else "" for one in roles}

    def role_of(self, reader: str) -> Role | None:
        """The role in which this reader may sign now; None if there is nothing left for them to sign."""
        first, second = self.by(Role.FIRST), self.by(Role.SECOND)
        if first is None or first.reader == reader:
            return Role.FIRST if not self.by(Role.ADJUDICATOR) else None
        if second is None or (second.reader == reader and not self.differences):
            return Role.SECOND
        if self.differences and reader not in (first.reader, second.reader):
            return Role.ADJUDICATOR
        return None


def disagreement(first: Read, second: Read) -> tuple[str, ...]:
    """Differences between two reads that require adjudication: verdict, category, a level's grade, vBMD."""
    found = []
    if (first.verdict is Verdict.REJECT) != (second.verdict is Verdict.REJECT):
        found.append(f"one {first.verdict.value} it, the other {second.verdict.value} it")
    a, b = first.summary, second.summary
    if a.category != b.category:
        found.append(f"category: {_word(a.category)} and {_word(b.category)}")
    for level in sorted(set(a.levels) & set(b.levels)):
        grades = a.levels[level].grade, b.levels[level].grade
        if None not in grades and grades[0] != grades[1]:
            found.append(f"fracture grade of {level.name}: {grades[0]} and {grades[1]}")
    if a.mean_mg_cm3 and b.mean_mg_cm3 and abs(a.mean_mg_cm3[0] - b.mean_mg_cm3[0]) > READERS_DIFFER.value:
        found.append(f"mean vBMD: {a.mean_mg_cm3[0]:.0f} and {b.mean_mg_cm3[0]:.0f} mg/cm³")
    return tuple(found)


def _word(category: Any) -> str:
    return category.value if category else "none"


def check_signature(
    reading: Reading, *, reader: str, role: Role, version: str, allowed: Sequence[str], seen: Mapping[str, str]
) -> None:
    """Raises UsageError, with advice, if this reader may not sign that version in that role.

    ``allowed``: the versions that may be signed, ``Reading.versions_to_go_on``; ``seen``: the signatures when the page
    was opened, ``Reading.seen_as``.
    """
    if not reader.strip():
        raise UsageError("a signature needs its reader: type your name, or sign in")
    if version not in allowed:
        raise UsageError(
            "this signature is for outlines that are no longer the latest; reload the page, look at them and sign again"
        )
    role_now = reading.role_of(reader)
    if role_now is not role:
        if role is Role.ADJUDICATOR:
            raise UsageError("an adjudicator decides where two readers disagree and must not be one of them")
        others = reading.by(role)
        if others is None:
            raise UsageError("nothing is left to sign here; reload the page")
        then = "read as second reader" if role_now is Role.SECOND else "see what is left to sign"
        raise UsageError(
            f"another reader signed as {role.value} on {others.at:%d %b %Y, %H:%M} UTC; reload the page and {then}"
        )
    newer = [Role(name) for name, event_id in reading.seen_as(role).items() if seen.get(name, "") != event_id]
    for one in newer:
        read = reading.by(one)
        what = f"the {one.value}'s read on this page is no longer the latest"
        when = f": {read.verdict.value} was signed on {read.at:%d %b %Y, %H:%M} UTC" if read else ""
        raise UsageError(f"{what}{when}; reload the page, look at it and sign again")


def pairs_of(readings: Sequence[Reading]) -> tuple[tuple[Read, Read], ...]:
    """First and second read of every series that has both."""
    found = ((reading.by(Role.FIRST), reading.by(Role.SECOND)) for reading in readings)
    return tuple((first, second) for first, second in found if first is not None and second is not None)
