"""How often work on a series was begun and never ended: the memory that outlives a killed worker.

A worker leaves a file beside the results before it begins a series and takes it away when it has
ended, in whatever way. Whoever begins the same series again finds the file: the worker before was
killed by the system, by its memory limit or by a fault in compiled code. This needs no word from
the scheduler, so it holds on any cluster whose workers share the folder.
"""

from __future__ import annotations

from pathlib import Path

#: A series that killed its worker this often is left out, and the others go on.
DEATHS_ALLOWED = 2


def deaths_before(folder: Path, key: str) -> int:
    """How many workers died over ``key`` so far in this run."""
    marker = folder / key
    return marker.stat().st_size if marker.exists() else 0


def begin(folder: Path, key: str) -> None:
    """Note that work on ``key`` begins; one byte an attempt."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / key).open("ab") as marker:
        marker.write(b".")


def end(folder: Path, key: str) -> None:
    """Note that work on ``key`` has ended."""
    (folder / key).unlink(missing_ok=True)
