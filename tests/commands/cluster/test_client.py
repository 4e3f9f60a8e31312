"""`--scheduler`: the same run on a scheduler and two workers started as separate processes."""

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

import dask
import pyarrow.parquet as parquet
import pytest
from distributed import Security

from commands.analyze import analyze
from commands.cluster.client import open_client
from commands.cluster.progress import read_progress
from commands.cluster.tasks import WorkersLostError
from commands.index import index
from commands.process import process
from db.check import check_store
from osteo_core.errors import UsageError
from osteo_core.settings import Settings
from tests.builders import segmenters
from tests.builders.ct_files import write_ct, write_many
from tests.builders.waiting import wait_until
from tests.house.sources import ROOT


def started(stack: ExitStack, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen:
    quiet = {**os.environ, "DASK_LOGGING__DISTRIBUTED": "error", "OMP_NUM_THREADS": "1", **(environment or {})}
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


def start_cluster(
    stack: ExitStack, folder: Path, *, workers: int, protocol: str = "tcp", environment: dict[str, str] | None = None
) -> Cluster:
    contact = folder / "scheduler.json"
    host = ("--host", "127.0.0.1", "--port", "0", "--protocol", protocol)
    files = ("--no-dashboard", "--scheduler-file", str(contact))
    scheduler = started(stack, "scheduler", *host, *files, environment=environment)
    wait_until(lambda: contact.exists() and contact.read_text().rstrip().endswith("}"))
    address = json.loads(contact.read_text())["address"]
    own = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
    for _ in range(workers):
        started(stack, "worker", address, *own, environment=environment)
    return Cluster(address=address, scheduler=scheduler)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield start_cluster(stack, tmp_path, workers=2)


def test_a_running_cluster_gives_the_same_answers(cluster: Cluster, tmp_path: Path) -> None:
    folder, out = tmp_path / "ct", tmp_path / "out"
    write_many(folder, 4)
    write_ct(folder / "poison.nii.gz", mark_hu=segmenters.POISON_HU)
    settings = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    summary = process([folder], out, settings=settings, scheduler=cluster.address, models=segmenters.TRUTH)
    assert (summary.measured, summary.failed) == (4, 1)
    table = parquet.read_table(out / "series.parquet").to_pylist()
    assert {r["series_instance_uid"]: r["status"] for r in table}["poison"] == "failed"
    assert len(list((out / "masks").glob("*.nii.gz"))) == 4


def test_a_cluster_with_tls_is_reached_by_the_settings_of_dask(tmp_path: Path) -> None:
    made = Security.temporary()
    files = {"ca-file": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    roles = {
        role: {name: str(tmp_path / name) for name in ("cert", "key")} for role in ("scheduler", "worker", "client")
    }
    tls = {"ca-file": str(tmp_path / "ca-file"), **roles}
    (tmp_path / "dask.yaml").write_text(json.dumps({"distributed": {"comm": {"tls": tls}}}))
    with ExitStack() as stack:
        environment = {"DASK_CONFIG": str(tmp_path / "dask.yaml")}
        cluster = start_cluster(stack, tmp_path, workers=1, protocol="tls", environment=environment)
        assert cluster.address.startswith("tls://")
        ours = {f"distributed.comm.tls.{name}": tls[name] for name in ("ca-file", "client")}
        with dask.config.set(ours), open_client(Settings(), cluster.address) as client:
            assert client.submit(int, 7).result() == 7
        with (
            pytest.raises(UsageError, match=r"no Dask scheduler answers at tls://.*leave --scheduler out"),
            open_client(Settings(), cluster.address),
        ):
            pass


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
    # A worker of the lost cluster may still deliver the series that it had begun.
    assert (rest.measured + rest.elsewhere, rest.failed) == (rest.found, 0)
    assert rest.found < 4
    assert [one.message for one in check_store(settings.store) if not one.ok] == []
