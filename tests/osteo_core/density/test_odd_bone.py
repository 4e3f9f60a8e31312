"""Each reason of odd bone: a body that triggers it, and one just short of it that does not."""

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.roi import measure_levels, trabecular_roi
from osteo_core.morphometry.frame import find_bodies
from osteo_core.outcomes import ExclusionCode
from osteo_core.terms import Level
from tests.builders.spines import BodySpec, SpineSpec, build_spine, grid


@pytest.fixture(scope="module")
def noisy():
    spec = SpineSpec(bodies=(BodySpec(level=Level.L2, trabecular_hu=110.0),), noise_hu=40.0)
    return build_spine(spec, grid(extent_mm=(64.0, 64.0, 44.0)))


def _only_row(volume, segmentation):
    (row,) = measure_levels(volume, segmentation)
    return row


def _with_ball(case, *, hu, radius_mm):
    """The case with a ball of these HU in the middle of the trabecular region; returns the row of L2."""
    volume, segmentation = case
    (body,) = find_bodies(segmentation)
    index = np.argwhere(trabecular_roi(body))
    centre = index.mean(axis=0) + [part.start for part in body.box]
    grid_index = np.stack(np.meshgrid(*[np.arange(n) for n in volume.geometry.shape], indexing="ij"), axis=-1)
    ball = np.linalg.norm((grid_index - centre) * volume.geometry.spacing_mm, axis=-1) <= radius_mm
    changed = np.where(ball, volume.voxels_hu - 110.0 + hu, volume.voxels_hu).astype(np.float32)
    return _only_row(replace(volume, voxels_hu=changed), segmentation)


def test_plain_noisy_bone_is_sound(noisy):
    assert _only_row(*noisy).exclusion is None


@pytest.mark.parametrize(
    ("hu", "radius_mm", "code"),
    [
        (3000.0, 2.0, ExclusionCode.METAL),
        (1600.0, 5.0, ExclusionCode.CEMENT),
        (1600.0, 2.0, None),
        (-60.0, 7.0, ExclusionCode.DARK_FOCUS),
        (-60.0, 3.0, None),
        (70.0, 7.0, None),
        (380.0, 7.0, ExclusionCode.SCLEROTIC_FOCUS),
        (380.0, 3.0, None),
        (170.0, 7.0, None),
    ],
)
def test_a_ball_inside_is_told_by_its_hu_and_size(noisy, hu, radius_mm, code):
    exclusion = _with_ball(noisy, hu=hu, radius_mm=radius_mm).exclusion
    assert (exclusion.code if exclusion else None) is code


@pytest.mark.parametrize(("swing_hu", "code"), [(260.0, ExclusionCode.STREAKS), (120.0, None)])
def test_bands_across_the_body_are_streaks(noisy, swing_hu, code):
    volume, segmentation = noisy
    bands = swing_hu * np.sign(np.sin(np.arange(volume.geometry.shape[1]) * np.pi / 2 + 0.1))[None, :, None]
    changed = (volume.voxels_hu + bands).astype(np.float32)
    exclusion = _only_row(replace(volume, voxels_hu=changed), segmentation).exclusion
    assert (exclusion.code if exclusion else None) is code


def test_the_sentences_say_what_was_found(noisy):
    dark = _with_ball(noisy, hu=-60.0, radius_mm=7.0).exclusion.sentence
    assert dark.startswith("Part of this vertebra is dark, like a haemangioma or lysis (")
    assert "HU away; limit 80 HU" in dark
    assert (
        "Cement, or bone of similar density, lies inside"
        in _with_ball(noisy, hu=1600.0, radius_mm=5.0).exclusion.sentence
    )
