"""A line from a simulated site's own pairs, applied to the subsequent patients."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.site_pairs import scans_of_sites, site_result


@pytest.fixture(scope="module")
def sites():
    return [scans[:75] for scans in scans_of_sites(80)]


def test_forty_pairs_give_limits_within_6_of_the_scatter_of_qct_itself(sites) -> None:
    found = [site_result(scans) for scans in sites]
    assert {one.vendor for one in found} == {"GE", "Siemens", "Philips", "Canon/Toshiba", "UIH"}
    assert all(one.n_pairs == 40 and one.n_next >= 25 for one in found)
    assert max(one.beyond_qct_mg_cm3 for one in found) <= 6.0


def test_a_scanner_that_shifted_after_its_line_was_made_is_seen(sites) -> None:
    """The benchmark must detect HU that are 20 too high after the line was made."""
    scans = sites[0]
    shifted = [replace_hu(facts, by_hu=20.0) if place >= 40 else facts for place, facts in enumerate(scans)]
    assert site_result(shifted).beyond_qct_mg_cm3 > 6.0


def replace_hu(facts, *, by_hu: float):
    moved = tuple(replace(m, median_hu=m.median_hu + by_hu) for m in facts.measurements)
    return replace(facts, measurements=moved)
