"""Property tests draw the same examples in every run; test files are spread over the cores, browser tests share one."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

#: Folders whose tests drive a browser: in parallel they would slow each other down.
_ONE_AT_A_TIME = ("tests/browser/", "tests/security/")


class ByFile(LoadScopeScheduling):
    """Each file stays in one process with its fixtures, and everything that drives a browser shares one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if file.startswith(_ONE_AT_A_TIME) else file


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than the number of cores: many tests wait for another process."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Called by xdist if tests run in several processes."""
    return ByFile(config, log)
