"""A small store shared by the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import rows
from db.connect import Store, open_store
from db.parts import write_part
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import write_results

#: Files that test how the database is created.
_CREATING = ("test_check", "test_connect", "test_schema")


@pytest.fixture(autouse=True)
def _stores_are_copied(request: pytest.FixtureRequest) -> None:
    if request.path.stem not in _CREATING:
        request.getfixturevalue("ready_made_stores")


@pytest.fixture
def store(empty_folder: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    shutil.copytree(empty_folder, tmp_path / "store")
    with open_store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """28 series, 24 of them measured, with QCT values; read-only."""
    results = build_cohort(28)
    store_dir = tmp_path_factory.mktemp("filled") / "store"
    write_results(store_dir, results)
    write_part(store_dir, "reference_values", rows.reference_table(build_references(results)))
    with open_store(store_dir) as opened:
        opened.take_in()
        opened.publish_snapshot()
        yield opened
