"""How often work on a series was started and never finished: a record that survives a killed worker.

A worker leaves a file beside the results before it starts a series and removes it at the end, whatever the outcome. A
worker that starts the same series again and finds the file knows that the previous worker was killed by the system, by
its memory limit or by a fault in compiled code. This does not depend on the scheduler, so it works on any cluster whose
workers share the folder.
"""

from __future__ import annotations

from pathlib import Path

#: A series that killed its worker this often is left out, and the others go on.
DEATHS_ALLOWED = 2


def deaths_before(folder: Path, key: str) -> int:
    """Number of workers that died on ``key`` so far in this run."""
    marker = folder / key
    return marker.stat().st_size if marker.exists() else 0


def begin(folder: Path, key: str) -> None:
    """Note that work on ``key`` begins; one byte per attempt."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / key).open("ab") as marker:
        marker.write(b".")


def end(folder: Path, key: str) -> None:
    """Note that work on ``key`` has ended."""
    (folder / key).unlink(missing_ok=True)
