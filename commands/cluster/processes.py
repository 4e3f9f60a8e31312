"""Whether a process named in a file is still the same one: the system reuses process ids, but not start times."""

from __future__ import annotations

import os
from pathlib import Path

#: Names a boot of this machine; the start of a process is counted from it.
_BOOT = Path("/proc/sys/kernel/random/boot_id")
#: Fields of /proc/PID/stat after the name: the 20th is the start in clock ticks since boot (man proc_pid_stat).
_START_FIELD = 19


def started_at(pid: int) -> str:
    """Start time of that process from the kernel; '' if it is gone, or on a system without /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
    return f"{boot} {stat.rpartition(')')[2].split()[_START_FIELD]}"


def is_alive(pid: int, started: str = "") -> bool:
    """Whether the process ``pid`` runs and started at ``started``; without a known start only its id counts."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it belongs to another user
        pass
    return not started or started_at(pid) in ("", started)
