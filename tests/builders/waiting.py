"""Wait for another process or thread, long enough for a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

_TICK_S = 0.05


def wait_until(reached: Callable[[], object], *, seconds: float = 240.0) -> None:
    """Poll until the answer is true; the test fails if that takes longer than ``seconds``."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"nothing happened within {seconds:.0f} s"
        time.sleep(_TICK_S)
