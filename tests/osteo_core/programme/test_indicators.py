"""Bands at their thresholds, and a sentence if there is no share."""

from __future__ import annotations

import pytest

from osteo_core.programme.indicators import ELEVEN, Band, Count, band_of, indicators
from osteo_core.statistics.intervals import wilson


@pytest.mark.parametrize(
    ("share", "number", "band"),
    [
        (0.499, 4, Band.RED),
        (0.5, 4, Band.AMBER),
        (0.8, 4, Band.AMBER),
        (0.801, 4, Band.GREEN),
        (0.5, 6, Band.GREEN),
        (0.49, 6, Band.RED),
    ],
)
def test_bands(share: float, number: int, band: Band) -> None:
    assert band_of(share, number=number) is band


def test_eleven_with_shares_where_someone_is_due() -> None:
    found = indicators({"DXA": Count(due=20, done=17, running=3)})
    assert [one.number for one in found[:11]] == list(range(1, 12)) == [number for number, _, _ in ELEVEN]
    dxa = found[3]
    assert (dxa.share, dxa.band, dxa.count.running) == (wilson(17, 20), Band.GREEN, 3)
    assert all(one.band is Band.UNKNOWN and one.why for one in found if one is not dxa)


def test_spine_fractures_need_the_expected_number() -> None:
    counts = {"spine fractures": Count(due=12, done=12)}
    assert "are expected in this period" in indicators(counts)[1].why
    assert indicators(counts, expected_spine_fractures=40)[1].share == wilson(12, 40)
    assert "More were found (12) than expected (5)" in indicators(counts, expected_spine_fractures=5)[1].why
