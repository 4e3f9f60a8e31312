"""Functions for workers to call: fast ones, failing ones, and ones that kill their process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from commands.cluster import attempts


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def own_pid(seconds: float = 0.0) -> int:
    """The worker's process ID."""
    time.sleep(seconds)
    return os.getpid()


def niceness() -> int:
    """The worker's priority."""
    return os.nice(0)


def fail(message: str) -> None:
    """Raise an error, as faulty code would."""
    raise RuntimeError(message)


def kill_own_process(folder: Path, key: str, deaths: int) -> int:
    """Die as often as requested, then return the number of deaths."""
    before = attempts.deaths_before(folder, key)
    attempts.begin(folder, key)
    if before < deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    attempts.end(folder, key)
    return before


def can_allocate(gigabytes: float) -> bool:
    """Whether this process may allocate this much memory at once; the pages are not touched."""
    try:
        bytearray(round(gigabytes * 1e9))
    except MemoryError:
        return False
    return True
