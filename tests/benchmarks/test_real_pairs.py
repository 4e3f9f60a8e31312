"""The 17 real pairs of phantomless and phantom vBMD, checked by hand."""

import numpy as np
import pytest

from benchmarks.real_pairs import agreement_by_contrast, read_pairs
from tests.shared_data import shared_data

#: Phantomless and phantom, mg/cm3, native scans, as printed in the table.
NATIVE = [
    (100.756, 73.027),
    (165.637, 151.948),
    (92.764, 68.945),
    (87.567, 87.642),
    (146.446, 146.492),
    (84.748, 53.624),
]


@pytest.fixture(scope="module")
def pairs():
    return read_pairs(shared_data("tables", "verse19_vbmd_strength.csv"))


def test_seventeen_pairs_are_read(pairs):
    assert len(pairs) == 17
    assert [(x, y) for code, x, y in pairs if code == "ce-no"] == NATIVE


def test_the_native_pairs_by_hand(pairs):
    rows = {row["group"]: row for row in agreement_by_contrast(pairs)}
    # Differences 27.729, 13.689, 23.819, -0.075, -0.046, 31.124: sum 96.240, mean 16.040.
    differences = np.array([27.729, 13.689, 23.819, -0.075, -0.046, 31.124])
    assert rows["native"]["bias"] == pytest.approx(16.040, abs=0.001)
    assert rows["native"]["sd"] == pytest.approx(differences.std(ddof=1), abs=0.001)
    assert rows["native"]["loa_high"] == pytest.approx(16.040 + 1.96 * differences.std(ddof=1), abs=0.01)
    assert {name: row["n"] for name, row in rows.items()} == {
        "native": 6,
        "portal venous": 9,
        "arterial": 2,
        "enhanced": 11,
        "all": 17,
    }
    assert "bias" not in rows["arterial"]
    assert rows["enhanced"]["bias"] == pytest.approx(-10.6, abs=0.05)
