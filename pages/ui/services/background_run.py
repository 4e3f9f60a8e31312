"""Work that runs beside the pages: its progress, and the commands that the app starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PROGRESS_FILE = "progress.json"
DEMO, ANALYZE = "demo", "analyze"
#: Where the demo command keeps its simulated CT inside the store.
DEMO_FOLDER = "demo"
#: The stages in which a run ends (commands/cluster/progress.py).
_DONE, _STOPPED = "done", "stopped"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the run is that a command wrote into the store; ``is_alive`` is False when its process is gone.

    ``is_paused``: it lives and begins nothing new until the pause is lifted.
    """

    stage: str
    done: int
    total: int
    eta_s: float | None
    rate_per_min: float | None
    message: str
    is_alive: bool
    is_paused: bool = False

    @property
    def is_finished(self) -> bool:
        """Everything that was to be done is done."""
        return self.stage == _DONE or (self.total > 0 and self.done >= self.total)

    @property
    def is_running(self) -> bool:
        """A living process is still at it."""
        return self.is_alive and not self.is_finished and self.stage != _STOPPED

    @property
    def was_cut_off(self) -> bool:
        """Stopped or killed before its end."""
        return not self.is_running and not self.is_finished and self.total > 0

    @property
    def fraction(self) -> float:
        """Done of total, 0 while the total is not known."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def read_progress(store_dir: Path) -> Progress | None:
    """The latest progress, or None when nothing ever ran here."""
    try:
        given = json.loads((store_dir / PROGRESS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    pid = int(given.get("pid") or 0)
    return Progress(
        stage=str(given.get("stage", "")),
        done=int(given.get("done", 0)),
        total=int(given.get("total", 0)),
        eta_s=given.get("eta_s"),
        rate_per_min=given.get("rate_per_min"),
        message=str(given.get("message", "")),
        is_alive=pid > 0 and _is_alive(pid),
        is_paused=bool(given.get("is_paused")),
    )


class Run:
    """A command of this program at work over the store, started by the app: ``demo``, ``index`` or ``analyze``.

    It is a process of its own and leaves parts; the app goes on owning the store. Its settings are the app's.
    """

    def __init__(self, store_dir: Path, command_name: str, *arguments: str) -> None:
        store_dir.mkdir(parents=True, exist_ok=True)
        self.command_name = command_name
        self.arguments = arguments
        self.started_at = datetime.now(UTC)
        self._log = store_dir / f"{command_name}.log"
        command = [sys.executable, "-m", "osteo_core", command_name, *arguments, "--store", str(store_dir)]
        nice = shutil.which("nice")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [nice, "-n", "10", *command] if nice else command,
                cwd=Path(__file__).resolve().parents[3],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def is_running(self) -> bool:
        """Whether the command is still at work."""
        return self._process.poll() is None

    @property
    def complaint(self) -> str:
        """Its last line when it ended badly, else ''."""
        if not self._process.poll():
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"it ended with code {self._process.returncode}"

    def stop(self) -> None:
        """Ask the command to stop; it leaves the store whole and carries on at the next start."""
        if self.is_running:
            self._process.terminate()


def demo_is_wanted() -> bool:
    """False where OSTEO_NO_DEMO is set."""
    return os.environ.get("OSTEO_NO_DEMO", "") in ("", "0")
