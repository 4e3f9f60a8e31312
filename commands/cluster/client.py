"""Where the work runs: worker processes on this machine, or a Dask cluster that is already there."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker

import dask
from distributed import Client, LocalCluster, Security, WorkerPlugin
from distributed.utils import get_mp_context

from osteo_core.errors import UsageError
from osteo_core.settings import Settings

#: Lower priority than the app and everything else that people wait for.
_NICENESS = 10
#: Seconds to wait for a scheduler to answer and for its first worker to report.
_PATIENCE_S = 30
#: Deaths are counted by ``attempts``; Dask's own count also includes series that were merely in the same queue.
_DASK_DEATHS = 100

_KEEP_BYTES = 2**32
#: Address space for data that a worker may take beyond its memory limit: stacks of its threads, pages never touched.
_SLACK_BYTES = 2**30

_LOCAL_CONFIG = {
    "distributed.scheduler.allowed-failures": _DASK_DEATHS,
    # A volume cannot be spilled to disk while it is worked on, and a paused worker would never wake:
    # only the last limit is used, at which the worker is restarted and the series tried once more.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # Volumes and feature maps come and go by the hundred MB. If they were returned to the system each time, their pages
    # would be faulted in again each time: a third of the CPU time of a series. A worker keeps them; its memory limit
    # still applies.
    "distributed.nanny.pre-spawn-environ": {
        "MALLOC_TRIM_THRESHOLD_": str(_KEEP_BYTES),
        "MALLOC_MMAP_THRESHOLD_": str(_KEEP_BYTES),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    },
    "distributed.comm.timeouts.connect": f"{_PATIENCE_S}s",
    # Workers are forked from one process that has imported what all of them need, instead of each importing it again.
    "distributed.worker.multiprocessing-method": "forkserver",
    # Scheduler and workers would also serve their logs and state over HTTP to anyone. Nobody needs that here.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
#: Imported before the fork: what every worker needs, in this order.
_PRELOADED = ["distributed", "torch", "commands.analyze_one"]


class Bounded(WorkerPlugin):
    """Lowers the priority of a worker process that this program started, and limits its memory.

    Dask ends a worker whose memory has grown beyond its limit, but one very large allocation could exhaust the
    machine's memory first. Such an allocation is refused instead, and the series fails with a reason.
    """

    name = "bounded"

    def __init__(self, memory_gb: float) -> None:
        self._bytes = round(memory_gb * 1e9) + _SLACK_BYTES

    def setup(self, worker: object) -> None:
        """Called by Dask once in each worker, including replacements of dead ones."""
        os.nice(max(0, _NICENESS - os.nice(0)))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = self._bytes if hard == resource.RLIM_INFINITY else min(self._bytes, hard)
        with contextlib.suppress(OSError, ValueError):  # a system that has no such limit
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


@contextlib.contextmanager
def open_client(settings: Settings, scheduler: str | None = None) -> Iterator[Client]:
    """A client on ``scheduler`` ('tcp://host:port', 'tls://host:port'), or on processes of this machine when None.

    Raises UsageError when the scheduler does not answer or has no worker.
    """
    opened = _existing(scheduler) if scheduler else _local(settings)
    with opened as client:
        yield client


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Threads and processes started meanwhile, and their children, get no SIGINT.

    A terminal sends Ctrl-C to every process. This process ends the workers; otherwise each would die in the middle of
    its work with a traceback, including those that are still importing or were started later to replace a dead one.
    """
    resource_tracker.ensure_running()  # once it runs; starting it lifts the mask of the thread that does
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _local(settings: Settings) -> Iterator[Client]:
    """Processes on this machine, which communicate over TLS with a certificate made for this run and kept in memory.

    Every account on the machine can reach its ports; a scheduler without TLS would run whatever any of them submits.
    """
    with dask.config.set(_LOCAL_CONFIG):
        get_mp_context().set_forkserver_preload(_PRELOADED)
        with _deaf_to_ctrl_c():
            cluster = LocalCluster(
                n_workers=settings.workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=f"{settings.worker_memory_gb}GB",
                host="127.0.0.1",
                security=Security.temporary(),
                dashboard_address="127.0.0.1:0",  # any free port: two runs may go on at once
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
            )
        with cluster, Client(cluster) as client:
            client.register_plugin(Bounded(settings.worker_memory_gb))
            yield client


@contextlib.contextmanager
def _existing(scheduler: str) -> Iterator[Client]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a lost scheduler is reported in one sentence
    try:
        client = Client(scheduler, timeout=_PATIENCE_S)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:  # an address may be anything
        raise UsageError(
            f"no Dask scheduler answers at {scheduler} ({type(error).__name__}); "
            "start one with 'dask scheduler' or leave --scheduler out"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError:
            raise UsageError(f"the scheduler at {scheduler} has no worker; start some with 'dask worker'") from None
        yield client
