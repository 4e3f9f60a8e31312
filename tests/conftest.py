"""Property tests draw the same examples in every run; files share the cores, tests of the browser share one of them."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

#: Folders whose tests drive a browser: side by side they would wait for each other.
_ONE_AT_A_TIME = ("tests/browser/", "tests/security/")


class ByFile(LoadScopeScheduling):
    """One file stays in one process with its fixtures, and all that drives a browser in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if file.startswith(_ONE_AT_A_TIME) else file


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores: many tests wait for another process."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Asked by xdist where tests run in several processes."""
    return ByFile(config, log)
