"""Programs of others that are run for one file: ended in time, with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path


def run_child(command: Sequence[str], *, longest_s: float, cwd: Path | None = None) -> int:
    """Run a program without input and output, and return its exit code.

    Whatever it started and left is ended with it: a program behind a script, or workers of its own, would keep a copy
    of a patient's file open. Raises OSError if it cannot be started, subprocess.TimeoutExpired after ``longest_s``
    seconds.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(longest_s)
    finally:
        with contextlib.suppress(ProcessLookupError):  # none of them is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
