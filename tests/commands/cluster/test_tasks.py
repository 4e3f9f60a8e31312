"""Tasks on real worker processes: a bounded number in flight, and recovery after a worker's death."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

from commands.cluster.client import open_client
from commands.cluster.tasks import IN_FLIGHT_PER_WORKER, Task, _answer, run_tasks
from osteo_core.errors import UsageError
from osteo_core.settings import Settings
from tests.builders import work
from tests.builders.waiting import wait_until


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_client(Settings(workers=2, worker_memory_gb=1.0)) as opened:
        yield opened


def collect(client: Client, tasks: list[Task]) -> list:
    answers: list = []

    def on_done(answer: object) -> tuple[Task, ...]:
        answers.append(answer)
        return ()

    run_tasks(client, tasks, on_done=on_done)
    return answers


def test_every_task_is_answered_once(client: Client) -> None:
    answers = collect(client, [Task(function=work.double, arguments=(n,)) for n in range(9)])
    assert sorted(answers) == [0, 2, 4, 6, 8, 10, 12, 14, 16]


def test_equal_tasks_are_all_run(client: Client) -> None:
    assert collect(client, [Task(function=work.double, arguments=(3,))] * 3) == [6, 6, 6]


def test_workers_are_own_processes_of_low_priority(client: Client) -> None:
    assert os.getpid() not in collect(client, [Task(function=work.own_pid, arguments=(0.1,))] * 4)
    assert set(collect(client, [Task(function=work.niceness)] * 2)) == {max(10, os.nice(0))}


def test_an_allocation_far_beyond_the_limit_is_refused_and_the_worker_lives(client: Client) -> None:
    before = set(collect(client, [Task(function=work.own_pid, arguments=(0.1,))] * 4))
    assert collect(client, [Task(function=work.can_allocate, arguments=(6.0,))] * 2) == [False, False]
    assert set(collect(client, [Task(function=work.own_pid, arguments=(0.1,))] * 4)) <= before


def test_no_more_than_two_a_worker_are_taken_from_the_list(client: Client) -> None:
    taken: list[int] = []
    finished: list[int] = []
    ahead: list[int] = []

    def tasks() -> Iterator[Task]:
        for n in range(12):
            taken.append(n)
            ahead.append(len(taken) - len(finished))
            yield Task(function=work.double, arguments=(n,))

    def on_done(answer: int) -> tuple[Task, ...]:
        finished.append(answer)
        return ()

    run_tasks(client, tasks(), on_done=on_done)
    assert len(finished) == 12
    assert max(ahead) <= 2 * IN_FLIGHT_PER_WORKER + 1


def test_follow_up_tasks_go_before_those_that_wait(client: Client) -> None:
    order: list[int] = []

    def on_done(answer: int) -> list[Task]:
        order.append(answer)
        return [Task(function=work.double, arguments=(500,))] if answer == 0 else []

    run_tasks(client, [Task(function=work.double, arguments=(n,)) for n in range(20)], on_done=on_done)
    assert order.index(1000) < order.index(38)
    assert len(order) == 21


def test_a_pause_begins_nothing_new_finishes_what_is_held_and_can_be_lifted(client: Client) -> None:
    answers: list[int] = []
    rests: list[int] = []
    paused = True

    def on_done(answer: int) -> tuple[Task, ...]:
        answers.append(answer)
        return ()

    def on_tick() -> None:
        nonlocal paused
        if paused:
            rests.append(len(answers))
            paused = len(rests) < 3

    tasks = [Task(function=work.double, arguments=(n,)) for n in range(12)]
    run_tasks(client, tasks, on_done=on_done, on_tick=on_tick, is_paused=lambda: paused and len(answers) != 0)
    assert rests == [len(answers[: rests[0]])] * 3  # nothing ended, so nothing was started, during the pause
    assert 1 <= rests[0] <= 2 * IN_FLIGHT_PER_WORKER
    assert sorted(answers) == [2 * n for n in range(12)]


def test_a_pause_that_comes_when_all_is_begun_does_not_keep_the_run(client: Client) -> None:
    answers: list[int] = []
    tasks = [Task(function=work.double, arguments=(n,)) for n in range(2)]
    run_tasks(client, tasks, on_done=lambda n: answers.append(n) or (), is_paused=lambda: len(answers) > 0)
    assert sorted(answers) == [0, 2]


def test_a_failing_task_raises_in_the_run(client: Client) -> None:
    with pytest.raises(RuntimeError, match="no space left"):
        collect(client, [Task(function=work.fail, arguments=("no space left",))])


def test_a_task_that_kills_its_worker_is_begun_again_and_the_rest_go_on(client: Client, tmp_path: Path) -> None:
    poison = Task(function=work.kill_own_process, arguments=(tmp_path, "poison", 2))
    rest = [Task(function=work.double, arguments=(n,)) for n in range(1, 9)]
    assert sorted(collect(client, [*rest[:2], poison, *rest[2:]])) == [2, 2, 4, 6, 8, 10, 12, 14, 16]
    assert list(tmp_path.iterdir()) == []


def test_an_answer_lost_with_its_worker_is_computed_again(client: Client) -> None:
    task = Task(function=work.own_pid, arguments=(2.0,))
    answer = client.submit(task.function, *task.arguments, pure=False)
    holder = answer.result()
    os.kill(holder, signal.SIGKILL)
    wait_until(lambda: answer.status != "finished")
    answers: list[int] = []
    assert _answer(answer, task, lambda pid: answers.append(pid) or ()) == ()
    assert len(answers) == 1
    assert answers != [holder]


def test_a_scheduler_that_does_not_answer_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.cluster.client._PATIENCE_S", 1)
    with (
        pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 .*leave --scheduler out"),
        open_client(Settings(), "tcp://127.0.0.1:9"),
    ):
        pass
