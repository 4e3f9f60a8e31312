"""Erasure of one patient on request: the one exception to insert-only, and itself an event.

The store is locked from the first check to the last step. An intent is recorded first: a killed erasure must be resumed
before anything else is done with the store. Then the erasure event is left, which identifies rows of the patient
(db/erased.py); every part that holds one is rewritten without it, and the database is rebuilt from the parts, so that
no freed page of the old file keeps a row. What stays is the number of series, the identifiers of erased events, which
reveal nothing about a person, and digests of the erased keys, by which the rows are dropped if they appear again.
"""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from db import check, erased, identities, parts
from db.border import translated
from db.chain import ERASURE_KIND
from db.connect import DATABASE, open_store
from db.erased import INTENT
from db.events import record
from db.leftovers import remove_all
from db.moments import in_order
from db.owner import OwnerLock
from db.parts import Part, PartError
from osteo_core.errors import StoreError, UsageError
from osteo_core.events import new_event
from osteo_core.whole_files import write_text


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was erased: series, events and media files."""

    series: int
    events: int
    media: int


def erase(store_dir: Path, patient_key: str, *, author: str, reason: str, identities_dir: Path | None = None) -> Erased:
    """Erase everything of the patient from the store, and from the table of identifiers in ``identities_dir``.

    The patient's files of CT and backups are not touched. Raises UsageError if the store does not know the patient or
    if author or reason are missing, StoreOwnedError while another process owns the store, StoreError if a part cannot
    be read, since it may concern the patient.
    """
    if not author.strip() or not reason.strip():
        raise UsageError("an erasure needs an author and a reason: who asked for it, and why")
    with OwnerLock(store_dir) as lock, translated(store_dir, "erasing from"):
        erased.refuse_half_erased(store_dir)
        with open_store(store_dir, held=lock) as store:
            store.take_in()
            series, events = store.keys_of(patient_key)
            is_known = store.knows(patient_key)
        if not is_known:
            raise UsageError("the store knows no such patient; the pseudonym is on the patient's page, in full")
        _refuse_unreadable(erased.unreadable_parts(store_dir))
        intent = {
            "patient_key": patient_key,
            "series_keys": series,
            "events": events,
            "identities_dir": str(identities_dir.resolve()) if identities_dir else "",
            "event_id": uuid.uuid4().hex,
            "author": author.strip(),
            "reason": reason.strip(),
            "at": in_order(store_dir).isoformat(),
        }
        write_text(store_dir / INTENT, json.dumps(intent))
        return _carry_out(store_dir, intent, lock)


def resume(store_dir: Path) -> Erased:
    """Carry out the recorded intent from its beginning; doing it twice is harmless.

    Raises StoreOwnedError while another process owns the store, which may be the erasure itself.
    """
    with OwnerLock(store_dir) as lock, translated(store_dir, "erasing from"):
        intent = json.loads((store_dir / INTENT).read_text(encoding="utf-8"))
        came = _series_that_came(store_dir, intent)
        if came:  # a new event: an event already in a part is never changed
            series = sorted({*intent["series_keys"], *came})
            intent = {**intent, "series_keys": series, "event_id": uuid.uuid4().hex}
            write_text(store_dir / INTENT, json.dumps(intent))
        return _carry_out(store_dir, intent, lock)


def _series_that_came(store_dir: Path, intent: dict[str, Any]) -> set[str]:
    """The patient's series left in the inbox since the intent was recorded, if their headers were read before it."""
    at, found = datetime.fromisoformat(intent["at"]), set()
    for part in parts.waiting_parts(store_dir):
        if part.kind == "series":
            try:
                rows = parts.read_part(part).to_pylist()
            except PartError:  # the purge reports it
                continue
            mine = (row for row in rows if row["patient_key"] == intent["patient_key"])
            found |= {row["series_key"] for row in mine if row["indexed_at"] is None or row["indexed_at"] <= at}
    return found - set(intent["series_keys"])


def _carry_out(store_dir: Path, intent: dict[str, Any], lock: OwnerLock) -> Erased:
    _leave_event(store_dir, intent)
    media = erased.remove_images(store_dir, intent["series_keys"])
    _refuse_unreadable(erased.purge(store_dir))
    if intent.get("identities_dir"):
        identities.remove(
            Path(intent["identities_dir"]),
            patient_key=intent["patient_key"],
            series_keys=frozenset(intent["series_keys"]),
        )
    check.rebuild_store(store_dir, held=lock)
    (store_dir / f"{DATABASE}.before").unlink(missing_ok=True)
    remove_all(store_dir)
    shutil.rmtree(store_dir / parts.SNAPSHOT, ignore_errors=True)
    (store_dir / INTENT).unlink()
    with open_store(store_dir, held=lock) as store:
        store.publish_snapshot()
    return Erased(series=len(intent["series_keys"]), events=len(intent["events"]), media=media)


def _refuse_unreadable(found: list[Part]) -> None:
    if found:
        raise StoreError(
            f"{len(found)} parts cannot be read, so they may hold rows of the patient; restore each from a backup or "
            "delete it, then erase again (an interrupted erasure: erase --resume): "
            + ", ".join(str(part.path) for part in found)
        )


def _leave_event(store_dir: Path, intent: dict[str, Any]) -> None:
    """Put the event among the parts at once: everything that reads them from now on knows what is erased."""
    keys = (intent["patient_key"], *intent["series_keys"])
    payload = {
        "events": intent["events"],
        "series": len(intent["series_keys"]),
        erased.DIGESTS: [erased.digest(key) for key in keys],
    }
    written = record(
        store_dir,
        new_event(
            ERASURE_KIND,
            event_id=intent["event_id"],
            author=intent["author"],
            at=datetime.fromisoformat(intent["at"]),
            reason=intent["reason"],
            payload=payload,
        ),
    )
    parts.keep(store_dir, Part(path=written))
