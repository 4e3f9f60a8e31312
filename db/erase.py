"""Erasure of one patient on request: the one exception to insert-only, and itself an event.

Every part that holds a row of the patient is written again without it, and the database is made anew from the parts,
so that no freed page of the old file keeps a row. An intent is noted first: an erasure that is killed goes on at the
next opening. What stays is the number of series and the identifiers of erased events, which tell nothing of a person.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

from db import check, identities, parts, snapshot
from db.chain import ERASURE_KIND
from db.connect import DATABASE, INTENT, open_store
from db.events import record
from db.moments import in_order
from db.parts import MEDIA, PartError
from osteo_core.errors import UsageError
from osteo_core.records import Event
from osteo_core.whole_files import write_text

#: Folders whose files begin with the key of their series: masks, and the CT as readers' screens show it.
_OF_SERIES = (MEDIA, "pictures")


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was erased: series, events and media files."""

    series: int
    events: int
    media: int


def erase(store_dir: Path, patient_key: str, *, author: str, reason: str, identities_dir: Path | None = None) -> Erased:
    """Erase everything of the patient from the store, and from the table of identifiers in ``identities_dir``.

    The patient's files of CT and backups are not touched.
    Raises UsageError when the store does not know the patient or author or reason are missing, StoreOwnedError while
    another process owns the store.
    """
    if not author.strip() or not reason.strip():
        raise UsageError("an erasure needs its author and its reason: who asked for it, and why")
    with open_store(store_dir) as store:
        store.take_in()
        series, events = store.keys_of(patient_key)
        is_known = store.knows(patient_key)
    if not is_known:
        raise UsageError("the store knows no such patient; give the pseudonym as the patient's page shows it")
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
    return resume(store_dir)


def resume(store_dir: Path) -> Erased:
    """Carry out what the intent says, from its beginning; doing it twice does no harm."""
    intent = json.loads((store_dir / INTENT).read_text(encoding="utf-8"))
    _rewrite_parts(store_dir, intent)
    if intent.get("identities_dir"):
        identities.remove(
            Path(intent["identities_dir"]),
            patient_key=intent["patient_key"],
            series_keys=frozenset(intent["series_keys"]),
        )
    _leave_event(store_dir, intent)
    check.rebuild_store(store_dir)
    (store_dir / f"{DATABASE}.before").unlink(missing_ok=True)
    media = [
        path for key in intent["series_keys"] for folder in _OF_SERIES for path in (store_dir / folder).glob(f"{key}_*")
    ]
    for path in media:
        path.unlink(missing_ok=True)
    shutil.rmtree(store_dir / snapshot.SNAPSHOT, ignore_errors=True)
    (store_dir / INTENT).unlink()
    with open_store(store_dir) as store:
        store.publish_snapshot()
    return Erased(series=len(intent["series_keys"]), events=len(intent["events"]), media=len(media))


def _rewrite_parts(store_dir: Path, intent: dict[str, Any]) -> None:
    for part in parts.kept_parts(store_dir):
        try:
            rows = parts.read_part(part)
        except PartError as fault:
            parts.set_aside(store_dir, part, str(fault))
            continue
        left = _without(rows, intent["patient_key"], intent["series_keys"])
        if len(left) == len(rows):
            continue
        if len(left):
            written = parts.write_part(store_dir, part.kind, left)
            os.utime(written, ns=(part.path.stat().st_atime_ns, part.path.stat().st_mtime_ns))
            parts.keep(store_dir, parts.Part(path=written))
        part.path.unlink()
    for path in (store_dir / parts.QUARANTINE).glob("*"):  # what cannot be read cannot be searched
        path.unlink()


def _without(rows: pa.Table, patient_key: str, series_keys: Sequence[str]) -> pa.Table:
    mask = pa.scalar(False)
    if "series_key" in rows.schema.names:
        mask = compute.is_in(rows.column("series_key"), value_set=pa.array(series_keys, pa.string()))
    if "patient_key" in rows.schema.names:
        mask = compute.or_kleene(mask, compute.equal(rows.column("patient_key"), patient_key))
    return rows.filter(compute.invert(mask))


def _leave_event(store_dir: Path, intent: dict[str, Any]) -> None:
    payload = {"events": intent["events"], "series": len(intent["series_keys"])}
    record(
        store_dir,
        Event(
            event_id=intent["event_id"],
            kind=ERASURE_KIND,
            series_key="",
            author=intent["author"],
            at=datetime.fromisoformat(intent["at"]),
            reason=intent["reason"],
            payload_json=json.dumps(payload),
        ),
    )
