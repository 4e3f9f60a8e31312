"""Wait for what another process or thread does, as long as a busy machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable

_TICK_S = 0.05


def wait_until(reached: Callable[[], object], *, seconds: float = 240.0) -> None:
    """Ask until the answer is true; the test fails where that takes longer than ``seconds``."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"nothing happened within {seconds:.0f} s"
        time.sleep(_TICK_S)
