"""Notes of two people at once, or of one on a page that was drawn before the other's note."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import Fact, Note, State
from pages.ui import services
from pages.ui.services.notes import FollowedSeries
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store


@pytest.fixture
def flagged(tmp_path: Path, in_store: Callable[[Path], None]) -> FollowedSeries:
    """A flagged series as a page shows it before anything was noted."""
    results = build_cohort(28)
    in_store(build_store(tmp_path / "store", results))
    key = next(one.series.series_key for one in results if one.assessment and one.assessment.is_flagged)
    return services.work_items([key], seen_by=None)[0].followed


def note(series: FollowedSeries, **given: object) -> None:
    services.note([series], Note(author="AB", at=services.moment(), **given))  # type: ignore[arg-type]


def state_of(series: FollowedSeries) -> State | None:
    return services.work_items([series.series_key], seen_by=None)[0].state


def test_a_note_made_on_a_page_of_before_another_note_is_refused(flagged: FollowedSeries) -> None:
    note(flagged, state=State.CONFIRMED)
    for given in ({"state": State.NOT_CONFIRMED}, {"fact": Fact.RISK_ASSESSED}):
        with pytest.raises(UsageError, match="was noted elsewhere in the meantime and is now 'confirmed'"):
            note(flagged, **given)
    assert state_of(flagged) is State.CONFIRMED
    assert len(services.history(flagged.series_key)) == 1


def test_of_two_people_who_note_at_once_one_is_refused(flagged: FollowedSeries) -> None:
    both = Barrier(2)

    def one(state: State) -> str:
        both.wait()
        try:
            note(flagged, state=state)
        except UsageError as refused:
            return str(refused)
        return ""

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(one, (State.CONFIRMED, State.NOT_CONFIRMED)))
    assert sorted(map(bool, answers)) == [False, True]
    assert state_of(flagged) is (State.NOT_CONFIRMED if answers[0] else State.CONFIRMED)


def test_a_note_on_a_series_that_is_gone_is_refused(flagged: FollowedSeries) -> None:
    gone = FollowedSeries(series_key="f" * 16, versions=flagged.versions, state=flagged.state)
    with pytest.raises(UsageError, match="no longer holds a series of this page"):
        services.note([flagged, gone], Note(author="AB", at=services.moment(), state=State.CONFIRMED))
    assert services.history(flagged.series_key) == []
