"""Moments of entries in a store: never earlier than existing entries, whatever the machine's clock shows.

Of two results, two notes or two readings of a header the later one counts. If a clock was set back, or had run ahead
for a while, a new entry would be older than existing ones and would silently not count. So a moment is the clock's, or
follows the newest one of the store if that is later (a hybrid logical clock: Kulkarni 2014, "Logical Physical Clocks").
No database here, so workers can use it.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from osteo_core.whole_files import write_text

#: File in which the owner writes the newest moment taken in, and the number of parts.
FILE = "taken_in.json"
_STEP = timedelta(microseconds=1)
#: Clocks of the machines of one site differ by less than this.
_AGREE = timedelta(minutes=5)
_last: dict[Path, datetime] = {}
_lock = threading.Lock()


def in_order(store_dir: Path) -> datetime:
    """Now or, if the store holds a later moment, the one after that; in UTC.

    Later than all that the owner has taken in, and than every moment given before in this process.
    """
    place = store_dir.resolve()
    with _lock:
        before = [one for one in (newest(place), _last.get(place)) if one is not None]
        found = max([datetime.now(UTC), *(one + _STEP for one in before)])
        _last[place] = found
    return found


def newest(store_dir: Path) -> datetime | None:
    """The newest moment taken into the store; None if there is none, or it cannot be read."""
    try:
        found = datetime.fromisoformat(_said(store_dir)["newest"])
    except (ValueError, KeyError, TypeError):
        return None
    return found if found.tzinfo is not None else None


def parts_taken_in(store_dir: Path) -> int:
    """The number of parts taken into the store; 0 if there are none, or it cannot be read."""
    found = _said(store_dir).get("parts")
    return found if isinstance(found, int) else 0


def write_taken_in(store_dir: Path, newest_moment: datetime, parts: int) -> None:
    """Publish what was taken in. Only the owner of the store calls this."""
    said = {"newest": newest_moment.isoformat(), "parts": parts}
    if _said(store_dir) != said:
        write_text(store_dir / FILE, json.dumps(said) + "\n")


def _said(store_dir: Path) -> dict[str, Any]:
    try:
        found = json.loads((store_dir / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def clock_fault(store_dir: Path) -> str:
    """One sentence if this machine's clock is behind the newest moment of the store, otherwise ''."""
    latest, clock = newest(store_dir), datetime.now(UTC)
    if latest is None or latest - clock <= _AGREE:
        return ""
    return (
        f"the clock of this machine says {clock:%Y-%m-%d %H:%M} UTC, but the newest entry in the store is dated "
        f"{latest:%Y-%m-%d %H:%M} UTC: one of the two is wrong. New entries are dated right after that one, so that "
        "they count as the newest; their dates and deadlines are wrong until the clock has passed that time. "
        "Correct the clock"
    )
