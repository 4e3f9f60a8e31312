"""How commands read a store and write to it: as parts, taken in at once if nobody owns the store."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from commands.analysis_job import Models
from db import snapshot
from db.border import translated
from db.columns import path_of, path_text
from db.connect import Snapshot, Store, open_snapshot, open_store
from db.records import found_of, series_of
from osteo_core.dicom.walk import Known
from osteo_core.errors import StoreError, StoreOwnedError, UsageError
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.records import Found, Series
from osteo_core.settings import Settings

_log = logging.getLogger("osteo.store")
#: A named query with its parameters, as ``reader.query`` of an open store or snapshot.
Query = Callable[..., pa.Table]
INDEX_LOCK, SEND_LOCK = "index.lock", "send.lock"
#: Time for an owner to publish (at a million series most of a core minute), and to acknowledge a request.
_PATIENCE_S, _UNHEARD_S, _LOOK_S = 300.0, 15.0, 0.1


@contextmanager
def reading(store_dir: Path, *, as_published: bool = False) -> Iterator[Store | Snapshot | None]:
    """The store, with everything taken in, if nobody owns it; otherwise its owner's snapshot; None if there is neither.

    The owner is first asked to publish new data, so that a command sees the results of the previous one; with
    ``as_published`` the latest snapshot is enough. None also if the owner has not published anything yet.
    """
    reader: Store | Snapshot | None
    try:
        reader = open_store(store_dir)
    except StoreOwnedError:
        reader = None if as_published else _once_published(store_dir)
        with contextlib.suppress(StoreError):
            reader = reader or open_snapshot(store_dir)
    try:
        if isinstance(reader, Store):
            reader.take_in()
        yield reader
    finally:
        if reader is not None:
            reader.close()


@contextmanager
def store_to_read(store_dir: Path) -> Iterator[Store | Snapshot]:
    """The store as ``reading`` gives it. Raises UsageError if there is none, or its owner has published nothing."""
    if not store_dir.exists():
        raise UsageError(f"there is no store at {store_dir}; 'index' or 'demo' makes one")
    with reading(store_dir) as reader:
        if reader is None:
            raise UsageError(f"the owner of {store_dir} has not published anything yet; try again in a minute")
        yield reader


def _once_published(store_dir: Path) -> Store | None:
    """Wait until the owner has published everything left so far; returns the store itself if the owner has ended.

    An owner that is a command does not answer requests, so the wait is short.
    """
    try:
        request = snapshot.Request(store_dir)
    except OSError:  # without write access it cannot ask, and reads what is there
        return None
    began = time.monotonic()
    try:
        while not request.is_met:
            if time.monotonic() - began > (_PATIENCE_S if request.is_heard else _UNHEARD_S):
                _log.warning(
                    "the owner of the store has not published the latest results yet; the next run will include them"
                )
                break
            time.sleep(_LOOK_S)
            with contextlib.suppress(StoreOwnedError):
                return open_store(store_dir)
    finally:
        request.withdraw()
    return None


@contextmanager
def indexing(store_dir: Path) -> Iterator[None]:
    """Allows one run of `index` at a time: the store's content decides which series belong to one person.

    Waits for another run. Raises StoreError if the store's folder is not writable.
    """
    with translated(store_dir, "indexing into"):
        store_dir.mkdir(parents=True, exist_ok=True)
        lock = (store_dir / INDEX_LOCK).open("ab")
    with lock:
        with translated(store_dir, "indexing into"):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.warning("another run of 'index' uses this store; this one starts when it has ended")
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def sending(store_dir: Path) -> Iterator[None]:
    """Allows one run of `send` at a time: a timer may start the next while a slow PACS is served.

    Raises UsageError if another one is running, StoreError if the store's folder is not writable.
    """
    if not store_dir.exists():  # whoever reads it says so
        yield
        return
    with translated(store_dir, "sending from"):
        lock = (store_dir / SEND_LOCK).open("ab")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError("another run of 'send' is active in this store; it sends the waiting reads") from None
        yield


def hand_over(store_dir: Path) -> bool:
    """Take in the inbox and publish a snapshot if nobody owns the store; otherwise its owner does so within a
    second.
    """
    try:
        store = open_store(store_dir)
    except StoreOwnedError:
        return False
    with store:
        store.take_in()
        store.publish_snapshot()
    return True


def known_files(store_dir: Path) -> dict[str, Known]:
    """Files known to the index, by path."""
    with reading(store_dir) as reader:
        rows = reader.query("known_files").to_pylist() if reader else []
    people: dict[frozenset[str], frozenset[str]] = {}  # files of one series share one set
    found = {}
    for row in rows:
        own = frozenset(key for key in (row["patient_id_key"], row["study_uid_key"]) if key)
        found[str(path_of(row["path"]))] = Known(
            stamp=(row["size_bytes"], row["mtime_ns"]),
            about_hash=row["about_hash"] or "",
            people=people.setdefault(own, own),
        )
    return found


def superseded(store_dir: Path, found: Found) -> Found:
    """``found`` plus the stored series whose files now all belong to other series, marked as superseded.

    This happens when people with one identifier are separated once the second is found, or a series is regrouped. The
    patient or study identifier is then the same. A reused path holds another patient's scan, and a file that is no
    longer readable proves nothing: in both cases the earlier series stays.
    """
    read = [*found.series, *(series for series, _ in found.excluded)]
    whose: dict[str, set[str]] = {}
    for series in read:
        for file in series.files:
            whose.setdefault(path_text(file.absolute()), set()).update(_identifiers(series))
    keys = {series.series_key for series in read}
    with reading(store_dir) as reader:
        rows = reader.query("series_of_files", paths=sorted(whose), keys=sorted(keys)).to_pylist() if reader else []
    earlier = [(series_of(row | {"files": ()}), row["files"]) for row in rows]
    gone = [
        series
        for series, paths in earlier
        if all(not whose.get(path, set()).isdisjoint(_identifiers(series)) for path in paths)
    ]
    return replace(found, superseded=tuple(replace(series, is_superseded=True) for series in gone))


def _identifiers(series: Series) -> set[str]:
    """Hashes of the patient and study identifiers; stores of older versions have them only for people told apart."""
    own = (series.patient_id_key or series.patient_key, series.study_uid_key or series.study_key)
    return {key for key in own if key}


def waiting(
    store_dir: Path,
    models: Models,
    settings: Settings,
    *,
    retry: bool = False,
    own: Mapping[str, Models] = MappingProxyType({}),
) -> Found:
    """Series that count without a result under these models and settings, and the cautions noted while finding them.

    With ``retry``, also failed ones. ``own``: the models of each series by its key, for a run on external masks;
    without them, every series that counts waits.
    """
    under: dict[str, Any] = {
        "model_hash": models.result_hash if models.masks is None else "",
        "settings_hash": settings.hash,
        "measuring_version": MEASURING_VERSION,
        "retry": retry,
    }
    done_as = [f"{key} {one.result_hash}" for key, one in own.items()]
    with reading(store_dir) as reader:
        if reader is None:
            return Found()
        return found_of(reader.query("waiting_series", own=done_as, **under), reader.query("waiting_cautions", **under))


def done_keys(store_dir: Path, models: Models, settings: Settings) -> set[str]:
    """Keys of the series that have a result under these models and settings."""
    with reading(store_dir) as reader:
        if reader is None:
            return set()
        found = reader.query(
            "known_results",
            model_hash=models.result_hash,
            settings_hash=settings.hash,
            measuring_version=MEASURING_VERSION,
        )
    return set(found.column("series_key").to_pylist())
