"""Files that are under their name whole or not at all, whenever a process is killed or the power fails."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

#: Matches what killed processes leave: nobody reads such a file, and whoever owns the folder removes it.
HALF_WRITTEN = ".*.writing*"
#: What file systems that cannot bring a folder to the disk say.
_UNKNOWN = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; what was written is brought to the disk and becomes ``path`` in one step.

    The folder is made where it is missing. An exception leaves ``path`` as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not made of the name itself, which may be as long as a name can be; writers choose the format by the suffix.
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
    """Bring the names in a folder to the disk: until then a power cut may undo a rename that has happened.

    Raises OSError where the disk refuses.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # one that may be written to and not listed
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """A UTF-8 file with this text; line ends stay as they are."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """A file with these bytes."""
    with writing(path) as temporary:
        temporary.write_bytes(content)


def keep_from_others() -> None:
    """From now on what this process and its workers write can be read by its user and group alone.

    Whatever more the user's own umask keeps from the group stays so.
    """
    own = os.umask(0o077)
    os.umask(own | 0o007)
