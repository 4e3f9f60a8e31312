"""`--scheduler`: the same run on a scheduler and two workers that were started as separate processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from commands.process import process
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


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Address of a scheduler with two workers, as a site would start them."""
    contact = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        started(
            stack, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(contact)
        )
        wait_until(lambda: contact.exists() and contact.read_text().rstrip().endswith("}"))
        address = json.loads(contact.read_text())["address"]
        for _ in range(2):
            started(stack, "worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path))
        yield address


def test_a_running_cluster_gives_the_same_answers(scheduler: str, tmp_path: Path) -> None:
    folder, out = tmp_path / "ct", tmp_path / "out"
    write_many(folder, 4)
    write_ct(folder / "poison.nii.gz", mark_hu=segmenters.POISON_HU)
    settings = Settings(key_file=tmp_path / "key")
    summary = process([folder], out, settings=settings, scheduler=scheduler, models=segmenters.TRUTH)
    assert (summary.measured, summary.failed) == (4, 1)
    table = parquet.read_table(out / "series.parquet").to_pylist()
    assert {r["series_instance_uid"]: r["status"] for r in table}["poison"] == "failed"
    assert len(list((out / "masks").glob("*.nii.gz"))) == 4
