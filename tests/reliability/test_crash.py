"""Short form of the crash suite: fifteen kills, at every seventh file operation and at random moments."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from benchmarks.crash.file_faults import FileFaults
from benchmarks.crash.scenarios import SCENARIOS
from benchmarks.crash.suite import Bench, plan

KILLS, EVERY, SEED = 15, 7, 20


@pytest.mark.slow
def test_after_a_kill_everything_is_there_once_and_nothing_is_left_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    verdicts = [kill() for kill in plan(bench, kills=KILLS, every=EVERY, seed=SEED)]
    assert len(verdicts) == KILLS
    assert {verdict.scenario for verdict in verdicts} == {scenario.name for scenario in SCENARIOS}
    assert [verdict for verdict in verdicts if verdict.faults] == []


def test_a_state_that_lacks_a_row_is_found(tmp_path: Path) -> None:
    """The suite itself finds a loss: a store that is emptied after the kill is not the expected one."""
    bench = Bench(tmp_path)
    scenario = next(one for one in SCENARIOS if one.name == "upgrade")
    measured = bench.measured(scenario)
    object.__setattr__(measured, "state", {**measured.state, "results": [*measured.state["results"], "one more"]})
    verdict = bench.kill_at(scenario, 1)
    assert verdict.faults == ("results: 1 rows lost, 0 more than without a kill",)


def test_the_layer_counts_and_fails_the_operation_that_is_asked_for(tmp_path: Path) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    faults = FileFaults(tmp_path, at=3, fault=full)
    names = ["open", "write", "os.rename", "os.remove"]
    for name in names[:2]:
        faults._is_armed = True
        faults.operation(name)
    with pytest.raises(OSError, match="No space left"):
        faults.operation(names[2])
    faults.operation(names[3])  # one fault, then the file system works again
    assert (faults.count, faults.names) == (3, names[:3])
    assert faults.concerns(tmp_path / "store" / "a")
    assert not faults.concerns(tmp_path.parent / "elsewhere")
