"""`--scheduler`: the same run on a scheduler and two workers that were started as separate processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from commands.analyze import analyze
from commands.cluster.progress import read_progress
from commands.cluster.tasks import WorkersLostError
from commands.index import index
from commands.process import process
from db.check import check_store
from osteo_core.settings import Settings
from tests.builders import segmenters
from tests.builders.ct_files import write_ct, write_many
from tests.builders.waiting import wait_until
from tests.house.sources import ROOT


def started(stack: ExitStack, *arguments: str) -> subprocess.Popen:
    quiet = {**os.environ, "DASK_LOGGING__DISTRIBUTED": "error", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        cwd=ROOT,
        env=quiet,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    return process


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A scheduler with two workers, as a site would start them."""

    address: str
    scheduler: subprocess.Popen


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    contact = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        scheduler = started(
            stack, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(contact)
        )
        wait_until(lambda: contact.exists() and contact.read_text().rstrip().endswith("}"))
        address = json.loads(contact.read_text())["address"]
        for _ in range(2):
            started(stack, "worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path))
        yield Cluster(address=address, scheduler=scheduler)


def test_a_running_cluster_gives_the_same_answers(cluster: Cluster, tmp_path: Path) -> None:
    folder, out = tmp_path / "ct", tmp_path / "out"
    write_many(folder, 4)
    write_ct(folder / "poison.nii.gz", mark_hu=segmenters.POISON_HU)
    settings = Settings(key_file=tmp_path / "key")
    summary = process([folder], out, settings=settings, scheduler=cluster.address, models=segmenters.TRUTH)
    assert (summary.measured, summary.failed) == (4, 1)
    table = parquet.read_table(out / "series.parquet").to_pylist()
    assert {r["series_instance_uid"]: r["status"] for r in table}["poison"] == "failed"
    assert len(list((out / "masks").glob("*.nii.gz"))) == 4


def test_a_scheduler_that_dies_in_mid_run_ends_it_with_a_sentence_and_the_next_run_does_the_rest(
    cluster: Cluster, tmp_path: Path
) -> None:
    settings = Settings(store=tmp_path / "store", key_file=tmp_path / "key", workers=1)
    index(write_many(tmp_path / "ct", 4), settings.store, settings=settings)

    def done() -> int:
        found = read_progress(settings.store)
        return found.done if found is not None and found.stage == "analyze" else 0

    def kill_when_one_is_done() -> None:
        wait_until(lambda: done() >= 1)
        cluster.scheduler.kill()

    killer = threading.Thread(target=kill_when_one_is_done)
    killer.start()
    with pytest.raises(WorkersLostError, match="the scheduler or its workers was lost; finished results are kept"):
        analyze(settings.store, settings=settings, scheduler=cluster.address, models=segmenters.SLOW)
    killer.join()
    rest = analyze(settings.store, settings=settings, models=segmenters.TRUTH)
    assert (rest.measured, rest.failed) == (rest.found, 0)
    assert rest.found < 4
    assert [one.message for one in check_store(settings.store) if not one.ok] == []
