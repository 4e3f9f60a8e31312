"""Runs many tasks on the workers: few in flight, new ones as old ones end, and nothing lost with a worker."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, Future, KilledWorker, wait
from distributed.comm.core import CommClosedError

from osteo_core.errors import WorkersLostError

#: Volumes in flight per worker: one in progress, one waiting, so that no worker idles and memory stays bounded.
IN_FLIGHT_PER_WORKER = 2
#: How often a task is resubmitted after Dask gave it up because its workers died.
_RESUBMISSIONS = 5
_TICK_S = 2.0
#: How often a paused run checks whether it may resume.
_PAUSED_S = 0.5
_CONNECTED = ("running", "connecting")
_GONE = (
    "the connection to the scheduler or its workers was lost; finished results are kept. "
    "Start them again and run the same command to continue"
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A function call for a worker; ``function`` and ``arguments`` must pickle."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    given_up: int = field(default=0, compare=False)


def run_tasks(
    client: Client,
    tasks: Iterable[Task],
    *,
    on_done: Callable[[Any], Iterable[Task]],
    on_tick: Callable[[], None] | None = None,
    is_paused: Callable[[], bool] | None = None,
) -> None:
    """Run ``tasks``, at most two per worker at a time, calling ``on_done`` with each answer as it arrives.

    Tasks returned by ``on_done`` go next. While ``is_paused`` returns True nothing new is started; tasks already with
    the workers are finished. An exception raised by a task reaches the caller; tasks in flight are then cancelled.
    Raises WorkersLostError when Dask keeps giving a task up, or the scheduler is gone.
    """
    waiting = iter(tasks)
    urgent: deque[Task] = deque()
    running: dict[Future[Any], Task] = {}
    try:
        while True:
            if client.status not in _CONNECTED:
                raise WorkersLostError(_GONE)
            if is_paused is None or not is_paused():
                _fill(client, running, urgent, waiting)
            if not running and not _any_left(urgent, waiting):
                return
            for future, task in _finished(running, on_tick):
                del running[future]
                urgent.extend(_answer(future, task, on_done))
    except (CommClosedError, CancelledError) as error:
        raise WorkersLostError(_GONE) from error
    finally:
        if client.status in _CONNECTED:
            client.cancel(list(running))


def _any_left(urgent: deque[Task], waiting: Iterator[Task]) -> bool:
    """Whether anything is still to be started; a task taken from ``waiting`` to find out goes first."""
    if not urgent:
        urgent.extend(itertools.islice(waiting, 1))
    return bool(urgent)


def _fill(client: Client, running: dict[Future[Any], Task], urgent: deque[Task], waiting: Iterator[Task]) -> None:
    """Submit until the workers have enough; ``waiting`` keeps its position."""
    room = IN_FLIGHT_PER_WORKER * max(1, len(client.scheduler_info(n_workers=-1)["workers"])) - len(running)
    for _ in range(room):
        task = urgent.popleft() if urgent else next(waiting, None)
        if task is None:
            return
        running[client.submit(task.function, *task.arguments, pure=False)] = task


def _finished(running: dict[Future[Any], Task], on_tick: Callable[[], None] | None) -> list[tuple[Future[Any], Task]]:
    try:
        if running:
            wait(list(running), timeout=_TICK_S, return_when="FIRST_COMPLETED")
        else:  # paused, and the workers have nothing left
            time.sleep(_PAUSED_S)
            raise TimeoutError
    except TimeoutError:
        if on_tick:
            on_tick()
    return [(future, task) for future, task in running.items() if future.done()]


def _answer(future: Future[Any], task: Task, on_done: Callable[[Any], Iterable[Task]]) -> Iterable[Task]:
    """The answer of an ended task. A worker may die with an answer that was not fetched: Dask then recomputes it.

    So this waits for the answer and never uses the status, which may have changed since.
    """
    try:
        answer = future.result()
    except KilledWorker as death:
        return [_again(task, death)]
    except CancelledError as error:
        raise WorkersLostError(_GONE) from error
    return on_done(answer)


def _again(task: Task, death: KilledWorker) -> Task:
    if task.given_up >= _RESUBMISSIONS:
        raise WorkersLostError(
            f"workers died {_RESUBMISSIONS} times before starting a task; "
            "check their memory (setting worker_memory_gb) and run the command again to continue"
        ) from death
    return Task(function=task.function, arguments=task.arguments, given_up=task.given_up + 1)
