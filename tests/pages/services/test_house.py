"""When the app starts the demo cohort, and which command it names to carry on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.ui.services import house
from pages.ui.services.keeper import close_keeper
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store


class FakeDemo:
    """Stands for the command; keeps where it was started."""

    started: list[Path] = []  # noqa: RUF012

    def __init__(self, store: Path) -> None:
        FakeDemo.started.append(store)
        self.is_running = True
        self.complaint = ""

    def stop(self) -> None:
        self.is_running = False


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    FakeDemo.started = []
    monkeypatch.setattr(house, "Demo", FakeDemo)
    monkeypatch.setattr(house, "_demos", {})
    monkeypatch.setenv("OSTEO_STORE", str(tmp_path))
    monkeypatch.delenv("OSTEO_NO_DEMO", raising=False)
    return FakeDemo.started


@pytest.fixture(autouse=True)
def let_go(tmp_path: Path) -> Iterator[None]:
    yield
    close_keeper(tmp_path)


def write_progress(store: Path, stage: str) -> None:
    given = {"stage": stage, "done": 9, "total": 41, "pid": 0}
    (store / "progress.json").write_text(json.dumps(given))


def test_an_empty_store_starts_the_demo_once(started: list[Path], tmp_path: Path) -> None:
    house.keeper()
    house.keeper()
    assert started == [tmp_path.resolve()]
    assert house.demo_is_running()


def test_a_store_with_patients_starts_none(started: list[Path], tmp_path: Path) -> None:
    build_store(tmp_path, build_cohort(3))
    house.keeper()
    assert started == []


def test_a_switched_off_demo_stays_off(started: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTEO_NO_DEMO", "1")
    house.keeper()
    assert started == []


@pytest.mark.parametrize(("stage", "starts"), [("stopped", True), ("demo", True), ("done", False)])
def test_a_demo_that_was_cut_off_carries_on(started: list[Path], tmp_path: Path, stage: str, starts: bool) -> None:
    build_store(tmp_path, build_cohort(3))
    (tmp_path / "demo").mkdir()
    write_progress(tmp_path, stage)
    house.keeper()
    assert bool(started) is starts


@pytest.mark.parametrize(("is_demo", "command"), [(True, "demo"), (False, "analyze")])
def test_the_command_to_carry_on_fits_what_was_cut_off(
    started: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_demo: bool, command: str
) -> None:
    monkeypatch.setenv("OSTEO_NO_DEMO", "1")
    write_progress(tmp_path, "stopped")
    if is_demo:
        (tmp_path / "demo").mkdir()
    assert house.resume_command() == f"python -m osteo_core {command} --store {tmp_path}"


def test_the_default_store_needs_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSTEO_STORE", raising=False)
    assert house.store_argument() == ""
