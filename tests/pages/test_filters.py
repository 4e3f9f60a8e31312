"""Filters: the chips show what is applied, links and views keep all of it, and an unreadable part breaks no page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from db.events import record
from osteo_core.events import new_event
from osteo_core.programme.cohort import CohortFilter
from pages.ui.shared import filters
from tests.builders.cohort import build_cohort
from tests.builders.follow_up import NOW
from tests.builders.store import build_store

Open = Callable[..., AppTest]


def chips(app: AppTest) -> dict[str, str]:
    return {one.key: one.label.replace("\\", "") for one in app.button if str(one.key).startswith("chip-")}


def test_ages_typed_the_wrong_way_round_are_shown_as_they_are_applied(filled_store: Path, open_page: Open) -> None:
    app = open_page(filled_store, "pages/prevalence.py", age_from="80", age_to="60")
    assert list(chips(app).values())[:2] == ["Age from 60", "Age to 80"]
    turned = [one.value for one in app.markdown if "patient" in one.value]
    straight = open_page(filled_store, "pages/prevalence.py", age_from="60", age_to="80")
    assert turned == [one.value for one in straight.markdown if "patient" in one.value]
    app.button(key=next(key for key, words in chips(app).items() if words == "Age from 60")).click().run()
    assert list(chips(app).values()) == ["Age from 80"]


def test_a_view_opens_with_all_of_its_filter(tmp_path: Path, open_page: Open) -> None:
    keep_view(tmp_path, "assignee=CD&snoozed=true&changed=noted&since=2026-11-01T00%3A00%3A00%2B00%3A00")
    app = open_page(tmp_path, "pages/worklist.py")
    app.button(key="view-open").click().run()
    assert {"Assigned to CD", "Waiting only"} < set(chips(app).values())
    assert any(words.startswith("Noted since 1 Nov 2026") for words in chips(app).values())


def test_a_view_of_an_earlier_program_breaks_no_page_and_can_be_removed(tmp_path: Path, open_page: Open) -> None:
    keep_view(tmp_path, "category=osteopenia")
    app = open_page(tmp_path, "pages/prevalence.py")
    assert not app.error
    app.button(key="view-open").click().run()
    assert "found \\['osteopenia'\\]" in app.toast[0].value
    app.button(key="view-remove").click().run()
    assert not [one for one in app.button if one.key == "view-open"]


def keep_view(store: Path, query: str) -> None:
    record(store, new_event("saved view", author="AB", at=NOW, payload={"name": "mine", "query": query}))
    build_store(store, build_cohort(20))


def test_a_link_keeps_a_scanner_whose_name_ends_like_a_number() -> None:
    cohort = CohortFilter(scanners=("Aquilion 2.0",), age_from=50)
    assert filters.link_query(cohort) == {"scanner": "Aquilion 2.0", "age_from": "50"}


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_clock_can_show_is_reported(filled_store: Path, open_page: Open, since: str) -> None:
    app = open_page(filled_store, "pages/worklist.py", changed="noted", since=since)
    assert not app.error
    assert "is unknown; it was ignored" in app.warning[0].value


def test_studies_of_any_year_can_be_chosen(filled_store: Path, open_page: Open) -> None:
    days = open_page(filled_store, "pages/prevalence.py").date_input
    assert [one.min.year for one in days] == [1971, 1971]


def test_a_link_to_the_exclusions_says_when_they_may_be_more(filled_store: Path, open_page: Open) -> None:
    helps = []
    for given in ({"vendor": "GE", "age_from": "60"}, {"vendor": "GE", "flagged": "true"}):
        app = open_page(filled_store, "pages/table.py", **given)
        helps += [one.proto.help for one in app.get("page_link") if "see why" in one.proto.label]
    assert ["It may list more" in one for one in helps] == [False, True]


@pytest.mark.parametrize("given", [{"changed": "noted"}, {"since": "2026-11-01T00:00:00+00:00"}])
def test_a_change_without_its_moment_is_reported_and_left_out_of_the_address(
    filled_store: Path, open_page: Open, given: dict[str, str]
) -> None:
    app = open_page(filled_store, "pages/prevalence.py", **given, **{f"vs_{name}": one for name, one in given.items()})
    (name,) = given
    said = [one.value.replace("\\", "") for one in app.warning]
    assert [f"'{prefix}{name}' was ignored" in one for prefix, one in zip(("", "vs_"), said, strict=True)] == [True] * 2
    assert not app.query_params


class HalfState(dict[str, object]):
    """A session that also lists what a page that was left still sends; it has no value."""

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        yield "chip-vendor-GE"


def test_what_a_page_that_was_left_still_sends_breaks_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", HalfState(vendor=["GE"]))
    chosen = filters.chosen_filter("drift", with_patients=False)
    assert [one.value for one in chosen.vendors] == ["GE"]
    assert [name for name, _, _ in filters.active("drift", with_patients=False)] == ["vendor"]
