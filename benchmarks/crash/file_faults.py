"""A layer between this process and its files: it counts operations below a folder, and injects a fault at the n-th one.

Python reports the opening of files, renames, removals and new folders to audit hooks before they happen; ``os.fsync``,
renames and the writing of files are wrapped. A fault comes before the operation, or in the middle of a write, when
half of the data is in the file. File operations of compiled code (DuckDB, Parquet written to a path) are not seen
here: they are killed at random times instead (benchmarks/crash/suite.py).
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Audit events of operations that change a folder, with the positions of their path arguments.
_CHANGING = {
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.link": (0, 1),
    "os.truncate": (0,),
    "os.utime": (0,),
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


#: Operations that need space on the disk.
_NEEDS_ROOM = ("open", "write", "fsync", "os.mkdir", "os.link")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The fault of an operation: an error with this number, or the end of the process if it is 0.

    ``lasts``: later operations get it too. ``only``: the operations concerned, all if empty. ``undoes_renames``:
    renames not flushed to disk are lost, as after a power cut.
    """

    number: int = 0
    lasts: bool = True
    only: tuple[str, ...] = ()
    undoes_renames: bool = False


FAULTS = {
    "kill": Fault(),
    "power cut": Fault(undoes_renames=True),
    "disk full": Fault(number=errno.ENOSPC, only=_NEEDS_ROOM),
    "read-only": Fault(number=errno.EROFS),
    "permission lost": Fault(number=errno.EACCES),
    "I/O error": Fault(number=errno.EIO, lasts=False),
}


class FileFaults:
    """Operations of this process below ``root``, counted from ``arm`` on; the one at ``at`` gets ``fault``.

    With ``at`` 0 operations are only counted.
    """

    def __init__(self, root: Path, *, at: int = 0, fault: Fault = FAULTS["kill"]) -> None:
        self._root = os.path.realpath(root) + os.sep
        self._at = at
        self._fault = fault
        self._is_armed = False
        self._renamed: list[tuple[str, str, str]] = []
        self.count = 0
        self.names: list[str] = []

    def arm(self) -> None:
        """Start counting. An audit hook cannot be removed, so this is for a process that ends with its scenario."""
        sys.addaudithook(self._audit)
        self._wrap()
        self._is_armed = True

    def disarm(self) -> None:
        """Stop counting."""
        self._is_armed = False

    def operation(self, name: str) -> None:
        """One operation is about to happen."""
        if not self._is_armed:
            return
        self.count += 1
        self.names.append(name)
        is_concerned = not self._fault.only or name in self._fault.only
        if self._at and self.count >= self._at and is_concerned:
            self._meet(self._fault)

    def _meet(self, fault: Fault) -> None:
        self._is_armed = bool(fault.number) and fault.lasts  # effects of a kill itself on files are not counted
        if fault.number:
            raise OSError(fault.number, os.strerror(fault.number))
        if fault.undoes_renames:
            self._undo_renames()
        os.kill(os.getpid(), signal.SIGKILL)

    def _undo_renames(self) -> None:
        """Undo every rename whose folder has not been flushed to disk since, in reverse order."""
        for source, target, former in reversed(self._renamed):
            if source:
                os.rename(target, source)
            else:
                os.unlink(target)
            if former:
                shutil.copy2(former, target)

    def concerns(self, path: Any) -> bool:
        """Whether that path or open file is below the root."""
        try:
            found = os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else os.fsdecode(path)
        except (OSError, TypeError, ValueError):
            return False
        return os.path.realpath(found).startswith(self._root)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_armed:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and self.concerns(path):
                self.operation("open")
        elif event in _CHANGING and any(self.concerns(arguments[n]) for n in _CHANGING[event] if n < len(arguments)):
            self.operation(event)

    def _wrap(self) -> None:
        fsync, opened = os.fsync, io.open
        os.replace, os.rename = self._remembering(os.replace), self._remembering(os.rename)
        os.link = self._remembering(os.link, keeps_source=True)

        def faulty_fsync(descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            if self.concerns(number):
                self.operation("fsync")
            fsync(descriptor)
            self._on_disk(os.readlink(f"/proc/self/fd/{number}"))

        def faulty_open(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            found = opened(file, mode, *given, **named)
            is_written = any(letter in mode for letter in "wax+")
            return _Torn(found, self) if is_written and self.concerns(file) else found

        os.fsync = faulty_fsync
        io.open = builtins.open = faulty_open  # type: ignore[assignment]

    def _remembering(self, act: Callable[..., None], *, keeps_source: bool = False) -> Callable[..., None]:
        """``os.rename`` and its like, recorded so that a power cut can undo them; for files of this process only."""

        def rename(source: Any, target: Any, *given: Any, **named: Any) -> None:
            if not (self._is_armed and self.concerns(target)):
                act(source, target, *given, **named)
                return
            former = ""
            if os.path.isfile(target):
                former = tempfile.mkstemp()[1]
                shutil.copy2(target, former)
            act(source, target, *given, **named)
            name = "" if keeps_source else os.path.realpath(source)
            self._renamed.append((name, os.path.realpath(target), former))

        return rename

    def _on_disk(self, folder: str) -> None:
        """Make renames into that folder, and all earlier ones, permanent."""
        inside = [n for n, (_, target, _) in enumerate(self._renamed) if os.path.dirname(target) == folder]
        del self._renamed[: inside[-1] + 1 if inside else 0]


class _Torn:
    """A file whose ``write`` may be interrupted halfway; everything else is forwarded to the file."""

    def __init__(self, file: Any, faults: FileFaults) -> None:
        self._file, self._faults = file, faults

    def write(self, content: Any) -> Any:
        half = content[: len(content) // 2]
        self._file.write(half)
        self._file.flush()
        self._faults.operation("write")
        return len(half) + self._file.write(content[len(half) :])

    def __enter__(self) -> _Torn:
        self._file.__enter__()
        return self

    def __exit__(self, *given: Any) -> Any:
        return self._file.__exit__(*given)

    def __iter__(self) -> Any:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
