"""Vertebrae in view that no outline covers, as beside a metal cage: the others are right, and nobody would miss them."""

from __future__ import annotations

import numpy as np
import pytest

from models.vertebra_segmentation.unseen import unseen_beyond
from osteo_core.outcomes import CautionCode
from osteo_core.records import Geometry, SegmentedLevel, Volume
from osteo_core.terms import Level

#: L5 to T12, 36 mm apart; the image reaches from z = 0 to 300 mm.
_Z_MM = {level: 60.0 + 36.0 * (Level.L5 - level) for level in range(Level.T12, Level.L5 + 1)}


def doubts(first: Level, last: Level, *, z_mm: tuple[float, float] = (0.0, 300.0), hu: int = 40) -> list[str]:
    """What is said of a chain of levels in an image from one height to another, whose voxels all have the same HU."""
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[2, 3] = z_mm[0]
    shape = (5, 5, int((z_mm[1] - z_mm[0]) / 10) + 1)
    levels = [
        SegmentedLevel(level=Level(n), confidence=1.0, voxels=9, centroid_mm=(20.0, 20.0, _Z_MM[n]), cut="")
        for n in range(first, last + 1)
    ]
    volume = Volume(voxels_hu=np.full(shape, hu, dtype=np.int16), geometry=Geometry(shape=shape, affine_lps=affine))
    found = unseen_beyond(levels, volume)
    assert all(caution.code is CautionCode.LEVELS_UNSURE for caution in found)
    return [caution.found for caution in found]


def test_levels_lost_beyond_an_end_are_reported() -> None:
    assert doubts(Level.T12, Level.L2) == ["no vertebra is outlined below L2 though the body goes on there"]
    assert doubts(Level.L3, Level.L5) == ["no vertebra is outlined above L3 though the body goes on there"]
    assert len(doubts(Level.L2, Level.L3)) == 2


@pytest.mark.parametrize("z_mm", [(0.0, 300.0), (50.0, 250.0)])
def test_a_whole_chain_lacks_nothing(z_mm: tuple[float, float]) -> None:
    assert doubts(Level.T12, Level.L5, z_mm=z_mm) == []


def test_an_image_that_ends_within_the_next_vertebra_lacks_nothing() -> None:
    assert doubts(Level.T12, Level.L2, z_mm=(_Z_MM[Level.L2] - 50.0, 300.0)) == []
    assert doubts(Level.L3, Level.L5, z_mm=(0.0, _Z_MM[Level.L3] + 50.0)) == []


def test_air_beyond_the_patient_is_no_place_for_a_vertebra() -> None:
    assert doubts(Level.T12, Level.L2, hu=-1000) == []
    assert unseen_beyond([], None) == ()  # type: ignore[arg-type]
