"""Property tests draw the same examples in every run; files share the cores, tests of the browser two processes."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

#: Folders whose tests drive a browser: many side by side would wait for each other.
_BROWSER = ("tests/browser/", "tests/security/")
#: From this file on they are the second half, by the time that they take.
_SECOND_HALF = "tests/browser/test_s"


class ByFile(LoadScopeScheduling):
    """One file stays in one process with its fixtures, and all that drives a browser in two."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return f"browser {file >= _SECOND_HALF}" if file.startswith(_BROWSER) else file


def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores: a test of the browser waits half of its time."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Asked by xdist where tests run in several processes."""
    return ByFile(config, log)
