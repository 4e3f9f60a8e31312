"""What a person did, as an event: every kind is made here, so that all are stored alike."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime

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
    versions: tuple[str, str] = ("", ""),
) -> Event:
    """An event of this kind, with an identifier of its own unless one is given.

    ``versions``: hashes of the weights and settings of what was shown.
    """
    return Event(
        event_id=event_id or uuid.uuid4().hex,
        kind=kind,
        series_key=series_key,
        author=author.strip(),
        at=at,
        reason=reason.strip(),
        payload_json=json.dumps(payload, ensure_ascii=False),
        model_hash=versions[0],
        settings_hash=versions[1],
    )
