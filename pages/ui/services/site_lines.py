"""Calibration lines from this store's QCT pairs: preview, use, withdrawal."""

from __future__ import annotations

import functools
import json
import threading
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from commands import pairs
from commands.pairs import Preview
from osteo_core.errors import UsageError, needs_author
from osteo_core.programme.site_line import (
    LINE_KIND,
    WITHDRAWN_KIND,
    PairsLine,
    Scanner,
    ScannerLine,
    line_event,
    lines_in_force,
    scanner_lines,
    withdrawal_event,
)
from osteo_core.records import Event
from pages.ui.access.roles import Action
from pages.ui.access.users import needs
from pages.ui.services.people import name_of
from pages.ui.services.running_app import may_start, moment, query, settings, start_run, store_holder, version

#: Check and write are one step.
_withdrawing = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class UsedLine:
    """A line that was put into use; ``withdrawn_at`` is None unless it was withdrawn.

    ``is_in_force``: no later line of its scanner is in use. ``then``: the line that would be in force again without it.
    """

    line_id: str
    author: str
    at: datetime
    reason: str
    row: dict[str, str]
    n: int
    bias_mg_cm3: float
    sd_mg_cm3: float
    withdrawn_by: str
    withdrawn_at: datetime | None
    is_in_force: bool = False
    then: str = ""


def lines_from_pairs() -> list[ScannerLine]:
    """The line of each scanner that has QCT pairs in this store, or the reason why there is none."""
    return scanner_lines(query("qct_hu_pairs").to_pylist())


def preview_line(scanner: Scanner, line: PairsLine) -> Preview:
    """What using this line would change. Raises SettingsError if a site table cannot be used."""
    return _preview(settings().hash, version(), scanner, line)


@functools.lru_cache(maxsize=20)
def _preview(settings_hash: str, store_version: int, scanner: Scanner, line: PairsLine) -> Preview:
    """Cached until a setting changes or results arrive."""
    return pairs.preview(query, scanner, line, settings())


@needs(Action.CALIBRATE)
def use_line(scanner: Scanner, line: PairsLine, *, author: str, reason: str) -> bool:
    """Put the line into use and recalibrate; returns whether that was started, or waits for the next analysis.

    Raises UsageError without author or reason.
    """
    _check(author, reason, what="a line")
    is_there = store_holder().record(
        line_event(scanner, line, event_id=uuid.uuid4().hex, author=author, reason=reason, at=moment())
    )
    return is_there and _calibrate_anew()


@needs(Action.CALIBRATE)
def withdraw_line(line_id: str, *, author: str, reason: str) -> bool:
    """Withdraw the line and recalibrate; returns whether that was started.

    Raises UsageError without author or reason, or if the line was withdrawn already.
    """
    _check(author, reason, what="a withdrawal")
    with _withdrawing:
        store_holder().take_in()
        if any(one.line_id == line_id and one.withdrawn_at for one in used_lines()):
            raise UsageError("this line was withdrawn already; nothing was noted")
        is_there = store_holder().record(
            withdrawal_event(line_id, event_id=uuid.uuid4().hex, author=author, reason=reason, at=moment())
        )
    return is_there and _calibrate_anew()


def used_lines() -> list[UsedLine]:
    """Every line that was put into use here, the latest first."""
    rows = query("calibration_line_events").to_pylist()
    # Two people may have withdrawn one: the first did.
    gone = {_payload(row)["line"]: row for row in reversed(rows) if row["kind"] == WITHDRAWN_KIND}
    events = [Event(**row) for row in rows]
    now = {event.event_id for event in lines_in_force(events)}
    found = []
    for row in reversed(rows):
        if row["kind"] == LINE_KIND:
            is_in_force = row["event_id"] in now
            after = lines_in_force(events, without=row["event_id"]) if is_in_force else []
            then = next((event.event_id for event in after if event.event_id not in now), "")
            found.append(replace(_used(row, gone.get(row["event_id"])), is_in_force=is_in_force, then=then))
    return found


def _used(row: dict[str, Any], gone: dict[str, Any] | None) -> UsedLine:
    payload = _payload(row)
    return UsedLine(
        line_id=row["event_id"],
        author=name_of(row["author"]),
        at=row["at"],
        reason=row["reason"] or "",
        row=payload["row"],
        n=payload["n"],
        bias_mg_cm3=payload["left_out_bias_mg_cm3"],
        sd_mg_cm3=payload["left_out_sd_mg_cm3"],
        withdrawn_by=name_of(gone["author"]) if gone else "",
        withdrawn_at=gone["at"] if gone else None,
    )


def _payload(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["payload_json"])
    return found


def _check(author: str, reason: str, *, what: str) -> None:
    if not author.strip():
        raise needs_author(what)
    if not reason.strip():
        raise UsageError(f"say why; the reason of {what} is recorded")
    if not store_holder().is_owner:
        raise UsageError("another process owns the store just now; wait until it is done, then try again")


def _calibrate_anew() -> bool:
    """Start an analysis, which first recalibrates measured series."""
    if not may_start():
        return False
    start_run()
    return True
