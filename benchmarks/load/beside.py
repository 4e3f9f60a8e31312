"""The programs that run during the load test: the PACS, and programs of this package that run until asked to stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteo_core.settings import Settings
from tests.builders.orthanc import ORTHANC, Orthanc
from tests.builders.pacs import TITLE, FakePacs

ROOT = Path(__file__).resolve().parents[2]
#: Time limit in seconds for a program to end after it was asked to stop.
_END_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Folders of the programs that run beside the app."""

    settings: Settings
    folder: Path
    environment: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RunningPacs:
    """A running PACS; ``held`` returns the UIDs of its objects."""

    title: str
    port: int
    held: Callable[[], set[str]]


@contextmanager
def pacs(folder: Path, *, with_orthanc: bool) -> Iterator[RunningPacs]:
    """Orthanc if wanted and installed, else a storage SCP in this process."""
    if with_orthanc and ORTHANC is not None:
        with Orthanc(folder) as orthanc:
            yield RunningPacs(title="ORTHANC", port=orthanc.dicom, held=lambda: set(orthanc.held()))
    else:
        with FakePacs() as scp:
            yield RunningPacs(title=TITLE, port=scp.port, held=lambda: set(scp.held))


@contextmanager
def program(name: str, place: Place, lines: list[dict[str, Any]], lost: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of this package during the block and collect its output lines; it lowers its own priority."""
    said, log = place.folder / f"{name}.jsonl", place.folder / f"{name}.log"
    where = [str(place.settings.store), str(place.settings.key_file), str(place.folder / f"{name}_ct")]
    command = [sys.executable, "-m", f"benchmarks.load.{name}", *where]
    with said.open("wb") as out, log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **place.environment}, stdout=out, stderr=errors
        )
    try:
        yield process
        if process.poll() is not None:
            lost.append(f"{name} ended: {log.read_text()[-2000:]}")
    finally:
        end(process)
        lines.extend(json.loads(line) for line in said.read_text().splitlines())


def end(process: subprocess.Popen[bytes]) -> float:
    """Ask a process to end, and wait; returns the seconds it took. One that does not end is killed."""
    begun = time.monotonic()
    process.terminate()
    try:
        process.wait(timeout=_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return time.monotonic() - begun
