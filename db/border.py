"""Translates errors of DuckDB and the disk into a StoreError with one sentence and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from osteo_core.errors import StoreError, StoreOwnedError

_REBUILD = "stop what uses the store and rebuild it from its parts: python -m osteo_core check --rebuild"
_FULL = "free disk space and try again; nothing was written in part"
#: Errors that the database raises because of disk, memory or a damaged file; any other is a bug and passes unchanged.
_FAULTS = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.OutOfMemoryException,
)
#: DuckDB's message for a transaction that could not be written.
_COMMIT = "failed to commit"
#: errno values of a full disk.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def translated(store_dir: Path, doing: str) -> Iterator[None]:
    """Raise StoreError instead of an error of the database or the disk while ``doing`` (such as 'reading').

    Raises StoreOwnedError if another process holds the store.
    """
    try:
        yield
    except duckdb.Error as error:
        # For a file with wrong checksums DuckDB raises the base class Error.
        if not isinstance(error, _FAULTS) and type(error) is not duckdb.Error and not _is_failed_commit(error):
            raise
        raise store_error(store_dir, doing, error) from error
    except MemoryError as error:
        raise StoreError(
            f"{doing} the store {store_dir} failed: it needs more memory than there is; close other programs and try "
            "again"
        ) from error
    except OSError as error:
        what = _FULL if error.errno in _NO_SPACE else "check that its disk is there and that this user may write to it"
        raise StoreError(
            f"{doing} the store {store_dir} failed ({error.strerror or type(error).__name__}); {what}"
        ) from error


def _is_failed_commit(error: duckdb.Error) -> bool:
    """Whether the disk filled up at the end of a transaction."""
    return isinstance(error, duckdb.TransactionException) and _COMMIT in str(error).lower()


def store_error(store_dir: Path, doing: str, error: duckdb.Error) -> StoreError:
    """The sentence for a database error, chosen by its class and, for IOException, by DuckDB's message."""
    words = str(error).lower()
    failed = f"{doing} the store {store_dir} failed"
    if _is_failed_commit(error):
        return StoreError(f"{failed}: the disk filled up during the final write; {_FULL}")
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(f"{failed}: it needs more memory than there is; close other programs and try again")
    if isinstance(error, duckdb.IOException):
        if "lock" in words:
            return StoreOwnedError(f"another program has the database of {store_dir} open; close it first")
        if "no space" in words:
            return StoreError(f"{failed}: the disk is full; {_FULL}")
        if any(word in words for word in ("read-only", "permission", "cannot open")):
            return StoreError(
                f"{failed}: its database cannot be written to; give this user the right to write there, "
                "or name another store with --store"
            )
    return StoreError(f"{failed} ({type(error).__name__}): its database seems to be damaged; {_REBUILD}")
