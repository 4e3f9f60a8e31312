"""Islets of another number inside a vertebra get its number, with a caution; bodies and halves of bodies do not."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.outcomes import CautionCode
from osteo_core.segmentation.disagreement import shared_body
from osteo_core.segmentation.islets import without_islets
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import Level
from tests.osteo_core.segmentation.test_disagreement import GRID, vertebrae


def mask_of(labels: np.ndarray) -> WholeVertebrae:
    return WholeVertebrae(labels=labels, geometry=GRID, source="x")


@pytest.mark.parametrize("of", [Level.L1, Level.L3])
def test_an_islet_gets_the_number_of_the_vertebra_round_it(of: Level) -> None:
    whole = vertebrae()
    labels = whole.copy()
    labels[10:13, 10:13, 24:27] = of  # 27 voxels inside L2
    mended, (caution,) = without_islets(mask_of(labels))
    np.testing.assert_array_equal(mended.labels, whole)
    assert caution.code is CautionCode.MASK_ISLETS
    assert caution.found == f"27 voxel(s) of {of.name} in L2"
    assert of in mended.boxes


def test_what_lies_outside_every_vertebra_is_left_alone() -> None:
    labels = vertebrae()
    labels[2:4, 40:44, 4:6] = Level.L1
    mask = mask_of(labels)
    assert without_islets(mask) == (mask, ())


@pytest.mark.parametrize("voxels", [3, 6, 9])
def test_part_of_a_body_is_no_islet_and_stays_refused(voxels: int) -> None:
    labels = vertebrae()
    labels[:, :22, 20 : 20 + voxels][labels[:, :22, 20 : 20 + voxels] == Level.L2] = Level.L3
    mended, cautions = without_islets(mask_of(labels))
    assert cautions == ()
    assert shared_body(mended) is not None


def test_a_sound_mask_is_the_same_mask() -> None:
    mask = mask_of(vertebrae(joint=True))
    assert without_islets(mask)[0] is mask
