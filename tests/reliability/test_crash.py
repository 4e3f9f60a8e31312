"""Short form of the crash suite: fifteen kills, at every seventh file operation and at random times; other faults."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from benchmarks.crash.app import kill_app
from benchmarks.crash.file_faults import FAULTS, FileFaults
from benchmarks.crash.scenarios import SCENARIOS
from benchmarks.crash.suite import Bench, Verdict, distinct, every_one, named, plan
from benchmarks.million_store import make_store
from tests.benchmarks.test_million import headers

KILLS, EVERY, SEED = 15, 7, 20


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("crash"))


@pytest.mark.slow
def test_after_a_kill_everything_is_there_once_and_nothing_is_left_over(bench: Bench) -> None:
    verdicts = [kill() for kill in plan(bench, count=KILLS, every=EVERY, seed=SEED)]
    assert len(verdicts) == KILLS
    assert {verdict.scenario for verdict in verdicts} == {scenario.name for scenario in SCENARIOS}
    assert [verdict for verdict in verdicts if verdict.faults] == []


@pytest.mark.parametrize(
    ("name", "fault", "operation", "nth"),
    [
        ("events", "power cut", "write", 3),  # of the second event, after the first was confirmed
        ("process", "power cut", "os.rename", 1),  # the run's folder does not have its name yet
        ("analyze", "I/O error", "write", 1),
    ],
)
def test_another_fault_loses_nothing_either(bench: Bench, name: str, fault: str, operation: str, nth: int) -> None:
    scenario = named(name)
    places = [n for n, one in enumerate(bench.measured(scenario).operations, start=1) if one == operation]
    assert bench.fault_at(scenario, places[nth - 1], fault).faults == ()


@pytest.mark.slow
def test_an_app_that_is_killed_while_people_note_has_what_it_confirmed(tmp_path: Path) -> None:
    make_store(tmp_path, series=2000, headers=headers())
    verdict = kill_app(tmp_path, people=2, after_s=6.0, seed=1)
    assert verdict.faults == ()
    assert verdict.confirmed > 0


def test_of_a_row_of_writes_the_first_the_middle_and_the_last_are_taken() -> None:
    operations = ["open", *["write"] * 9, "fsync", "os.rename", "open", "write", "write", "os.remove"]
    assert distinct(operations) == [1, 2, 6, 10, 11, 12, 13, 14, 15, 16]
    assert distinct(operations, "disk full") == [1, 2, 6, 10, 11, 13, 14, 15]


def test_parts_hold_every_operation_once(bench: Bench) -> None:
    def drawn(part: int, parts: int) -> list[tuple[str, int, str]]:
        found = [cast(partial[Verdict], one).args for one in every_one(bench, "I/O error", part, parts)]
        return [(scenario.name, n, fault) for scenario, n, fault in found]

    whole = drawn(1, 1)
    assert sorted(drawn(1, 3) + drawn(2, 3) + drawn(3, 3)) == sorted(whole)
    assert {name for name, _, _ in whole} == {scenario.name for scenario in SCENARIOS}


def test_a_state_that_lacks_a_row_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite itself detects a loss: a state without an expected row is a fault."""
    scenario = named("upgrade")
    measured = bench.measured(scenario)
    state = {**measured.state, "results": [*measured.state["results"], "one more"]}
    monkeypatch.setitem(bench._measured, scenario.name, replace(measured, state=state))
    verdict = bench.fault_at(scenario, 1)
    assert verdict.faults == ("results: 1 rows lost, 0 more than without a fault",)


@pytest.mark.parametrize(
    ("fault", "met"),
    [
        ("disk full", ["open: 28", "write: 28", "os.rename", "os.remove"]),
        ("read-only", ["open: 30", "write: 30", "os.rename: 30", "os.remove: 30"]),
        ("I/O error", ["open: 5", "write", "os.rename", "os.remove"]),
    ],
)
def test_the_layer_fails_the_operation_that_is_asked_for_and_those_after_it(
    tmp_path: Path, fault: str, met: list[str]
) -> None:
    faults = FileFaults(tmp_path, at=2, fault=FAULTS[fault])
    faults._is_armed = True
    faults.operation("os.rename")
    found = []
    for name in ("open", "write", "os.rename", "os.remove"):
        try:
            faults.operation(name)
        except OSError as error:
            name = f"{name}: {error.errno}"
        found.append(name)
    assert found == met
    assert faults.concerns(tmp_path / "store" / "a")
    assert not faults.concerns(tmp_path.parent / "elsewhere")


def test_a_power_cut_undoes_renames_that_were_not_brought_to_the_disk(tmp_path: Path) -> None:
    faults = FileFaults(tmp_path)
    faults._is_armed = True
    rename = faults._remembering(os.rename)
    for folder in ("lasting", "lost"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old").write_text("old")
        (tmp_path / folder / "new").write_text("new")
        rename(tmp_path / folder / "new", tmp_path / folder / "old")
    faults._on_disk(str(tmp_path / "lasting"))
    faults._undo_renames()
    assert [path.name for path in sorted((tmp_path / "lasting").iterdir())] == ["old"]
    assert {path.name: path.read_text() for path in (tmp_path / "lost").iterdir()} == {"old": "old", "new": "new"}
