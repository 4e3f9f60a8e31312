"""The progress bar on standard error: moving on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from commands.cluster.progress import Progress

#: Shorter runs show nothing.
_QUIET_S = 1.0
_LOG_EVERY_S = 30.0
_WIDTH = 24


class Bar:
    """A listener that draws one line; ``close`` ends it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._moving = self._stream.isatty()
        self._began = self._shown = time.monotonic()
        self._drawn = 0

    def __call__(self, reading: Progress) -> None:
        """Show the reading if it is due."""
        now = time.monotonic()
        if now - self._began < _QUIET_S:
            return
        if self._moving:
            line = drawn(reading)
            self._stream.write("\r" + line.ljust(self._drawn))
            self._drawn = len(line)
        elif now - self._shown >= _LOG_EVERY_S:
            self._stream.write(drawn(reading) + "\n")
            self._shown = now
        self._stream.flush()

    def close(self) -> None:
        """Keep the last line on screen."""
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()


def drawn(reading: Progress) -> str:
    """The reading as one line: bar, count, rate and time left, as far as known."""
    full = round(_WIDTH * reading.fraction)
    parts = [f"{reading.stage} [{'#' * full}{'.' * (_WIDTH - full)}] {reading.done}/{reading.total or '?'}"]
    if reading.is_paused:
        parts.append("paused")
    if reading.rate_per_min is not None:
        parts.append(f"{reading.rate_per_min:.1f} a minute")
    if reading.eta_s is not None and reading.total:
        parts.append(f"{time_left(reading.eta_s)} left")
    if reading.message:
        parts.append(reading.message)
    return "  ".join(parts)


def time_left(seconds: float) -> str:
    """'40 s', '12 min', '3 h 05 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
