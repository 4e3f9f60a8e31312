"""Concurrent runs on one folder: each series belongs to one run, and a killed run releases what it had taken."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from commands.cluster import runs
from osteo_core.errors import UsageError
from tests.house.sources import ROOT

#: Joins the folder as the given run, takes the key, prints the result, and waits.
HOLD = (
    "import sys; from pathlib import Path; from commands.cluster import runs\n"
    "with runs.joined(Path(sys.argv[1]), sys.argv[2]):\n"
    "    print(runs.take(Path(sys.argv[1]), sys.argv[2], sys.argv[3]), flush=True)\n"
    "    sys.stdin.read()\n"
)


def holding(folder: Path, run_id: str, key: str) -> subprocess.Popen:
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), run_id, key],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "True\n"
    return held


def test_what_one_run_has_taken_another_leaves(tmp_path: Path) -> None:
    with runs.joined(tmp_path, "a"), runs.joined(tmp_path, "b"):
        assert runs.take(tmp_path, "a", "one")
        assert runs.take(tmp_path, "a", "one")  # its own worker died and it starts again
        assert not runs.take(tmp_path, "b", "one")
        runs.finish(tmp_path, "one", is_done=True)
        assert not runs.take(tmp_path, "b", "one")
        assert runs.take(tmp_path, "b", "two")
        runs.finish(tmp_path, "two", is_done=False)
        assert runs.take(tmp_path, "a", "two")
    assert not (tmp_path / runs.RUNNING).exists()


def test_what_is_done_is_remembered_as_long_as_a_run_lives_and_no_longer(tmp_path: Path) -> None:
    with runs.joined(tmp_path, "a"):
        with runs.joined(tmp_path, "b"):
            assert runs.take(tmp_path, "b", "one")
            runs.finish(tmp_path, "one", is_done=True)
        assert not runs.take(tmp_path, "a", "one")
    with runs.joined(tmp_path, "c"):
        assert runs.take(tmp_path, "c", "one")


def test_a_killed_run_gives_back_what_it_had_taken_and_its_notes_go(tmp_path: Path) -> None:
    held = holding(tmp_path, "a", "one")
    with runs.joined(tmp_path, "b"):
        assert not runs.take(tmp_path, "b", "one")
        os.kill(held.pid, signal.SIGKILL)
        held.communicate()
        assert runs.take(tmp_path, "b", "one")
        assert (tmp_path / runs.RUNNING / "a").exists()
    with runs.joined(tmp_path, "c"):
        assert sorted(path.name for path in (tmp_path / runs.RUNNING).iterdir()) == ["c"]


def test_a_folder_of_process_has_one_run_at_a_time(tmp_path: Path) -> None:
    held = holding(tmp_path, "a", "one")
    with pytest.raises(UsageError, match="another run writes to"), runs.joined(tmp_path, "b", alone=True):
        pytest.fail("the other run lives")
    held.communicate("")
    with runs.joined(tmp_path, "b", alone=True):
        assert runs.take(tmp_path, "b", "one")


def test_a_mark_that_its_writer_could_not_fill_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_WRITING_S", 0.1)
    with runs.joined(tmp_path, "a"):
        taken = tmp_path / runs.RUNNING / ".taken"
        taken.mkdir()
        (taken / "one").touch()
        assert runs.take(tmp_path, "a", "one")


def test_of_many_askers_one_gets_each_series(tmp_path: Path) -> None:
    """Eight runs request the same forty keys, half of them taken by a run that was killed."""
    got: dict[str, list[str]] = {str(n): [] for n in range(40)}

    def ask(run_id: str) -> None:
        for n in range(40):
            if runs.take(tmp_path, run_id, str(n)):
                got[str(n)].append(run_id)

    names = [f"run{n}" for n in range(8)]
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(runs.joined(tmp_path, name))
        held = holding(tmp_path, "dead", "0")
        for n in range(20):
            assert runs.take(tmp_path, "dead", str(n))
        os.kill(held.pid, signal.SIGKILL)
        held.communicate()
        askers = [threading.Thread(target=ask, args=(name,)) for name in names]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    assert {key: len(owners) for key, owners in got.items()} == {str(n): 1 for n in range(40)}


def test_a_run_knows_what_it_finished_itself(tmp_path: Path) -> None:
    """Its worker may have died before it returned the result."""
    with runs.joined(tmp_path, "a" * 12), runs.joined(tmp_path, "b" * 12):
        assert runs.take(tmp_path, "a" * 12, "one")
        assert runs.outcome_of(tmp_path, "a" * 12, "one") == ""
        runs.finish(tmp_path, "one", is_done=True, run_id="a" * 12, word="measured")
        assert not runs.take(tmp_path, "a" * 12, "one")
        assert runs.outcome_of(tmp_path, "a" * 12, "one") == "measured"
        assert runs.outcome_of(tmp_path, "b" * 12, "one") == ""
        assert runs.outcome_of(tmp_path, "a" * 12, "two") == ""


def test_a_folder_that_a_killed_run_left_half_made_goes_and_one_of_a_moment_ago_stays(tmp_path: Path) -> None:
    root = tmp_path / runs.RUNNING
    for name, age_s in ((".old.making", 120), (".young.making", 0)):
        (root / name).mkdir(parents=True)
        os.utime(root / name, (time.time() - age_s,) * 2)
    with runs.joined(tmp_path, "run"):
        assert sorted(path.name for path in root.iterdir()) == [".young.making", "run"]
