"""A layer between this process and its files: it counts operations below a folder, and ends or fails the n-th.

Python reports the opening of files, renames, removals and new folders to audit hooks before they happen; ``os.fsync``
and the writing of files are wrapped. A kill comes before the operation, and in the middle of a write: half of what was
to be written is in the file. What compiled code does to files is not seen here (DuckDB, Parquet written to a path):
those are killed at random moments instead (benchmarks/crash/suite.py).
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Audit events of operations that change a folder, by the arguments that are paths.
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


class FileFaults:
    """Operations below ``root`` of this process, counted from ``arm`` on; ``at`` is the one that meets its fault.

    ``fault`` is called in its place: it ends the process, or raises what the operation then raises. 0 counts only.
    """

    def __init__(self, root: Path, *, at: int = 0, fault: Callable[[], None] | None = None) -> None:
        self._root = os.path.realpath(root) + os.sep
        self._at = at
        self._fault = fault or _die
        self._is_armed = False
        self.count = 0
        self.names: list[str] = []

    def arm(self) -> None:
        """From now on; an audit hook cannot be taken away, so this is for a process that ends with its scenario."""
        sys.addaudithook(self._audit)
        self._wrap()
        self._is_armed = True

    def disarm(self) -> None:
        """Count no more."""
        self._is_armed = False

    def operation(self, name: str) -> None:
        """One operation is about to happen."""
        if not self._is_armed:
            return
        self.count += 1
        self.names.append(name)
        if self.count == self._at:
            self._is_armed = False  # whatever the fault does to files is not counted
            self._fault()

    def concerns(self, path: Any) -> bool:
        """Whether that path, or open file, lies below the root."""
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

        def faulty_fsync(descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            if self.concerns(number):
                self.operation("fsync")
            fsync(descriptor)

        def faulty_open(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            found = opened(file, mode, *given, **named)
            is_written = any(letter in mode for letter in "wax+")
            return _Torn(found, self) if is_written and self.concerns(file) else found

        os.fsync = faulty_fsync
        io.open = builtins.open = faulty_open  # type: ignore[assignment]


class _Torn:
    """A file whose ``write`` may be cut off in the middle; everything else is the file's own."""

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


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
