"""One process owns a store: a lock on ``owner.lock`` that the system drops when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from osteo_core.errors import StoreError, StoreOwnedError

LOCK_FILE = "owner.lock"


class OwnerLock:
    """Holds a store for this process. The file holds the owner's pid so that others can name it."""

    def __init__(self, store_dir: Path) -> None:
        """Take the lock. Raises StoreOwnedError, naming the owner's pid, if it is held.

        Raises StoreError if the store's folder is not writable.
        """
        try:
            store_dir.mkdir(parents=True, exist_ok=True)
            # Not through a link: others may write to this folder, and what a link leads to would be emptied.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(store_dir / LOCK_FILE, flags, 0o644)
        except OSError as error:
            raise StoreError(
                f"the store {store_dir} cannot be written to ({error.strerror}); give this user the right to write "
                "there, free its disk, or name another store with --store"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreOwnedError(
                f"the store {store_dir} is owned by process {pid}; "
                "leave parts in its inbox, read its snapshot, or end that process"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor: int | None = descriptor
        self._path = (store_dir / LOCK_FILE).resolve()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    @property
    def is_in_place(self) -> bool:
        """False if the store's folder was removed or replaced: the lock no longer protects it."""
        if self._descriptor is None:
            return False
        try:
            named, own = os.stat(self._path), os.fstat(self._descriptor)
        except OSError:
            return False
        return (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino)

    def release(self) -> None:
        """Release the store; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
