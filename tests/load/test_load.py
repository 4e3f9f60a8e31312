"""Short form of the load suite: five people by protocol and a worker that delivers, on a small store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.cohort import build_browser_cohort
from tests.load.measure import measure

#: Memory that a person may cost, MB; with so few people the app's own growth counts in.
_MOST_MB_A_PERSON, _MOST_HANDLES_A_PERSON = 100.0, 20.0


@pytest.mark.slow
def test_five_people_see_every_page_whole_while_results_come_in(tmp_path: Path) -> None:
    cohort = build_browser_cohort(tmp_path)
    found = measure(cohort.store, people=5, minutes=0.4, browsers=0, think_s=0.3)
    assert found["faults"] == []
    pages = found["by_protocol"]
    assert pages["all"]["n"] >= 25
    assert len(pages) > 5
    assert found["mb_a_person"] < _MOST_MB_A_PERSON
    before, most, after = (found["app"][name]["handles"] for name in ("before", "most", "after"))
    assert most - before < 5 * _MOST_HANDLES_A_PERSON
    assert after <= most
