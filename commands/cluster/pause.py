"""A run that rests between series: a file beside the results asks for it, and goes when the run may go on.

The file is looked for before the next series is handed to a worker; what the workers hold is finished first, so that
nothing is done twice. It works for any run over that folder, whoever began it and wherever its workers are.
"""

from __future__ import annotations

from pathlib import Path

PAUSE_FILE = ".pause"


def request(out_dir: Path) -> None:
    """Let the run over this store or folder rest after the series that are at work."""
    (out_dir / PAUSE_FILE).touch()


def lift(out_dir: Path) -> None:
    """Let it go on; without a pause nothing happens."""
    (out_dir / PAUSE_FILE).unlink(missing_ok=True)


def is_asked(out_dir: Path) -> bool:
    """Whether a pause is asked for."""
    return (out_dir / PAUSE_FILE).exists()
