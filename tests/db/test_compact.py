"""Compacted parts give the same store, even if the compaction was killed midway."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from db import parts
from db.check import check_store, rebuild_store
from db.compact import compact
from db.connect import open_store
from osteo_core.columns import TABLES
from osteo_core.errors import StoreOwnedError
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store of six series in separate parts."""
    folder = tmp_path_factory.mktemp("built") / "store"
    write_results(folder, build_cohort(6))
    with open_store(folder) as store:
        store.take_in()
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return shutil.copytree(built, tmp_path, dirs_exist_ok=True)


def content(folder: Path) -> dict[str, list[str]]:
    with open_store(folder) as store:
        return {
            name: sorted(map(repr, store.table(name).to_pylist())) for name in TABLES if name not in ("files", "events")
        }


def faults(folder: Path) -> list[str]:
    return [finding.message for finding in check_store(folder) if not finding.ok]


def test_few_parts_hold_what_many_held_and_make_the_same_store(place: Path) -> None:
    before = content(place)
    done = compact(place)
    assert done.before > done.after == len({part.kind for part in parts.kept_parts(place)})
    assert faults(place) == []
    rebuild_store(place)
    assert content(place) == before
    assert compact(place).before == compact(place).after == done.after


def test_a_part_that_is_left_again_after_compacting_counts_once(place: Path) -> None:
    before = content(place)
    compact(place)
    write_results(place, build_cohort(6)[:2])
    with open_store(place) as store:
        store.take_in()
    assert content(place) == before
    compact(place)
    rebuild_store(place)
    assert content(place) == before


@pytest.mark.parametrize("n", [0, 3, 11])
def test_a_compaction_that_is_killed_loses_and_doubles_nothing(place: Path, n: int) -> None:
    before = content(place)
    child = os.fork()
    if child == 0:
        left, unlink = [n], Path.unlink

        def counting(path: Path, *given: object, **named: object) -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            unlink(path, *given, **named)

        Path.unlink = counting  # type: ignore[method-assign]
        compact(place)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    rebuild_store(place)
    assert content(place) == before
    compact(place)
    rebuild_store(place)
    assert faults(place) == []
    assert content(place) == before


def test_a_store_in_use_is_left_alone(place: Path) -> None:
    with open_store(place), pytest.raises(StoreOwnedError):
        compact(place)
