"""A clock that was set back: a note made now still counts, and every page says that the clock is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from osteo_core.programme.follow_up import Note, State
from pages.ui import services
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store


@pytest.fixture
def flagged() -> str:
    """Key of a flagged series in the store."""
    return next(one.series.series_key for one in build_cohort(28) if one.assessment and one.assessment.is_flagged)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with results made while the clock was three days ahead."""
    ahead = datetime.now(UTC) + timedelta(days=3)
    return build_store(tmp_path / "store", [replace(one, finished_at=ahead) for one in build_cohort(28)])


def test_the_last_of_two_notes_counts(store: Path, flagged: str, in_store: Callable[[Path], None]) -> None:
    in_store(store)
    for state in (State.CONFIRMED, State.REFERRED):
        (item,) = services.work_items([flagged], seen_by=None)
        services.note([item.followed], Note(state=state, author="AB", at=services.moment()))
    (item,) = services.work_items([flagged], seen_by=None)
    assert item.followed.state is State.REFERRED


@pytest.mark.parametrize("script", ["pages/home.py", "pages/worklist.py", "pages/about.py"])
def test_every_page_says_that_the_clock_is_behind(store: Path, script: str, open_page: Callable[..., AppTest]) -> None:
    said = [one.value for one in open_page(store, script).warning]
    assert sum("clock of this machine says" in one for one in said) == 1


def test_the_last_result_is_in_the_time_of_this_machine_like_every_other_moment(
    tmp_path: Path, in_store: Callable[[Path], None], in_zone: Callable[[str], None]
) -> None:
    at = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # the second 02:30 of that night in Berlin
    in_store(build_store(tmp_path, [replace(one, finished_at=at) for one in build_cohort(2)]))
    in_zone("Europe/Berlin")
    assert {one["last"] for one in services.runs()} == {datetime(2026, 10, 25, 2, 30)}


def test_no_page_says_so_otherwise(filled_store: Path, open_page: Callable[..., AppTest]) -> None:
    assert not any("clock" in one.value for one in open_page(filled_store).warning)
