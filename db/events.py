"""Events: what people did. Insert-only: another event corrects a mistake. Only a patient's erasure removes events."""

from __future__ import annotations

from pathlib import Path

from db.parts import write_part
from db.rows import event_table
from osteo_core.records import Event


def record(store_dir: Path, *events: Event) -> Path:
    """Leave the events in the inbox as one part; the owner takes them in within a second. Returns its path.

    The same event left twice counts once. Raises ValueError when a payload is not JSON or a moment has no time zone.
    """
    return write_part(store_dir, "events", event_table(*events))
