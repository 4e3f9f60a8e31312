"""Gaps are reported by level once levels are known."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import Segmentation, SegmentedLevel
from osteo_core.segmentation.gaps import with_levels
from osteo_core.terms import Anchor, Level, Step
from tests.builders.series import CtSpec, write_series
from tests.builders.spines import grid
from tests.osteo_core.dicom.finding import find, the_series

GRID = grid()


def outlined(heights_mm: dict[Level, float]) -> Segmentation:
    levels = tuple(
        SegmentedLevel(level=level, confidence=0.9, voxels=9, centroid_mm=(0.0, 0.0, z))
        for level, z in heights_mm.items()
    )
    return Segmentation(
        labels=np.zeros(GRID.shape, np.uint8),
        geometry=GRID,
        levels=levels,
        anchor=Anchor.BOTH,
        engine="x",
        model_hash="x",
    )


SPINE = outlined({Level.L3: 30.0, Level.L1: 90.0, Level.L2: 60.0})


@pytest.mark.parametrize(
    ("low_mm", "high_mm", "words"),
    [(100.0, 106.0, "above L1"), (70.0, 76.0, "between L1 and L2"), (-16.5, -10.5, "below L3")],
)
def test_a_gap_lies_among_the_levels(low_mm: float, high_mm: float, words: str) -> None:
    gap = f"4 slice(s) beyond a gap of 6.00 mm between z {low_mm:.1f} and {high_mm:.1f} mm"
    caution = Caution(code=CautionCode.IMAGES_LEFT_OUT, step=Step.FIND, found=f"1 capture(s) or report(s); {gap}")
    (told,) = with_levels([caution], SPINE)
    assert told.found == f"1 capture(s) or report(s); {gap}, {words}"
    assert with_levels([caution], None) == with_levels([caution], outlined({})) == (caution,)


def test_a_stack_of_several_says_which_levels_it_shows() -> None:
    split = Caution(code=CautionCode.SERIES_SPLIT, step=Step.FIND, found="1 of 2")
    other = Caution(code=CautionCode.LOSSY, step=Step.FIND, found="z 1.0 and 2.0 mm")
    assert [one.found for one in with_levels([split, other], SPINE)] == ["1 of 2; it shows L1 to L3", other.found]
    assert with_levels([split], outlined({Level.L4: 5.0}))[0].found == "1 of 2; it shows L4"


def test_the_words_of_find_are_those_that_are_looked_for(tmp_path) -> None:
    found = find(write_series(tmp_path / "ct", CtSpec(slices=40, missing=(36,))).folder)
    (caution,) = (c for c in found.cautions[the_series(found).series_key] if c.code is CautionCode.IMAGES_LEFT_OUT)
    (told,) = with_levels([caution], SPINE)
    assert told.found.startswith(f"{caution.found}, ")
