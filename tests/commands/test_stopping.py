"""Stopped by keyboard, by the system, or by a worker's death: the store stays whole and the next run resumes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from commands import store_access
from commands.analyze import analyze
from commands.cluster import pause
from commands.cluster.progress import Progress
from commands.index import index
from db.check import check_store
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.settings import Settings
from tests.builders import segmenters
from tests.builders.ct_files import write_many
from tests.builders.waiting import wait_until
from tests.commands.test_next_of_study import write_study
from tests.house.sources import ROOT

#: The command line with a segmenter that takes a second and a half per series.
SLOW_COMMAND = (
    "import sys; from commands import analysis_job as job; from tests.builders.segmenters import SLOW; "
    "job.default_models = lambda: SLOW; from osteo_core.__main__ import main; sys.exit(main())"
)


def settings_for(tmp_path: Path, *, workers: int) -> Settings:
    return Settings(store=tmp_path / "store", key_file=tmp_path / "key", workers=2, worker_memory_gb=1.5)


def progress_of(store_dir: Path) -> dict:
    return json.loads((store_dir / "progress.json").read_text())


def at_work(store_dir: Path) -> list[Path]:
    """The notes of series that workers have started and not finished."""
    return [note for note in (store_dir / ".running").glob("[!.]*/*") if note.name != "lock"]


def results_in(store_dir: Path) -> int:
    with store_access.reading(store_dir) as reader:
        return (
            0
            if reader is None
            else reader.query(
                "known_results",
                model_hash=segmenters.MODEL_HASH,
                settings_hash=Settings().hash,
                measuring_version=MEASURING_VERSION,
            ).num_rows
        )


def test_a_stopped_command_leaves_a_whole_store_and_the_next_carries_on(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, workers=1)
    index(write_many(tmp_path / "ct", 4), settings.store, settings=settings)
    command = subprocess.Popen(
        [sys.executable, "-c", SLOW_COMMAND, "analyze", "--store", str(settings.store), "--workers", "1"],
        cwd=ROOT,
        env={**os.environ, "OSTEO_KEY_FILE": str(settings.key_file)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    wait_until(
        lambda: (
            1 <= progress_of(settings.store).get("done", 0) <= 3 and progress_of(settings.store)["stage"] == "analyze"
        )
    )
    os.killpg(command.pid, signal.SIGINT)  # like Ctrl-C, which reaches every process of the terminal
    _, complaint = command.communicate(timeout=180)
    assert command.returncode == 130
    assert complaint.splitlines()[-1].endswith("Run the same command to continue")
    assert "Traceback" not in complaint  # nor do the workers print one
    assert progress_of(settings.store)["stage"] == "stopped"
    before = results_in(settings.store)
    assert 1 <= before <= 3
    summary = analyze(settings.store, settings=settings, models=segmenters.TRUTH)
    assert (summary.found, summary.measured) == (4 - before, 4 - before)
    assert progress_of(settings.store)["stage"] == "done"
    assert [finding for finding in check_store(settings.store) if not finding.ok] == []


def test_a_paused_command_begins_nothing_more_until_the_pause_is_lifted(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, workers=1)
    index(write_many(tmp_path / "ct", 6), settings.store, settings=settings)
    command = subprocess.Popen(
        [sys.executable, "-c", SLOW_COMMAND, "analyze", "--store", str(settings.store), "--workers", "1"],
        cwd=ROOT,
        env={**os.environ, "OSTEO_KEY_FILE": str(settings.key_file)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: 1 <= progress_of(settings.store).get("done", 0) < 4)
    pause.request(settings.store)
    wait_until(lambda: not at_work(settings.store) and progress_of(settings.store)["is_paused"])
    time.sleep(3)  # a series that was given to the worker before the pause is finished and counted
    held = progress_of(settings.store)["done"]
    time.sleep(3)
    assert progress_of(settings.store)["done"] == held < 6
    assert command.poll() is None
    pause.lift(settings.store)
    _, complaint = command.communicate(timeout=180)
    assert (command.returncode, progress_of(settings.store)["done"]) == (0, 6), complaint
    assert results_in(settings.store) == 6


def test_a_pause_requested_during_the_preferred_series_holds_the_next_of_its_study(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, workers=1)
    write_study(tmp_path / "ct", {"Br40": segmenters.FAULTY_HU, "B70f": -1000})
    index([tmp_path / "ct"], settings.store, settings=settings)
    seen: list[str] = []

    def listen(progress: Progress) -> None:
        if not seen and progress.done == 1:
            pause.request(settings.store)
            seen.append("requested")
        elif progress.is_paused and progress.stage == "analyze" and progress.done == 0:
            pause.lift(settings.store)
            seen.append("held")

    summary = analyze(settings.store, settings=settings, models=segmenters.TRUTH, listeners=(listen,))
    assert (summary.failed, summary.measured, seen) == (1, 1, ["requested", "held"])


def test_two_runs_at_once_share_the_series(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, workers=1)
    index(write_many(tmp_path / "ct", 4), settings.store, settings=settings)
    command = subprocess.Popen(
        [sys.executable, "-c", SLOW_COMMAND, "analyze", "--store", str(settings.store), "--workers", "1", "--json"],
        cwd=ROOT,
        env={**os.environ, "OSTEO_KEY_FILE": str(settings.key_file)},
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: any((settings.store / ".running").glob("*/lock")))
    own = analyze(settings.store, settings=settings, models=segmenters.SLOW)
    other = json.loads(command.communicate(timeout=180)[0])
    assert own.measured + other["measured"] == 4
    assert (own.measured + own.elsewhere, own.failed, other["failed"]) == (own.found, 0, 0)
    assert results_in(settings.store) == 4
    assert not (settings.store / ".running").exists()


def test_a_worker_killed_in_mid_run_loses_nothing(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, workers=2)
    index(write_many(tmp_path / "ct", 4), settings.store, settings=settings)
    killed: list[int] = []

    def kill_one_at_work() -> None:
        """Kill the first process that holds an attempt open, once."""
        wait_until(lambda: at_work(settings.store))
        time.sleep(0.5)
        servers = [pid for pid in children_of(os.getpid()) if "forkserver" in command_of(pid)]
        workers = [pid for server in servers for pid in children_of(server)]
        os.kill(workers[0], signal.SIGKILL)
        killed.append(workers[0])

    killer = threading.Thread(target=kill_one_at_work)
    killer.start()
    summary = analyze(settings.store, settings=settings, models=segmenters.SLOW)
    killer.join()
    assert len(killed) == 1
    assert (summary.measured, summary.failed) == (4, 0)
    assert results_in(settings.store) == 4
    assert not (settings.store / ".running").exists()


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children_of(pid: int) -> list[int]:
    """All processes below ``pid``."""
    below = [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]
    return [*below, *(deeper for child in below for deeper in children_of(child))]
