"""A body orientation that contradicts the header is reported, and only if no level is certain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.turned import no_bone, turned_body
from osteo_core.outcomes import ExclusionCode
from osteo_core.records import Geometry, HuArray, Segmentation, SegmentedLevel, Volume
from osteo_core.terms import Anchor, Level

SPACING_MM = 5.0
LEFT, BACK, HEAD = 0, 1, 2


def body(*, has_lungs: bool = True) -> HuArray:
    """A trunk of 350 by 225 mm on an LPS grid of 5 mm: spine behind, pelvis below, lungs above."""
    x, y, z = np.meshgrid(np.arange(90), np.arange(60), np.arange(90), indexing="ij")
    hu = np.full(x.shape, -1000, np.int16)
    hu[((x - 45) / 35) ** 2 + ((y - 30) / 22.5) ** 2 < 1] = 40
    hu[(abs(x - 45) < 5) & (abs(y - 43) < 5)] = 400
    pelvis = (abs(abs(x - 45) - 18) < 4) & (abs(y - 33) < 8) & (z < 25)
    hu[pelvis] = 500
    if has_lungs:
        hu[(((abs(x - 45) - 16) / 8) ** 2 + ((y - 28) / 10) ** 2 < 1) & (z > 65)] = -850
    return hu


def volume_of(hu: HuArray) -> Volume:
    return Volume(voxels_hu=hu, geometry=Geometry(shape=hu.shape, affine_lps=np.diag([SPACING_MM] * 3 + [1.0])))


def outlined(volume: Volume, *confidences: float | None) -> Segmentation:
    levels = tuple(
        SegmentedLevel(level=Level.L1, confidence=one, voxels=1, centroid_mm=(0.0, 0.0, 0.0)) for one in confidences
    )
    return Segmentation(
        labels=np.zeros(volume.geometry.shape, np.uint8), geometry=volume.geometry, levels=levels,
        anchor=Anchor.NONE, engine="x", model_hash="x",
    )  # fmt: skip


def said(hu: HuArray, *confidences: float | None) -> str:
    volume = volume_of(np.ascontiguousarray(hu))
    found = turned_body(volume, outlined(volume, *confidences))
    assert found is None or found.code is ExclusionCode.BODY_TURNED
    return found.found if found else ""


@pytest.mark.parametrize("has_lungs", [True, False])
def test_a_body_that_lies_as_its_header_says_is_left_alone(has_lungs: bool) -> None:
    assert said(body(has_lungs=has_lungs)) == ""
    assert said(np.flip(body(has_lungs=has_lungs), LEFT)) == ""


def test_front_and_back_exchanged() -> None:
    assert said(np.flip(body(), BACK)) == "the spine lies 65 mm in front of the body's middle"


@pytest.mark.parametrize(
    ("has_lungs", "words"),
    [
        (True, "lung lies at the end that the header calls the feet"),
        (False, "the pelvis lies at the end that the header calls the head"),
    ],
)
def test_head_and_feet_exchanged(has_lungs: bool, words: str) -> None:
    assert said(np.flip(body(has_lungs=has_lungs), HEAD)) == words
    assert said(np.flip(body(has_lungs=has_lungs), HEAD), 0.2, 0.3) == words


def test_a_level_that_is_sure_or_from_elsewhere_stays() -> None:
    assert said(np.flip(body(), BACK), 0.2, 0.9) == ""
    assert said(np.flip(body(), BACK), None) == ""


def test_a_crop_round_the_spine_says_nothing() -> None:
    assert said(np.flip(body()[35:55, 20:55], BACK)) == ""
    assert said(np.full((20, 20, 2), 40, np.int16)) == ""


@pytest.mark.parametrize(
    ("hu", "confidence", "is_bone"),
    [(120, 0.12, False), (120, 0.6, True), (120, None, True), (300, 0.12, True)],
)
def test_what_is_outlined_without_bone_is_no_vertebra(hu: int, confidence: float | None, is_bone: bool) -> None:
    """Outlines in a scan of a water phantom had been graded as fractured vertebrae."""
    volume = volume_of(np.full((20, 20, 20), hu, np.int16))
    labels = np.zeros(volume.geometry.shape, np.uint8)
    labels[5:15, 5:15, 5:15] = Level.L1
    reason = no_bone(volume, replace(outlined(volume, confidence), labels=labels))
    assert (reason is None) is is_bone
    if reason is not None:
        assert reason.code is ExclusionCode.NO_LUMBAR_LEVEL
        assert reason.found == "95 % of what looks like vertebrae is below 120 HU; bone has 150 and more"


def test_where_nothing_is_outlined_the_bone_is_not_asked_for() -> None:
    volume = volume_of(np.zeros((20, 20, 20), np.int16))
    assert no_bone(volume, outlined(volume)) is None
