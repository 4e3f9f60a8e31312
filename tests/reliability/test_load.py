"""Short form of the load suite: five people on 20,000 series, while an analysis and a reader with a PACS run."""

from __future__ import annotations

import pytest

from benchmarks.load.people import PAGES
from benchmarks.load.suite import Found, Plan, run
from benchmarks.million_store import make_store
from pages.ui.access import roles
from tests.benchmarks.test_million import headers

PEOPLE, SECONDS, SERIES = 5, 20.0, 20_000
#: From the second person on: the first one makes the app load what it needs. A person's handles are a WebSocket and the
#: three of the event loop that Streamlit gives each session; memory varies by tens of MiB as answers are cached.
MOST_MIB_A_PERSON, MOST_HANDLES_A_PERSON = 40.0, 5


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The results of a run."""
    store = tmp_path_factory.mktemp("load") / "store"
    make_store(store, series=SERIES, headers=headers())
    return run(store, Plan(people=PEOPLE, seconds=SECONDS, think_s=(0.2, 1.0)))


def test_every_page_is_visited() -> None:
    assert set(PAGES) == set(roles.PAGES)


@pytest.mark.slow
def test_every_page_answers_everybody_and_shows_no_fault(found: Found) -> None:
    opened = [one.name for one in found.alone]
    assert min(opened.count(page or "home") for page in PAGES) == PEOPLE
    assert len(found.together) >= PEOPLE
    assert found.faults == []
    assert found.logged == []


@pytest.mark.slow
def test_what_people_noted_beside_an_analysis_is_there_once(found: Found) -> None:
    assert len(found.noted) + len(found.refused) >= PEOPLE
    assert found.noted
    assert found.lost == []


@pytest.mark.slow
def test_what_was_signed_meanwhile_is_in_the_pacs_and_noted_once(found: Found) -> None:
    signed = {uid for one in found.signing for uid in one.get("uids", ())}
    assert len(signed) >= 4
    assert found.held == len(signed)
    assert sum(one.get("failed", 0) for one in found.signing) == 0
    assert found.lost == []


@pytest.mark.slow
def test_memory_and_handles_do_not_grow_from_person_to_person(found: Found) -> None:
    first, last = found.gauges[1], found.gauges[-1]
    more = last.people - first.people
    assert (last.memory_mib - first.memory_mib) / more < MOST_MIB_A_PERSON
    assert (last.handles - first.handles) / more <= MOST_HANDLES_A_PERSON
