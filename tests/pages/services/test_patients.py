"""Words of a series' page that come from numbers."""

from __future__ import annotations

import pytest

from pages.ui.services.patients import _tissue


@pytest.mark.parametrize(
    ("name", "mean_hu", "why_not"),
    [
        ("air", -998.2, ""),
        ("muscle", 4.0, "not used: outside 15 to 90"),
        ("kidney", 180.0, ""),
        ("cortical", 640.0, "not used: outside 700 to 2000"),
    ],
)
def test_a_tissue_that_cannot_calibrate_says_why(name: str, mean_hu: float, why_not: str) -> None:
    found = _tissue({"name": name, "mean_hu": mean_hu, "sd_hu": 12.0, "area_mm2": 300.0})
    assert (found.name, found.mean_hu, found.why_not) == (name, mean_hu, why_not)
