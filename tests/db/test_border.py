"""Errors of disk and database become one sentence that says what to do; nobody sees a DuckDB traceback."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb
import pytest

from db.border import translated
from db.connect import open_store
from db.owner import OwnerLock
from osteo_core.errors import StoreError, StoreOwnedError

FAULTS = {
    duckdb.IOException("IO Error: Could not set lock on file"): "another program has the database",
    duckdb.IOException("IO Error: No space left on device"): "the disk is full; free disk space",
    duckdb.IOException('IO Error: Cannot open file "x": Permission denied'): "the right to write there",
    duckdb.OutOfMemoryException("failed to allocate"): "more memory than there is",
    duckdb.Error("Corrupt database file: computed checksum 1"): r"seems to be damaged; .* check --rebuild",
    duckdb.FatalException("checksum"): r"seems to be damaged; .* check --rebuild",
    duckdb.SerializationException("x"): r"seems to be damaged; .* check --rebuild",
    duckdb.TransactionException("Failed to commit: Could not write file"): "the disk filled up during the final write",
    OSError(errno.ENOSPC, "No space left on device"): "free disk space",
    OSError(errno.EIO, "Input/output error"): "check that its disk is there",
}


@pytest.mark.parametrize(("error", "words"), FAULTS.items(), ids=lambda value: str(value)[:30])
def test_a_fault_is_a_sentence(tmp_path: Path, error: Exception, words: str) -> None:
    with pytest.raises(StoreError, match=words) as raised, translated(tmp_path, "writing to"):
        raise error
    assert "\n" not in str(raised.value)


def test_a_bug_of_ours_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(duckdb.BinderException), translated(tmp_path, "reading"):
        raise duckdb.BinderException("no such column")


def test_a_database_of_noise_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "osteo.duckdb").write_bytes(b"\x07" * 50_000)
    with pytest.raises(StoreError, match=r"seems to be damaged; .* check --rebuild"):
        open_store(tmp_path)
    (tmp_path / "osteo.duckdb").unlink()
    open_store(tmp_path).close()


def test_a_store_that_cannot_be_written_to_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("db.owner.os.open", refuse)
    with pytest.raises(StoreError, match="cannot be written to \\(Read-only file system\\)") as raised:
        open_store(tmp_path / "store")
    assert not isinstance(raised.value, StoreOwnedError)


def test_a_lock_that_leads_elsewhere_empties_no_file(tmp_path: Path) -> None:
    """Several accounts may write to a store: one of them could name another's file."""
    (tmp_path / "letter").write_text("of another account")
    store = tmp_path / "store"
    store.mkdir()
    (store / "owner.lock").symlink_to(tmp_path / "letter")
    with pytest.raises(StoreError, match="cannot be written to"):
        open_store(store)
    assert (tmp_path / "letter").read_text() == "of another account"


def test_a_fault_while_opening_lets_the_store_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("db.connect.schema.bring_up", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "I/O")))
        with pytest.raises(StoreError, match="opening the store"):
            open_store(tmp_path)
    OwnerLock(tmp_path).release()
