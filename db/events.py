"""Events: what people did. Insert-only; a mistake is corrected by another event, never erased."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from db.parts import write_part
from db.rows import event_table
from osteo_core.records import Event


def new_event(
    kind: str,
    *,
    author: str,
    at: datetime,
    payload: Mapping[str, object],
    series_key: str = "",
    reason: str = "",
    event_id: str = "",
) -> Event:
    """An event of this kind, with an identifier of its own unless one is given."""
    return Event(
        event_id=event_id or uuid.uuid4().hex,
        kind=kind,
        series_key=series_key,
        author=author.strip(),
        at=at,
        reason=reason.strip(),
        payload_json=json.dumps(payload, ensure_ascii=False),
    )


def record(store_dir: Path, *events: Event) -> Path:
    """Leave the events in the inbox as one part; the owner takes them in within a second. Returns its path.

    The same event left twice counts once. Raises ValueError when a payload is not JSON or a moment has no time zone.
    """
    return write_part(store_dir, "events", event_table(*events))
