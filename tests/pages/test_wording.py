"""Text and numbers as written on screens."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from osteo_core.records import Estimate
from pages.ui.shared import wording


def test_a_value_goes_with_its_interval_and_unit() -> None:
    given = Estimate(value=71.4, low=64.2, high=78.6, n=3, method="test")
    assert wording.estimate(given, unit=wording.UNIT) == "71 (64 to 79) mg/cm³"
    assert wording.estimate(None) == wording.MISSING
    assert wording.interval(float("nan"), 0, 1) == wording.MISSING


def test_a_share_in_percent() -> None:
    assert (
        wording.percent(Estimate(value=0.308, low=0.2553, high=0.3662, n=263, method="Wilson"))
        == "30.8 % (25.5 to 36.6)"
    )
    assert wording.share(8, 60) == "8 of 60 (13 %)"
    assert wording.share(0, 0) == "0"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "not yet known"),
        (2.0, "about 5 s"),
        (43.0, "about 45 s"),
        (720.0, "about 12 min"),
        (11100.0, "about 3 h 05 min"),
    ],
)
def test_time_left(seconds: float | None, words: str) -> None:
    assert wording.time_left(seconds) == words


def test_days_and_moments() -> None:
    assert wording.day(date(2026, 9, 5)) == "5 Sep 2026"
    assert wording.day(None) == wording.MISSING
    local = datetime(2026, 11, 24, 3, 7, tzinfo=UTC).astimezone()
    assert wording.moment(datetime(2026, 11, 24, 3, 7, tzinfo=UTC)) == f"{local.day} {local:%b %Y, %H:%M}"


def test_counts_have_their_word() -> None:
    assert wording.counted(1, "patient") == "1 patient"
    assert wording.counted(1200, "series", "series") == "1,200 series"


@pytest.mark.parametrize(
    ("due", "now", "words"),
    [
        ((4, 12), (4, 10), "4 Dec 2026, due today"),
        ((5, 12), (4, 10), "5 Dec 2026, due at the weekend"),
        ((7, 12), (4, 10), "7 Dec 2026, in 1 working day"),
        ((4, 12), (4, 13), "4 Dec 2026, overdue since today"),
        ((4, 12), (5, 13), "4 Dec 2026, overdue"),
        ((5, 12), (6, 13), "5 Dec 2026, overdue"),
        ((4, 12), (7, 13), "4 Dec 2026, 1 working day overdue"),
    ],
)
def test_a_weekend_between_a_due_date_and_today_is_not_today(
    due: tuple[int, int], now: tuple[int, int], words: str
) -> None:
    at, today = (datetime(2026, 12, day, hour, tzinfo=UTC) for day, hour in (due, now))
    assert wording.due(at, today) == words


def test_no_zero_has_a_minus() -> None:
    given = Estimate(value=-0.04, low=-0.3, high=0.2, n=3, method="test")
    assert wording.number(-0.3) == "0"
    assert wording.estimate(given, digits=1) == "0.0 (-0.3 to 0.2)"
    assert wording.difference(given, digits=0) == "+0 (+0 to +0)"
    assert wording.points(Estimate(value=-0.0002, low=-0.01, high=0.01, n=3, method="test")) == (
        "+0.0 points (-1.0 to +1.0)"
    )


def test_sentences_joined_by_semicolons_keep_capitals_of_names_only() -> None:
    found = wording.clauses(
        "fracture T12 (grade 2)", "Kernel B70f is sharp.", "", "HU are odd.", "L3 is out", "A stop."
    )
    assert found == "fracture T12 (grade 2); kernel B70f is sharp; HU are odd; L3 is out; a stop"
