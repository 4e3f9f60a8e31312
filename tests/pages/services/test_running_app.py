"""When the app starts the demo cohort, and which command it names for continuing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commands import store_access
from commands.cluster import pause
from db import rows
from db.connect import Snapshot
from db.parts import write_parts
from osteo_core.errors import UsageError
from osteo_core.records import Found
from pages.ui.services import running_app
from pages.ui.services.store_holder import close_holder
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store


class FakeRun:
    """Replaces the command; records where it was started."""

    started: list[Path] = []  # noqa: RUF012

    def __init__(self, store: Path, command_name: str, *arguments: str) -> None:
        FakeRun.started.append(store)
        self.command_name = command_name
        self.is_running = True
        self.complaint = ""
        self.arguments = arguments
        self.started_at = datetime.now(UTC)

    def stop(self) -> None:
        self.is_running = False


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    FakeRun.started = []
    monkeypatch.setattr(running_app, "Run", FakeRun)
    monkeypatch.setattr(running_app, "_runs", {})
    monkeypatch.setenv("OSTEO_STORE", str(tmp_path))
    monkeypatch.delenv("OSTEO_NO_DEMO", raising=False)
    return FakeRun.started


@pytest.fixture(autouse=True)
def let_go(tmp_path: Path) -> Iterator[None]:
    yield
    close_holder(tmp_path)


def write_progress(store: Path, stage: str) -> None:
    given = {"stage": stage, "done": 9, "total": 41, "pid": 0}
    (store / "progress.json").write_text(json.dumps(given))


def test_an_empty_store_starts_the_demo_once(started: list[Path], tmp_path: Path) -> None:
    running_app.store_holder()
    running_app.store_holder()
    assert started == [tmp_path.resolve()]
    assert running_app.running_command() == "demo"


def test_a_store_with_patients_starts_none(started: list[Path], tmp_path: Path) -> None:
    build_store(tmp_path, build_cohort(3))
    running_app.store_holder()
    assert started == []


def test_a_switched_off_demo_stays_off(started: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTEO_NO_DEMO", "1")
    running_app.store_holder()
    assert started == []


@pytest.mark.parametrize(("stage", "starts"), [("stopped", True), ("demo", True), ("done", False)])
def test_a_demo_that_was_cut_off_carries_on(started: list[Path], tmp_path: Path, stage: str, starts: bool) -> None:
    build_store(tmp_path, build_cohort(3))
    (tmp_path / "demo").mkdir()
    write_progress(tmp_path, stage)
    running_app.store_holder()
    assert bool(started) is starts


@pytest.mark.parametrize(("is_demo", "command"), [(True, "demo"), (False, "analyze")])
def test_the_command_to_carry_on_fits_what_was_cut_off(
    started: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_demo: bool, command: str
) -> None:
    monkeypatch.setenv("OSTEO_NO_DEMO", "1")
    write_progress(tmp_path, "stopped")
    if is_demo:
        (tmp_path / "demo").mkdir()
    assert running_app.resume_command() == f"python -m osteo_core {command} --store {tmp_path}"


def test_the_default_store_needs_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSTEO_STORE", raising=False)
    assert running_app.store_argument() == ""


def test_a_run_is_started_over_what_waits_once(
    started: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OSTEO_NO_DEMO", "1")
    found = Found(series=tuple(r.series for r in build_cohort(3)))
    write_parts(tmp_path, rows.indexed_tables(found))
    running_app.store_holder().take_in()
    assert running_app.may_start()
    running_app.start_run()
    assert (started, running_app.running_command()) == ([tmp_path.resolve()], "analyze")
    with store_access.reading(tmp_path) as reader:  # as the command finds what is waiting
        assert isinstance(reader, Snapshot)
        assert reader.query("cohort_summary").to_pylist()[0]["n_waiting"] == 3
    assert not running_app.may_start()
    with pytest.raises(UsageError, match="an analysis of this store is already running"):
        running_app.start_run()
    assert len(started) == 1


def test_a_run_of_a_command_elsewhere_keeps_the_app_from_starting_one(
    started: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OSTEO_NO_DEMO", "1")
    given = {"stage": "analyze", "done": 9, "total": 41, "pid": os.getpid()}
    (tmp_path / "progress.json").write_text(json.dumps(given))
    assert not running_app.may_start()


def test_a_pause_reaches_whatever_runs_over_the_store(started: list[Path], tmp_path: Path) -> None:
    running_app.store_holder()
    running_app.pause_run()
    assert running_app.pause_is_asked()
    assert pause.is_asked(tmp_path)
    running_app.resume_run()
    assert not running_app.pause_is_asked()
