"""A process that reuses an ID is not the process that recorded it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from commands.cluster.processes import is_alive, started_at


def test_this_process_lives_and_began_once() -> None:
    own = started_at(os.getpid())
    assert own == started_at(os.getpid())
    assert own != started_at(1)
    assert is_alive(os.getpid(), own)
    assert is_alive(os.getpid())


def test_another_process_under_the_same_id_is_not_it() -> None:
    assert not is_alive(os.getpid(), started_at(1))


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_no_process_has_this_id(pid: int) -> None:
    assert not is_alive(pid)
    assert started_at(pid) == ""


def test_an_ended_process_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_alive(ended.pid, "boot 1")
