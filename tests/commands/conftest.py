"""Shared by the tests of the commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.crash.scenarios import workers_within


@pytest.fixture(autouse=True)
def _stores_are_copied(ready_made_stores: None) -> None:
    """The database's creation is tested in tests/db."""


@pytest.fixture
def in_this_process() -> Iterator[None]:
    """Run without a cluster, where it is not what is tested: starting one takes longer than measuring a series."""
    with workers_within():
        yield
