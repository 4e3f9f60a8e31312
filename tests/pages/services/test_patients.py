"""Words of a series' page that come from numbers."""

from pages.ui.services.patients import _tissues


def test_a_tissue_that_cannot_calibrate_says_why():
    rows = [
        {"name": "air", "mean_hu": -998.2},
        {"name": "muscle", "mean_hu": 4.0},
        {"name": "kidney", "mean_hu": 180.0},
        {"name": "cortical", "mean_hu": 640.0},
    ]
    assert _tissues(rows) == (
        "air -998 HU, muscle 4 HU (not used: outside 15 to 90), kidney 180 HU, "
        "cortical 640 HU (not used: outside 700 to 2000)"
    )
