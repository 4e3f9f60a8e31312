"""Progress of a run: one small record, a file that the app reads, and the computation of rate and time left."""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from commands.cluster.processes import is_alive, started_at
from osteo_core.whole_files import write_text

#: The rate is taken over this many of the latest finished series, so that a slow start soon stops counting.
_RATE_WINDOW = 20

#: The stages in which a run may end.
DONE, STOPPED = "done", "stopped"

PROGRESS_FILE = "progress.json"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Progress of a run: ``done`` of ``total`` (0 while unknown); rate and time left are None until two are done.

    ``started_at`` is ISO 8601 in UTC; ``pid`` is the working process and ``process_started`` its start time, which tell
    a killed run from a running one. ``is_paused``: nothing new is started until the pause ends.
    """

    stage: str
    done: int
    total: int
    started_at: str
    rate_per_min: float | None = None
    eta_s: float | None = None
    message: str = ""
    pid: int = 0
    process_started: str = ""
    is_paused: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether the working process is still there."""
        return is_alive(self.pid, self.process_started)

    @property
    def is_finished(self) -> bool:
        """Whether everything is done."""
        return self.stage == DONE or (self.total > 0 and self.done >= self.total)

    @property
    def is_running(self) -> bool:
        """Whether a living process is at work."""
        return self.is_alive and not self.is_finished and self.stage != STOPPED

    @property
    def was_cut_off(self) -> bool:
        """Whether it was stopped or killed before its end."""
        return not self.is_running and not self.is_finished and self.total > 0

    @property
    def fraction(self) -> float:
        """Done of total, 0 while the total is not known."""
        return min(1.0, self.done / self.total) if self.total else 0.0


Listener = Callable[[Progress], None]


class Tracker:
    """Counts finished items and informs its listeners; pauses do not count in the rate.

    ``is_paused`` says whether the run is paused; ``clock`` gives seconds and exists for tests.
    """

    def __init__(
        self,
        stage: str,
        total: int,
        *,
        listeners: tuple[Listener, ...] = (),
        is_paused: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage = stage
        self._total = total
        self._done = 0
        self._message = ""
        self._listeners = listeners
        self._is_paused = is_paused or (lambda: False)
        self._clock = clock
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._ticks: deque[tuple[float, int]] = deque([(clock(), 0)], maxlen=_RATE_WINDOW + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Report 'done' or 'stopped' last, so that a reader can tell them apart."""
        self.report(stage=DONE if kind is None else STOPPED)

    def advance(self, count: int = 1) -> None:
        """Count ``count`` more as done."""
        self._done += count
        self._ticks.append((self._clock(), self._done))
        self.report()

    def grow(self, count: int) -> None:
        """Add to the total."""
        self._total += count
        self.report(message=self._message)

    def set_count(self, done: int, total: int) -> None:
        """Set the count kept by somebody else: ``done`` of ``total``."""
        self._total = total
        self.advance(done - self._done)

    def report(self, *, stage: str | None = None, message: str = "") -> None:
        """Report the state of the run to the listeners."""
        self._stage = stage or self._stage
        self._message = message
        if self._is_paused():
            self._ticks.clear()
            self._ticks.append((self._clock(), self._done))
        reading = self.reading()
        for listener in self._listeners:
            listener(reading)

    def reading(self) -> Progress:
        """The current state of the run."""
        rate = self._rate_per_s()
        left = max(self._total - self._done, 0)
        return Progress(
            stage=self._stage,
            done=self._done,
            total=self._total,
            started_at=self._started_at,
            rate_per_min=None if rate is None else rate * 60.0,
            eta_s=None if rate is None else left / rate,
            message=self._message,
            pid=os.getpid(),
            process_started=started_at(os.getpid()),
            is_paused=self._is_paused(),
        )

    def _rate_per_s(self) -> float | None:
        (first_time, first_done), (last_time, last_done) = self._ticks[0], self._ticks[-1]
        if last_done - first_done < 1 or last_time <= first_time:
            return None
        return (last_done - first_done) / (last_time - first_time)


def progress_file(store_dir: Path) -> Listener:
    """A listener that writes ``progress.json`` of that store; the file is complete at every moment."""

    def write(reading: Progress) -> None:
        write_text(store_dir / PROGRESS_FILE, json.dumps(asdict(reading)))

    return write


def read_progress(store_dir: Path) -> Progress | None:
    """The latest progress of a run over that store; None if nothing ever ran or the file is damaged."""
    try:
        given = json.loads((store_dir / PROGRESS_FILE).read_text(encoding="utf-8"))
        return _read(given)
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _read(given: dict[str, Any]) -> Progress:
    return Progress(
        stage=str(given.get("stage", "")),
        done=max(0, int(given.get("done", 0))),
        total=max(0, int(given.get("total", 0))),
        started_at=str(given.get("started_at", "")),
        rate_per_min=_number(given.get("rate_per_min")),
        eta_s=_number(given.get("eta_s")),
        message=str(given.get("message", "")),
        pid=int(given.get("pid") or 0),
        process_started=str(given.get("process_started", "")),
        is_paused=bool(given.get("is_paused")),
    )


def _number(value: object) -> float | None:
    """The value as a finite number from 0. Raises TypeError or ValueError otherwise."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"expected a number from 0, found {value!r}")
    return float(value)
