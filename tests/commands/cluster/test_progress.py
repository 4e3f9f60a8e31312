"""Rate and remaining time, and a progress file that is complete at every moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from commands.cluster.progress import PROGRESS_FILE, Progress, Tracker, progress_file, read_progress


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
    tracker.report()
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
    tracker.advance()
    tracker.report(stage="done", message="all")
    assert [path.name for path in store.iterdir()] == ["progress.json"]
    read = json.loads((store / "progress.json").read_text())
    assert (read["stage"], read["done"], read["total"], read["message"]) == ("done", 1, 2, "all")
    assert set(read) == {field.name for field in fields(Progress)}


def write(store: Path, **values: object) -> None:
    given = {"stage": "analyze", "done": 3, "total": 12, "started_at": "2026-11-24T03:00:00+00:00", **values}
    (store / PROGRESS_FILE).write_text(json.dumps(given))


def test_nothing_ever_ran(tmp_path: Path) -> None:
    assert read_progress(tmp_path) is None


def test_a_living_run_is_told_from_one_that_was_killed(tmp_path: Path) -> None:
    write(tmp_path, pid=os.getpid(), eta_s=90.0, rate_per_min=6.0)
    alive = read_progress(tmp_path)
    assert alive is not None
    assert (alive.is_alive, alive.fraction, alive.is_finished, alive.eta_s) == (True, 0.25, False, 90.0)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write(tmp_path, pid=gone.pid)
    stopped = read_progress(tmp_path)
    assert stopped is not None
    assert (stopped.is_alive, stopped.is_running, stopped.was_cut_off) == (False, False, True)


@pytest.mark.parametrize(("stage", "finished", "cut_off"), [("done", True, False), ("stopped", False, True)])
def test_a_run_that_has_ended_is_not_running_though_its_process_lives(
    tmp_path: Path, stage: str, finished: bool, cut_off: bool
) -> None:
    write(tmp_path, pid=os.getpid(), stage=stage)
    progress = read_progress(tmp_path)
    assert progress is not None
    assert (progress.is_running, progress.is_finished, progress.was_cut_off) == (False, finished, cut_off)


def test_an_unknown_total_is_neither_finished_nor_a_fraction(tmp_path: Path) -> None:
    write(tmp_path, done=7, total=0)
    progress = read_progress(tmp_path)
    assert progress is not None
    assert (progress.fraction, progress.is_finished, progress.is_alive) == (0.0, False, False)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    reading = Tracker("analyze", 3).reading()
    progress_file(tmp_path)(reading)
    assert read_progress(tmp_path) == reading
    assert reading.is_running


def test_a_reused_process_id_is_no_running_run(tmp_path: Path) -> None:
    write(tmp_path, pid=os.getpid(), process_started="another boot 17")
    progress = read_progress(tmp_path)
    assert progress is not None
    assert (progress.is_running, progress.was_cut_off) == (False, True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"done"',
        b'{"done": "many"}',
        b'{"done": null}',
        b'{"done": 1e999}',
        b'{"pid": [1]}',
        b'{"eta_s": "soon"}',
        b'{"eta_s": NaN}',
        b'{"rate_per_min": true}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PROGRESS_FILE).write_bytes(content)
    assert read_progress(tmp_path) is None


def test_a_folder_in_its_place_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / PROGRESS_FILE).mkdir()
    assert read_progress(tmp_path) is None
