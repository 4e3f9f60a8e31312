"""Commands started by the app, each in a separate background process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

DEMO, ANALYZE = "demo", "analyze"
#: Where the demo command keeps its simulated CT inside the store.
DEMO_FOLDER = "demo"


class Run:
    """A command of this program running on the store, started by the app: ``demo``, ``index`` or ``analyze``.

    It is a separate process and leaves parts; the app keeps owning the store. It uses the app's settings.
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
        """Its last line of output if it failed, else ''."""
        if not self._process.poll():
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"it ended with code {self._process.returncode}"

    def stop(self) -> None:
        """Ask the command to stop; the store stays intact and the command resumes at the next start."""
        if self.is_running:
            self._process.terminate()


def demo_is_wanted() -> bool:
    """False where OSTEO_NO_DEMO is set."""
    return os.environ.get("OSTEO_NO_DEMO", "") in ("", "0")
