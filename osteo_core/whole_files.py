"""Atomic writes: a file is complete or absent, even if a process is killed or the power fails."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

#: Matches leftovers of killed processes: they are never read, and the owner of the folder removes them.
HALF_WRITTEN = ".*.writing*"
#: Errors of file systems that cannot sync a folder.
_UNKNOWN = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; on exit it is synced to disk and renamed to ``path``.

    The folder is created if missing. An exception leaves ``path`` unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Independent of the name, which may have the maximum length; the suffix stays, as it determines the format.
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    temporary = path.with_name(f".{uuid.uuid4().hex}.writing{suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # a power cut after the rename must not leave an empty file
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Sync a folder to disk: until then a power cut may undo a completed rename.

    Raises OSError if syncing fails.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # a folder that is writable but not readable
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file with this text; line endings are unchanged."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file with these bytes."""
    with writing(path) as temporary:
        temporary.write_bytes(content)


def keep_from_others() -> None:
    """From now on, only user and group can access files that this process and its workers write.

    Further restrictions by the user's umask remain.
    """
    own = os.umask(0o077)
    os.umask(own | 0o007)
