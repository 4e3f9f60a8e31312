"""The border to DuckDB and the disk: what they raise becomes a StoreError with one sentence and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from osteo_core.errors import StoreError, StoreOwnedError

_REBUILD = "stop what uses the store and rebuild it from its parts: python -m osteo_core check --rebuild"
_FULL = "free disk space and try again; nothing was written in part"
#: What a disk, a memory or a damaged file makes the database raise; anything else is a bug of ours and stays as it is.
_FAULTS = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.OutOfMemoryException,
)
#: What DuckDB says of a transaction that could not be written.
_COMMIT = "failed to commit"
#: errno of a disk that takes nothing more.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def translated(store_dir: Path, doing: str) -> Iterator[None]:
    """Raise StoreError in place of an error of the database or the disk while ``doing`` (such as 'reading').

    A store that another process holds is StoreOwnedError.
    """
    try:
        yield
    except duckdb.Error as error:
        # A file whose checksums are wrong makes DuckDB raise Error itself, of no class of its own.
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
    """A disk that takes no more at the end of a transaction."""
    return isinstance(error, duckdb.TransactionException) and _COMMIT in str(error).lower()


def store_error(store_dir: Path, doing: str, error: duckdb.Error) -> StoreError:
    """The sentence for an error of the database, told by its class and, of IOException, by DuckDB's own words."""
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
