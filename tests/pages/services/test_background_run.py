"""Progress of a run beside the pages, and the demo command that the app starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pages.ui.services import background_run
from tests.builders.waiting import wait_until


def write(store: Path, **values: object) -> None:
    given = {"stage": "analyze", "done": 3, "total": 12, "started_at": "2026-11-24T03:00:00+00:00", **values}
    (store / background_run.PROGRESS_FILE).write_text(json.dumps(given))


def test_nothing_ever_ran(tmp_path: Path) -> None:
    assert background_run.read_progress(tmp_path) is None


def test_a_living_run_is_told_from_one_that_was_killed(tmp_path: Path) -> None:
    write(tmp_path, pid=os.getpid(), eta_s=90.0, rate_per_min=6.0)
    alive = background_run.read_progress(tmp_path)
    assert alive is not None
    assert (alive.is_alive, alive.fraction, alive.is_finished, alive.eta_s) == (True, 0.25, False, 90.0)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write(tmp_path, pid=gone.pid)
    stopped = background_run.read_progress(tmp_path)
    assert stopped is not None
    assert (stopped.is_alive, stopped.is_running, stopped.was_cut_off) == (False, False, True)


@pytest.mark.parametrize(("stage", "finished", "cut_off"), [("done", True, False), ("stopped", False, True)])
def test_a_run_that_has_ended_is_not_running_though_its_process_lives(
    tmp_path: Path, stage: str, finished: bool, cut_off: bool
) -> None:
    write(tmp_path, pid=os.getpid(), stage=stage)
    progress = background_run.read_progress(tmp_path)
    assert progress is not None
    assert (progress.is_running, progress.is_finished, progress.was_cut_off) == (False, finished, cut_off)


def test_an_unknown_total_is_neither_finished_nor_a_fraction(tmp_path: Path) -> None:
    write(tmp_path, done=7, total=0)
    progress = background_run.read_progress(tmp_path)
    assert progress is not None
    assert (progress.fraction, progress.is_finished, progress.is_alive) == (0.0, False, False)


@pytest.mark.parametrize(
    ("code", "complaint"), [("print('all well')", ""), ("raise SystemExit('no space left')", "no space left")]
)
def test_a_run_that_fails_leaves_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, complaint: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}"\n')
    program.chmod(0o755)
    monkeypatch.setattr(background_run.sys, "executable", str(program))
    run = background_run.Run(tmp_path / "store", "demo")
    wait_until(lambda: not run.is_running)
    assert run.complaint == complaint


@pytest.mark.parametrize(("value", "wanted"), [(None, True), ("", True), ("0", True), ("1", False)])
def test_the_demo_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, value: str | None, wanted: bool) -> None:
    monkeypatch.delenv("OSTEO_NO_DEMO", raising=False)
    if value is not None:
        monkeypatch.setenv("OSTEO_NO_DEMO", value)
    assert background_run.demo_is_wanted() is wanted
