"""Levels that are unlike the others: which are outvoted, and when none can be."""

import pytest

from osteo_core.density.alike import unlike_levels
from osteo_core.density.roi import refuse_unlike
from osteo_core.outcomes import ExclusionCode
from osteo_core.records import Measurement
from osteo_core.terms import MEASURED_LEVELS


def _levels(*hu: float) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(level=level, voxels=9000, volume_ml=30.0, roi_volume_ml=5.0, mean_hu=x, median_hu=x, sd_hu=40.0)
        for level, x in zip(sorted(MEASURED_LEVELS), hu, strict=False)
    )


def _left_out(*hu: float) -> list[str]:
    return [m.level.name for m in refuse_unlike(_levels(*hu)) if m.exclusion is not None]


@pytest.mark.parametrize(
    ("hu", "left_out"),
    [
        ((40.0, 40.0, 40.0, 200.0), ["L4"]),
        ((200.0, 40.0, 42.0, 45.0), ["L1"]),
        ((200.0, 210.0, 60.0), ["L3"]),
        ((85.0, 150.0, 90.0), ["L2"]),
        ((150.0, 145.0, 140.0, 75.0), ["L4"]),
    ],
)
def test_one_level_is_left_out_where_all_others_agree(hu, left_out):
    assert _left_out(*hu) == left_out
    assert _left_out(*reversed(hu)) == [f"L{len(hu) + 1 - int(name[1])}" for name in left_out]
    (reason,) = (m.exclusion for m in refuse_unlike(_levels(*hu)) if m.exclusion is not None)
    assert reason.code is ExclusionCode.UNLIKE_OTHERS


@pytest.mark.parametrize(
    "hu",
    [(40.0, 40.0, 200.0, 200.0), (40.0, 200.0, 120.0), (40.0, 200.0), (60.0, 120.0, 180.0), (40.0, 90.0, 200.0, 210.0)],
)
def test_without_a_majority_no_level_is_left_out_in_any_order_and_they_disagree(hu):
    for ordered in (hu, tuple(reversed(hu)), tuple(sorted(hu))):
        assert not _left_out(*ordered)
        assert unlike_levels(_levels(*ordered))


@pytest.mark.parametrize("hu", [(150.0, 140.0, 120.0, 85.0), (140.0, 110.0, 80.0), (100.0, 45.0), (90.0,), ()])
def test_levels_that_fall_from_head_to_foot_are_alike(hu):
    assert not _left_out(*hu)
    assert not unlike_levels(_levels(*hu))
