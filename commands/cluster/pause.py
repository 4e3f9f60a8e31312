"""Pausing a run between series: a file beside the results asks for it, and is removed to resume.

The file is checked before the next series is given to a worker; series already with the workers are finished first, so
that nothing is done twice. It works for any run over that folder, whoever started it and wherever its workers are.
"""

from __future__ import annotations

from pathlib import Path

PAUSE_FILE = ".pause"


def request(out_dir: Path) -> None:
    """Ask the run over this store or folder to pause after the series in progress."""
    (out_dir / PAUSE_FILE).touch()


def lift(out_dir: Path) -> None:
    """Let it resume; without a pause nothing happens."""
    (out_dir / PAUSE_FILE).unlink(missing_ok=True)


def is_asked(out_dir: Path) -> bool:
    """Whether a pause is requested."""
    return (out_dir / PAUSE_FILE).exists()
