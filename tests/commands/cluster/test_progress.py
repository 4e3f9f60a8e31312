"""Rate and time left, and a progress file that is whole at every moment."""

from __future__ import annotations

import json
import os
from pathlib import Path

from commands.cluster.progress import Progress, Tracker, progress_file


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_time_left_follow_the_clock() -> None:
    clock, seen = Clock(), list[Progress]()
    tracker = Tracker("analyze", 10, listeners=(seen.append,), clock=clock)
    for _ in range(4):
        clock.now += 15.0
        tracker.advance()
    assert [reading.done for reading in seen] == [1, 2, 3, 4]
    assert seen[-1].rate_per_min == 4.0
    assert seen[-1].eta_s == 90.0
    assert seen[-1].pid == os.getpid()


def test_nothing_done_has_no_rate_and_no_time_left() -> None:
    reading = Tracker("analyze", 3, clock=Clock()).reading()
    assert (reading.done, reading.total, reading.rate_per_min, reading.eta_s) == (0, 3, None, None)


def test_a_slow_start_is_forgotten() -> None:
    clock = Clock()
    tracker = Tracker("analyze", 100, clock=clock)
    clock.now += 600.0
    tracker.advance()
    for _ in range(30):
        clock.now += 6.0
        tracker.advance()
    assert tracker.reading().rate_per_min == 10.0


def test_a_pause_is_told_and_counts_for_no_rate() -> None:
    clock, asked = Clock(), [False]
    tracker = Tracker("analyze", 100, clock=clock, is_paused=lambda: asked[0])
    clock.now += 6.0
    tracker.advance()
    asked[0] = True
    clock.now += 3600.0
    tracker.tell()
    assert (tracker.reading().is_paused, tracker.reading().rate_per_min) == (True, None)
    asked[0] = False
    clock.now += 6.0
    tracker.advance()
    assert (tracker.reading().is_paused, tracker.reading().rate_per_min) == (False, 10.0)


def test_more_work_moves_the_total() -> None:
    tracker = Tracker("demo", 2, clock=Clock())
    tracker.grow(3)
    assert tracker.reading().total == 5


def test_the_file_holds_the_last_reading_and_nothing_else_is_left(tmp_path: Path) -> None:
    store = tmp_path / "store"
    tracker = Tracker("analyze", 2, listeners=(progress_file(store),), clock=Clock())
    tracker.advance(message="first")
    tracker.tell(stage="done", message="all")
    assert [path.name for path in store.iterdir()] == ["progress.json"]
    read = json.loads((store / "progress.json").read_text())
    assert (read["stage"], read["done"], read["total"], read["message"]) == ("done", 1, 2, "all")
    assert set(read) == {"stage", "done", "total", "started_at", "rate_per_min", "eta_s", "message", "pid", "is_paused"}
