"""The single owner of the store in this process, and the thread that takes in parts while the app runs.

One process owns the store file. If another process does (a running command), the holder reads the snapshot that the
owner publishes and retries every other second until the store is free.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from db import events, snapshot
from db.connect import Snapshot, Store, open_snapshot, open_store
from db.parts import INBOX
from osteo_core.errors import StoreError, StoreOwnedError, UsageError
from osteo_core.records import Event

_log = logging.getLogger("osteo.store")
_TICK_S = 1.0
#: After a fault the intake is retried with doubled pauses, and from the second fault on the store is reopened: a
#: database may stop answering after a disk error.
_LONGEST_PAUSE_S = 60.0
_FAULTS_BEFORE_OPENING_ANEW = 2
#: Other processes read the snapshot. While parts stream in it is published at most this often, and in a large store
#: after a rest of this multiple of the last duration, since publishing takes a whole core.
_PUBLISH_EVERY_S, _REST = 15.0, 4.0
#: A longer publication is skipped when the app ends: nobody needs it, since a store without an owner can be opened.
_LONG_PUBLISHING_S = 3.0
#: Answers are cached until something new is taken in: every page repeats some queries at every click.
_ANSWERS, _SMALL_BYTES, _MINUTE_S = 256, 200_000, 60.0
#: Longest text of a note or name, and of everything else in an event, in letters. A browser may send any length, and
#: what is noted stays for ever on every page that shows it.
_MOST_LETTERS, _MOST_ELSE = 4_000, 2**18
_Key = tuple[str, int, int, tuple[tuple[str, Any], ...]]


class StoreHolder:
    """Holds the store open for all sessions. ``version`` grows whenever something new is taken in."""

    def __init__(self, store_dir: Path) -> None:
        self.store_dir = store_dir
        self.version = 0
        self.fault: Exception | None = None
        self._reader: Store | Snapshot | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._answers: dict[_Key, pa.Table] = {}
        self._answering = threading.Lock()
        self._publisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-publisher")
        self._publication: Future[None] | None = None
        self._publishing_s = 0.0
        self._publish_from = 0.0
        self._promised: set[Path] = set()
        self._dirty = False
        self._seen_something = False
        try:
            self._open()
        except (StoreError, OSError) as error:
            if self._reader is None:
                raise
            self.fault = error
        self._thread = threading.Thread(target=self._run, name="store-holder", daemon=True)
        self._thread.start()

    @property
    def is_owner(self) -> bool:
        """False while another process owns the store and the snapshot is read."""
        return isinstance(self._reader, Store)

    def query(self, name: str, **params: Any) -> pa.Table:
        """One named query (db/queries) as an Arrow table. Raises StoreError if there is nothing to read yet."""
        if self._reader is None and self.fault is not None:
            raise StoreError(f"the store cannot be opened at present ({self.fault}); it is tried again within a minute")
        if self._reader is None:
            raise StoreError(
                f"the store {self.store_dir} is owned by another process that has not published a snapshot yet; "
                "wait a moment and reload"
            )
        key = self._key(name, params)
        held = None if key is None else self._answers.get(key)
        if held is None:
            held = self._reader.query(name, **params)
            if key is not None and held.nbytes <= _SMALL_BYTES:
                self._remember(key, held)
        return held

    def _key(self, name: str, params: dict[str, Any]) -> _Key | None:
        """The cache key of an answer, valid until something is taken in, and for at most a minute (time limits run)."""
        try:
            key = (name, self.version, int(time.time() // _MINUTE_S), tuple(sorted(params.items())))
            hash(key)
        except TypeError:  # a list among the parameters: rare
            return None
        return key

    def _remember(self, key: _Key, answer: pa.Table) -> None:
        with self._answering:
            while len(self._answers) >= _ANSWERS:
                self._answers.pop(next(iter(self._answers)), None)
            self._answers[key] = answer

    def is_empty(self) -> bool:
        """Whether this store never received data; queried until it has."""
        if self._seen_something:
            return False
        found = self.query("cohort_summary").to_pylist()[0]["n_series"] > 0
        self._seen_something = found or any((self.store_dir / INBOX).glob("*"))
        return not self._seen_something

    def take_in(self) -> int:
        """Take in the waiting parts; returns how many, 0 if another process owns the store."""
        with self._lock:
            if not isinstance(self._reader, Store):
                return 0
            taken = None
            try:
                taken = self._reader.take_in()
            finally:
                if taken is None or taken:  # after a fault some of it may be there
                    self.version += 1
                    self._dirty = True
            return taken

    def record(self, *noted: Event) -> bool:
        """Leave a user's events and take them in at once; False if they are kept and taken in later.

        Raises UsageError, and nothing is noted, if the disk refuses them or a text is too long.
        """
        for one in noted:
            if max(len(one.reason), len(one.author)) > _MOST_LETTERS or len(one.payload_json) > _MOST_ELSE:
                raise UsageError(f"a text of more than {_MOST_LETTERS:,} letters is not noted; shorten it")
        with refusals_in_words():
            events.record(self.store_dir, *noted)
        try:
            self.take_in()
        except (StoreError, OSError) as error:  # they are in the inbox: the thread tries again and clears the fault
            self.fault = error
            return False
        return self.is_owner

    def publish(self) -> None:
        """Publish a snapshot for other processes."""
        reader = self._reader
        if not isinstance(reader, Store):
            return
        with self._lock:
            begun, self._dirty = time.monotonic(), False  # what is taken in from here on is for the next one
        try:
            reader.publish_snapshot()
        except BaseException:
            self._dirty = True
            raise
        finally:
            self._publishing_s = time.monotonic() - begun
        self._publish_from = time.monotonic() + max(_PUBLISH_EVERY_S, _REST * self._publishing_s)

    def close(self) -> None:
        """Stop the threads, publish unpublished data if that is quick, release the store."""
        self._stop.set()
        self._thread.join(timeout=10)
        if isinstance(self._reader, Store):
            self._reader.stop_publishing()
        self._publisher.shutdown()
        with self._lock:
            if isinstance(self._reader, Store):
                try:
                    if self._dirty and self._publishing_s < _LONG_PUBLISHING_S:
                        self._reader.publish_snapshot()
                except StoreError as error:  # the next owner publishes it
                    _log.warning("%s", error)
                finally:
                    self._reader.close()
            self._reader = None

    def _open(self) -> None:
        try:
            self._reader = open_store(self.store_dir)
            self._dirty = not snapshot.is_up_to_date(self.store_dir)  # its last owner may have been killed
        except StoreOwnedError as owned:
            _log.info("%s", owned)
            self._open_snapshot()
        except (StoreError, OSError):
            self._open_snapshot()  # the last published snapshot can be read even if nothing can be written
            raise

    def _open_snapshot(self) -> None:
        try:
            self._reader = open_snapshot(self.store_dir)
        except StoreError as error:
            _log.info("no snapshot yet: %s", error)

    def _run(self) -> None:
        faults = 0
        while not self._stop.wait(min(_TICK_S * 2**faults, _LONGEST_PAUSE_S)):
            try:
                if faults >= _FAULTS_BEFORE_OPENING_ANEW:
                    self._open_anew()
                self._tick()
            except Exception as error:  # a thread cannot raise to anyone: the frame shows the fault on every page
                if not faults:
                    _log.exception("the store cannot import at present")
                faults += 1
                self.fault = error
            else:
                if faults:
                    _log.info("the store imports again")
                faults, self.fault = 0, None

    def _open_anew(self) -> None:
        with self._lock:
            # If the folder is gone, no empty store is created in its place: it may be about to be restored.
            if isinstance(self._reader, Store) and self.store_dir.is_dir():
                self._reader.close()
                self._reader = None
                self._open()

    def _tick(self) -> None:
        if not self.is_owner:
            self._open()
            self.version += 1
            return
        heard = snapshot.hear(self.store_dir) - self._promised  # before the inbox is looked at
        self.take_in()
        if self._publication is not None and (self._publication.done() or self.fault is not None):
            done, self._publication, promised, self._promised = self._publication, None, self._promised, set()
            done.result()  # its fault is this thread's, and after one it is waited for: it may be the same again
            snapshot.answer(promised)
        if self._publication is not None:
            return
        if not self._dirty:
            snapshot.answer(heard)
        elif heard or time.monotonic() > self._publish_from:
            self._promised = heard
            self._publication = self._publisher.submit(self.publish)  # parts are taken in meanwhile


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """Turn a disk error during a user's action into a UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the store cannot be written to ({error.strerror or type(error).__name__}), so nothing was saved; try "
            "again once that is fixed"
        ) from error


_holders: dict[Path, StoreHolder] = {}
_holders_lock = threading.Lock()


def holder_of(store_dir: Path) -> StoreHolder:
    """The holder of that store, opened at the first call. Raises StoreError if it cannot be opened at all."""
    place = store_dir.resolve()
    with _holders_lock:
        if place not in _holders:
            _holders[place] = StoreHolder(place)
        return _holders[place]


def close_holder(store_dir: Path) -> None:
    """Release that store, if it was held here."""
    with _holders_lock:
        holder = _holders.pop(store_dir.resolve(), None)
    if holder:
        holder.close()
