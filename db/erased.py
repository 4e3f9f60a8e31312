"""What was erased stays erased: rows of an erased patient that arrive again are dropped.

The event of an erasure keeps a SHA-256 of the key of the patient and of each of their series. Those keys are keyed
hashes themselves, so a digest tells only a holder of such a key that it was erased. A header read or a QCT value
imported after the erasure counts again; with the header, so does everything done with that series from then on.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as compute

from db import parts
from db.chain import ERASURE_KIND
from db.parts import IMAGES, Part, PartError
from osteo_core.errors import StoreError

#: Present while an erasure is under way (db/erase.py).
INTENT = "erasing.json"
#: In the payload of an erasure: the digests.
DIGESTS = "digests"
_KEYS = ("series_key", "patient_key")
#: The column with a row's moment, by kind; rows of the other kinds have none.
_MOMENTS = {
    "series": "indexed_at",
    "files": "indexed_at",
    "results": "finished_at",
    "failures": "at",
    "events": "at",
    "reference_values": "imported_at",
}
#: Kinds in which a row of a later moment counts by itself.
_READINGS = ("series", "reference_values")


def refuse_half_erased(store_dir: Path) -> None:
    """Raise StoreError during an erasure, or if one was interrupted: the patient may be half erased."""
    if (store_dir / INTENT).exists():
        raise StoreError(
            f"an erasure in the store {store_dir} is under way or was interrupted; wait until it has ended, or resume "
            "it: python -m osteo_core erase --resume"
        )


@functools.lru_cache(maxsize=100_000)
def digest(key: str) -> str:
    """The digest by which an erased key is recognised."""
    return hashlib.sha256(f"erased\0{key}".encode()).hexdigest()


class ErasedKeys:
    """Tells rows of erased patients from others; it must first learn which headers were read after the erasure."""

    def __init__(self, events: Iterable[Mapping[str, Any]]) -> None:
        self._at: dict[str, datetime] = {}
        # Series that an erased patient's rows name: those read before the erasure, and those known from a result, which
        # count unless the header was read after it.
        self._by_patient: dict[str, datetime] = {}
        self._by_result: dict[str, datetime] = {}
        self._read: dict[str, datetime] = {}
        #: Series whose rows were dropped and whose headers were not read again.
        self.dropped: set[str] = set()
        for row in events:
            if row["kind"] == ERASURE_KIND:
                for one in json.loads(row["payload_json"]).get(DIGESTS, ()):
                    self._at[one] = max(row["at"], self._at.get(one, row["at"]))

    def __bool__(self) -> bool:
        return bool(self._at)

    def named_in(self, rows: pa.Table, name: str) -> list[str]:
        """Erased keys in that column."""
        if name not in rows.schema.names:
            return []
        return [key for key in rows.column(name).unique().to_pylist() if self._moment(key)]

    def learn(self, series: pa.Table) -> None:
        """Learn from rows of ``series`` which series are an erased patient's, and when each was last read."""
        for row in series.filter(self._of_erased(series)).to_pylist():
            key, at, read = row["series_key"], self._moment(row["patient_key"]), row["indexed_at"]
            if at is not None and (read is None or read <= at):
                (self._by_result if read is None else self._by_patient)[key] = at
            if read is not None and not row["is_superseded"]:
                self._read[key] = max(read, self._read.get(key, read))

    def without(self, kind: str, rows: pa.Table) -> pa.Table:
        """These rows without those of the erased."""
        of_erased = self._of_erased(rows)
        verdicts = iter([self._is_barred(kind, row) for row in rows.filter(of_erased).to_pylist()])
        return rows.filter(pa.array([not (one and next(verdicts)) for one in of_erased.to_pylist()], pa.bool_()))

    def _moment(self, key: str | None) -> datetime | None:
        if not key:
            return None
        at = self._by_result.get(key)
        own = at if at is not None and not self._is_read_after(key, at) else None
        return self._at.get(digest(key)) or self._by_patient.get(key) or own

    def _is_read_after(self, key: str, at: datetime) -> bool:
        return key in self._read and self._read[key] > at

    def _of_erased(self, rows: pa.Table) -> pa.Array:
        """For each row, whether it names an erased key."""
        found = pa.array([False] * len(rows), pa.bool_())
        for name in _KEYS:
            if keys := self.named_in(rows, name):
                own = compute.is_in(rows.column(name).combine_chunks(), value_set=pa.array(keys, pa.string()))
                found = compute.or_(found, own)
        return found

    def _is_barred(self, kind: str, row: Mapping[str, Any]) -> bool:
        moments = [at for name in _KEYS if (at := self._moment(row.get(name))) is not None]
        if not moments:
            return False
        at, own = max(moments), row.get(_MOMENTS.get(kind, ""))
        if own is not None and (own <= at or kind in _READINGS):
            return bool(own <= at)
        key = row["series_key"]
        if self._is_read_after(key, at):
            return False
        self.dropped.add(key)
        return True


def admitted(
    connection: duckdb.DuckDBPyConnection, store_dir: Path, read: Sequence[tuple[Part, pa.Table]]
) -> list[tuple[Part, pa.Table]]:
    """Waiting parts without rows of erased patients; a part that held some is rewritten or removed."""
    sql = f"""SELECT kind, "at", payload_json FROM events WHERE kind = '{ERASURE_KIND}'"""
    erased = ErasedKeys(connection.sql(sql).to_arrow_table().to_pylist())
    if not erased:
        return list(read)
    for part, rows in read:
        if part.kind == "series":
            erased.learn(rows)
    keys = {key for _, rows in read for key in erased.named_in(rows, "series_key")}
    if keys:
        stored = "SELECT series_key, patient_key, indexed_at, is_superseded FROM series"
        named = connection.sql(f"{stored} WHERE list_contains($keys, series_key)", params={"keys": sorted(keys)})
        erased.learn(named.to_arrow_table())
    found = [_rewritten(store_dir, part, rows, erased) for part, rows in read]
    remove_images(store_dir, erased.dropped)
    return [one for one in found if one is not None]


def purge(store_dir: Path) -> list[Part]:
    """Drop the rows of erased patients from every part of the store; returns parts that cannot be read."""
    erased = ErasedKeys(row for part, rows in _read(_events_of(store_dir), []) for row in rows.to_pylist())
    unreadable: list[Part] = []
    if not erased:
        return unreadable
    everywhere = all_parts(store_dir)
    for _, rows in _read([part for part in everywhere if part.kind == "series"], []):
        erased.learn(rows)
    for part, rows in _read(everywhere, unreadable):
        _rewritten(store_dir, part, rows, erased)
    remove_images(store_dir, erased.dropped)
    return unreadable


def all_parts(store_dir: Path) -> list[Part]:
    """All parts: taken in, waiting or set aside."""
    return [*parts.kept_parts(store_dir), *parts.waiting_parts(store_dir), *parts.parts_aside(store_dir)]


def unreadable_parts(store_dir: Path) -> list[Part]:
    """Unreadable parts, which may hold rows of a patient."""
    found: list[Part] = []
    for _ in _read(all_parts(store_dir), found):
        pass
    return found


def remove_images(store_dir: Path, series_keys: Iterable[str]) -> int:
    """Remove masks and pictures of these series; returns how many."""
    found = [path for key in series_keys for folder in IMAGES for path in (store_dir / folder).glob(f"{key}_*")]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def _events_of(store_dir: Path) -> list[Part]:
    return [part for part in parts.kept_parts(store_dir) if part.kind == "events"]


def _read(given: Iterable[Part], unreadable: list[Part]) -> Iterator[tuple[Part, pa.Table]]:
    for part in given:
        try:
            yield part, parts.read_part(part)
        except PartError:
            unreadable.append(part)


def _rewritten(store_dir: Path, part: Part, rows: pa.Table, erased: ErasedKeys) -> tuple[Part, pa.Table] | None:
    """Write the part without rows of erased patients, in the same folder; None if no row is left."""
    if not any(erased.named_in(rows, name) for name in _KEYS):
        return part, rows
    left = erased.without(part.kind, rows)
    if len(left) == len(rows):
        return part, rows
    written = parts.rewrite(store_dir, part, left)
    return (written, left) if written else None
