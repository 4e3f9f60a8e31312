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
