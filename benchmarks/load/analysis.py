"""The analysis that runs beside the people: ``python -m benchmarks.load.analysis STORE KEY CT``, until it is asked to
end.

Repeatedly writes three small CT, indexes and analyzes them on a worker, with the boxes of the crash suite instead of a
network, so that it runs on any machine; the app owns the store meanwhile. Prints a line of JSON after each step.
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
#: Under the models of the store everything in it is done, so that only what is new is analyzed.
_MODELS = Models(segmenter="benchmarks.load.analysis:segmenter", model_hash=MODEL_HASH)


def segmenter() -> Boxes:
    """What the job names; its results carry the version that the job asks for, as those of real models do."""
    return Boxes(model_hash=MODEL_HASH)


def main() -> None:
    """Rounds until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.analysis")
    parser.add_argument("store", type=Path)
    parser.add_argument("key", type=Path)
    parser.add_argument("ct", type=Path)
    given = parser.parse_args()
    settings = Settings(store=given.store, key_file=given.key, workers=1)
    signal.signal(signal.SIGTERM, _end)
    for number in itertools.count():
        _round(number, given.ct, settings)


def _round(number: int, ct: Path, settings: Settings) -> None:
    folder, begun = ct / f"round_{number}", time.monotonic()
    write_ct(folder, first=CASES * number, cases=CASES)
    found = index([folder], settings.store, settings=settings)
    say(indexed=len(found.series), seconds=time.monotonic() - begun)
    while True:  # the app takes in what was indexed within a second, and publishes it within fifteen
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
