"""Converts reads and masks to insert-only events and back; the history of a series gives its reading at any time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from osteo_core.events import new_event
from osteo_core.records import Event
from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import Read, Reading, Role, SavedMask, Sending, Verdict
from osteo_core.review.summary import Summary
from osteo_core.terms import Level

#: Kinds of the events that this module writes and reads.
OPENED, SAVED, SIGNED, SENT = "opened", "mask saved", "read signed", "sent"


def opened_event(*, event_id: str, series_key: str, reader: str, at: datetime, shows_read: bool, version: str) -> Event:
    """A reader opened the series; ``shows_read``: another reader's signed read was shown."""
    payload = {"shows_read": shows_read, "version": version}
    return new_event(OPENED, event_id=event_id, series_key=series_key, author=reader, at=at, payload=payload)


def saved_event(saved: SavedMask, *, event_id: str, series_key: str, settings_hash: str) -> Event:
    """A version of the outlines was saved."""
    payload = {
        "version": saved.version,
        "base": saved.base,
        "dice": {str(int(level)): round(dice, 4) for level, dice in sorted(saved.dice.items())},
        "summary": saved.summary.to_dict(),
    }
    return new_event(
        SAVED,
        event_id=event_id,
        series_key=series_key,
        author=saved.reader,
        at=saved.at,
        payload=payload,
        reason=saved.reason,
        versions=(saved.model_hash, settings_hash),
    )


def signed_event(read: Read, *, event_id: str, series_key: str) -> Event:
    """A read was signed."""
    payload = {
        "verdict": read.verdict.value,
        "role": read.role.value,
        "version": read.version,
        "decisions": read.decisions.to_dict(),
        "summary": read.summary.to_dict(),
        "is_blind": read.is_blind,
        "dice": {str(int(level)): round(dice, 4) for level, dice in sorted(read.dice.items())},
    }
    return new_event(
        SIGNED,
        event_id=event_id,
        series_key=series_key,
        author=read.reader,
        at=read.at,
        payload=payload,
        reason=read.words,
        versions=(read.model_hash, read.settings_hash),
    )


def sent_event(sending: Sending, *, event_id: str, series_key: str, author: str, sop_instance_uid: str) -> Event:
    """A PACS has confirmed one object of a read."""
    payload = {"read": sending.read_id, "what": sending.what, "to": sending.to, "sop_instance_uid": sop_instance_uid}
    return new_event(SENT, event_id=event_id, series_key=series_key, author=author, at=sending.at, payload=payload)


def reading_of(events: Iterable[Event], *, until: datetime | None = None) -> Reading:
    """The reading from these events of one series, as of ``until`` (None: now); other kinds are ignored."""
    ordered = sorted((e for e in events if until is None or e.at <= until), key=lambda e: (e.at, e.event_id))
    masks, reads, openings, sendings = [], [], [], []
    for event in ordered:
        payload = json.loads(event.payload_json)
        if event.kind == SAVED:
            masks.append(_mask(event, payload))
        elif event.kind == SIGNED:
            reads.append(_read(event, payload))
        elif event.kind == OPENED:
            openings.append((event.author, event.at, bool(payload.get("shows_read"))))
        elif event.kind == SENT:
            own = {"read_id": payload["read"], "what": payload["what"], "to": payload["to"]}
            sendings.append(Sending(**own, at=event.at))
    return Reading(masks=tuple(masks), reads=tuple(reads), openings=tuple(openings), sendings=tuple(sendings))


def _mask(event: Event, payload: Mapping[str, Any]) -> SavedMask:
    return SavedMask(
        version=payload["version"],
        base=payload["base"],
        reader=event.author,
        at=event.at,
        model_hash=event.model_hash,
        summary=Summary.from_dict(payload["summary"]),
        dice=_levels(payload["dice"]),
        reason=event.reason,
    )


def _read(event: Event, payload: Mapping[str, Any]) -> Read:
    return Read(
        verdict=Verdict(payload["verdict"]),
        role=Role(payload["role"]),
        version=payload["version"],
        reader=event.author,
        at=event.at,
        model_hash=event.model_hash,
        settings_hash=event.settings_hash,
        summary=Summary.from_dict(payload["summary"]),
        decisions=Decisions.from_dict(payload["decisions"]),
        words=event.reason,
        is_blind=bool(payload["is_blind"]),
        dice=_levels(payload["dice"]),
        event_id=event.event_id,
    )


def _levels(given: Mapping[str, float]) -> dict[Level, float]:
    return {Level(int(n)): float(value) for n, value in given.items()}
