"""Events: what people did. Insert-only; a mistake is followed by another event, never erased."""

from __future__ import annotations

from pathlib import Path

from db.parts import write_part
from db.rows import event_table
from osteo_core.records import Event


def record(store_dir: Path, event: Event) -> Path:
    """Leave the event in the inbox, from where the owner takes it in within a second; gives the part's path.

    The same event left twice counts once. Raises ValueError when its payload is not JSON or its moment
    has no time zone.
    """
    return write_part(store_dir, "events", event_table(event))
