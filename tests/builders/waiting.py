"""Wait for another process or thread, long enough for a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

_TICK_S, _LONGEST_S = 0.05, 240.0


def wait_until(reached: Callable[[], object]) -> None:
    """Poll until the answer is true; the test fails if that takes too long."""
    deadline = time.monotonic() + _LONGEST_S
    while not reached():
        assert time.monotonic() < deadline, f"nothing happened within {_LONGEST_S:.0f} s"
        time.sleep(_TICK_S)
