"""Atomic writes: a file is complete or absent, even if a process is killed or the power fails.

And temporary folders for copies of patients' files, which do not outlive their process for long either.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

#: Matches leftovers of killed processes: they are never read, and the owner of the folder removes them.
HALF_WRITTEN = ".*.writing*"
#: Temporary folders, each with a lock that its process holds; a young one may not have it yet.
_PRIVATE, _LOCK, _YOUNG_S = "osteo-private-", ".lock", 60.0
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


def open_to_others(path: Path) -> str:
    """What is wrong with the permissions of a file that holds a secret, as a sentence without a full stop; '' if
    nothing is, or if the file is not there.
    """
    with contextlib.suppress(OSError):
        if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            return f"other accounts of this machine may read {path}, which holds a secret: chmod 600 {path}"
    return ""


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder for copies of a patient's files, for this user only.

    If the process is killed, the next one of this user that makes such a folder removes it.
    """
    _remove_remains(int(time.time() // _YOUNG_S))
    with tempfile.TemporaryDirectory(prefix=_PRIVATE) as name:
        lock = _opened_lock(Path(name))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(lock)


@functools.lru_cache(maxsize=1)
def _remove_remains(_minute: int) -> None:
    """Remove private folders of killed processes; once a minute is enough."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PRIVATE}*"):
        with contextlib.suppress(OSError):  # removed by another process, or its own is alive
            status = folder.lstat()
            if status.st_uid != os.geteuid() or time.time() - status.st_mtime < _YOUNG_S:
                continue
            lock = _opened_lock(folder)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)


def _opened_lock(folder: Path) -> int:
    return os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
