"""The outcomes in the tables on invented bodies: right, wrong, missing, false, whole, flagged."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scoring import FALSE, MISSING, RIGHT, WRONG, by_level, counted, score, totals, whole_levels
from osteo_core.records import Geometry, Segmentation, SegmentedLevel, Volume
from osteo_core.terms import Anchor, Level

SHAPE = (40, 40, 120)
SPACING = (1.0, 1.0, 2.0)
BOXES = {Level.L1: 88, Level.L2: 70, Level.L3: 52, Level.L4: 34}


def geometry() -> Geometry:
    return Geometry(shape=SHAPE, affine_lps=np.diag([*SPACING, 1.0]))


def bodies(starts: dict[Level, int] = BOXES, *, grow: int = 0) -> np.ndarray:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for level, z in starts.items():
        labels[5 - grow : 35 + grow, 5 - grow : 35 + grow, z : z + 13] = level
    return labels


class Canned:
    """A segmenter that returns a given result."""

    name, model_hash = "canned", "0" * 12

    def __init__(self, labels: np.ndarray, *, confidence: float = 0.9, anchor: Anchor = Anchor.BOTH) -> None:
        self.labels, self.confidence, self.anchor = labels, confidence, anchor

    def segment(self, volume: Volume) -> Segmentation:
        levels = []
        for n in np.unique(self.labels[self.labels > 0]):
            centre = volume.geometry.to_world_mm(np.argwhere(self.labels == n).mean(0))
            levels.append(
                SegmentedLevel(
                    level=Level(int(n)),
                    confidence=self.confidence,
                    voxels=int((self.labels == n).sum()),
                    centroid_mm=tuple(float(x) for x in centre),
                )
            )
        return Segmentation(
            labels=self.labels,
            geometry=volume.geometry,
            levels=tuple(levels),
            anchor=self.anchor,
            engine=self.name,
            model_hash=self.model_hash,
        )


def judged(labels: np.ndarray, truth: np.ndarray | None = None, **canned: object):
    volume = Volume(voxels_hu=np.where(bodies() > 0, 150, 40).astype(np.int16), geometry=geometry())
    return score(Canned(labels, **canned), volume, bodies() if truth is None else truth)


def test_a_perfect_outline_is_right_everywhere() -> None:
    found = judged(bodies())
    assert [level.outcome for level in found.levels] == [RIGHT] * 4
    assert [level.dice for level in found.levels] == [1.0] * 4
    assert [level.msd_mm for level in found.levels] == [0.0] * 4
    assert not found.flagged


def test_a_box_grown_by_a_voxel_has_the_dice_and_distance_of_the_formula() -> None:
    level = judged(bodies(grow=1)).levels[0]
    inner, outer = 30 * 30 * 13, 32 * 32 * 13
    assert level.dice == pytest.approx(2 * inner / (inner + outer))
    # Sides are 1 mm apart, the outer box's edges sqrt(2); the inner end faces lie within the outer ones.
    total = 11 * 116 + 13 * (120 + 4 * np.sqrt(2))
    voxels = 11 * 116 + 2 * 900 + 11 * 124 + 2 * 1024
    assert level.msd_mm == pytest.approx(total / voxels)


def test_distance_of_two_spheres_is_the_difference_of_their_radii() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(n) * s for n, s in zip(SHAPE, SPACING, strict=True)], indexing="ij"), -1)
    away = np.linalg.norm(grid - np.array([20.0, 20.0, 120.0]), axis=-1)
    truth, found = (np.where(away < radius, np.uint8(Level.L2), 0).astype(np.uint8) for radius in (12.0, 15.0))
    assert judged(found, truth).levels[0].msd_mm == pytest.approx(3.0, abs=0.4)


def test_a_shifted_numbering_is_wrong_and_keeps_its_confidence() -> None:
    shifted = bodies({Level(level + 1): z for level, z in BOXES.items()})
    found = judged(shifted, confidence=0.4)
    assert [level.outcome for level in found.levels] == [WRONG] * 4
    assert [level.found for level in found.levels] == ["L2", "L3", "L4", "L5"]
    assert {level.dice for level in found.levels} == {0.0}
    assert {level.confidence for level in found.levels} == {0.4}
    assert found.flagged, "a confidence below the limit asks for a review"


def test_a_level_that_is_not_outlined_is_missing_with_dice_zero() -> None:
    labels = bodies({level: z for level, z in BOXES.items() if level != Level.L2})
    found = judged(labels).levels[1]
    assert (found.level, found.outcome, found.dice, found.msd_mm, found.confidence) == ("L2", MISSING, 0.0, None, None)
    assert not found.measured


def test_an_empty_mask_is_flagged() -> None:
    found = judged(np.zeros(SHAPE, dtype=np.uint8), anchor=Anchor.NONE)
    assert [level.outcome for level in found.levels] == [MISSING] * 4
    assert found.flagged


def test_no_landmark_is_flagged() -> None:
    assert judged(bodies(), anchor=Anchor.NONE).flagged


def test_an_outline_on_no_body_is_false() -> None:
    found = judged(bodies({**BOXES, Level.L5: 10}))
    assert [(level.outcome, level.found) for level in found.levels if level.level == ""] == [(FALSE, "L5")]


def test_only_a_body_that_a_face_cuts_is_not_whole() -> None:
    truth = bodies({Level.L1: 107, Level.L2: 60})
    truth[5:35, 5:8, 73:] = Level.L2  # a spur that grazes the upper face
    assert whole_levels(truth) == {Level.L2}


def test_totals_keep_failures_in_the_denominator() -> None:
    rows = judged(bodies({level: z for level, z in BOXES.items() if level != Level.L2})).rows(seed=1)
    found = totals(counted(rows))
    assert (found["levels"], found["right"], found["missing"], found["wrong"]) == (4, 3, 1, 0)
    assert found["mean_dice"] == pytest.approx(0.75)
    assert found["failures_flagged"] == 1
    assert found["failures_not_measured"] == 1
    assert by_level(counted(rows)) == {"L1": 1.0, "L2": 0.0, "L3": 1.0, "L4": 1.0}
