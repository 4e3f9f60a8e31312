"""The analysis during the load test: ``python -m benchmarks.load.analysis STORE KEY CT``, until asked to stop.

Repeatedly writes three small CTs, indexes and analyzes them on a worker, with the boxes of the crash suite instead of a
network, so that it runs on any machine; meanwhile the app owns the store. Prints a line of JSON after each step.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from benchmarks.crash.scenarios import Boxes, write_ct
from benchmarks.million_store import MODEL_HASH
from commands.analysis_job import Models
from commands.analyze import analyze
from commands.index import index
from osteo_core.settings import Settings

CASES = 3
#: With these models everything in the store is up to date, so that only new series are analyzed.
_MODELS = Models(segmenter="benchmarks.load.analysis:segmenter", model_hash=MODEL_HASH)


def segmenter() -> Boxes:
    """The segmenter named by the job; its results carry the version that the job asks for, as with real models."""
    return Boxes(model_hash=MODEL_HASH)


def arguments_of(program: str) -> tuple[Settings, Path]:
    """The settings and the folder of CT that a program of this package is started with."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.load.{program}")
    parser.add_argument("store", type=Path)
    parser.add_argument("key", type=Path)
    parser.add_argument("ct", type=Path)
    given = parser.parse_args()
    return Settings(store=given.store, key_file=given.key, workers=1), given.ct


def main() -> None:
    """Repeat rounds until SIGTERM."""
    settings, ct = arguments_of("analysis")
    signal.signal(signal.SIGTERM, _end)
    for number in itertools.count():
        _round(number, ct, settings)


def _round(number: int, ct: Path, settings: Settings) -> None:
    folder, begun = ct / f"round_{number}", time.monotonic()
    write_ct(folder, first=CASES * number, cases=CASES)
    found = index([folder], settings.store, settings=settings)
    say(indexed=len(found.series), seconds=time.monotonic() - begun)
    while True:  # the app takes in new series within a second, and publishes them within fifteen
        summary = analyze(settings.store, settings=settings, models=_MODELS)
        if summary.found:
            break
        time.sleep(1.0)
    say(measured=summary.measured, failed=summary.failed, seconds=time.monotonic() - begun)


def say(**found: object) -> None:
    """A line of JSON."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def _end(number: int, frame: FrameType | None) -> None:
    """Handles SIGTERM."""
    sys.exit(0)


if __name__ == "__main__":
    main()
