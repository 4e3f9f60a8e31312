"""A reader's judgement on the cause of a deformity, alongside the model's suggestion and separate from the grade.

Classes of the modified algorithm-based qualitative reading (mABQ: Lentle 2018; as m2ABQ in Dong 2023): normal,
osteoporotic fracture of three grades, deformity with another cause. Nothing is erased: the latest reading counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from osteo_core.errors import needs_author
from osteo_core.events import new_event
from osteo_core.records import Event
from osteo_core.terms import Level

#: Kind of the events that this module writes.
CAUSE_KIND = "cause reading"


class Cause(StrEnum):
    """m2ABQ class of one level, as judged by a reader."""

    NORMAL = "normal"
    MILD = "osteoporotic fracture, mild (m2ABQ 1)"
    MODERATE = "osteoporotic fracture, moderate (m2ABQ 2)"
    SEVERE = "osteoporotic fracture, severe (m2ABQ 3)"
    NON_OSTEOPOROTIC = "non-osteoporotic deformity"
    NOT_ASSESSABLE = "not assessable"


@dataclass(frozen=True, kw_only=True)
class CauseReading:
    """One reading of one level: class, author, time, reason in words, and the model's suggestion as shown."""

    level: Level
    cause: Cause
    author: str
    at: datetime
    reason: str = ""
    suggested: str = ""

    def __post_init__(self) -> None:
        if not self.author.strip():
            raise needs_author("a reading")


def event_of(reading: CauseReading, *, event_id: str, series_key: str, versions: tuple[str, str]) -> Event:
    """The insert-only event of a reading; ``versions``: hashes of the weights and settings shown."""
    payload = {"level": int(reading.level), "cause": reading.cause.value, "suggested": reading.suggested}
    return new_event(
        CAUSE_KIND,
        event_id=event_id,
        series_key=series_key,
        author=reading.author,
        at=reading.at,
        reason=reading.reason,
        payload=payload,
        versions=versions,
    )
