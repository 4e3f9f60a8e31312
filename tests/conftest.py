"""Property tests draw the same examples in every run; test files are spread over the cores, browser tests share one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from db import check, connect

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

#: Days and hours that tests expect are those of UTC, wherever they run; `in_zone` moves one test elsewhere.
ZONE = "UTC"
os.environ["TZ"] = ZONE
time.tzset()

#: Folders whose tests drive a browser: in parallel they would slow each other down.
_ONE_AT_A_TIME = ("tests/browser/", "tests/security/")
#: Folders with the longest files: started last, one of them would keep all other processes waiting.
_FIRST = (*_ONE_AT_A_TIME, "tests/reliability/")


class ByFile(LoadScopeScheduling):
    """Each file stays in one process with its fixtures, and everything that drives a browser shares one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browser" if file.startswith(_ONE_AT_A_TIME) else file


@pytest.fixture
def in_zone() -> Iterator[Callable[[str], None]]:
    """Puts this machine into another time zone until the end of the test."""

    def move(zone: str) -> None:
        os.environ["TZ"] = zone
        time.tzset()

    yield move
    move(ZONE)


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store to copy: creating its tables takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty") / "store"
    connect.open_store(folder).close()
    return folder


@pytest.fixture
def ready_made_stores(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is opened for the first time, checked or rebuilt gets a copy of the empty database.

    For tests of something else than how the database is created.
    """
    really = connect.connect_database

    def connect_database(path: Path) -> duckdb.DuckDBPyConnection:
        if not path.exists():
            shutil.copyfile(empty_folder / connect.DATABASE, path)
        return really(path)

    for module in (connect, check):
        monkeypatch.setattr(module, "connect_database", connect_database)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than the number of cores: many tests wait for another process."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Called by xdist if tests run in several processes."""
    return ByFile(config, log)
