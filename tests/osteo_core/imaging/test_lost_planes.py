"""Planes without an image of their own are found; padding at the ends and images without noise are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.imaging.lost_planes import lost_planes


def noisy(n: int = 12) -> np.ndarray:
    """(n, 40, 30) HU of tissue with noise."""
    return np.random.default_rng(0).normal(40.0, 12.0, (n, 40, 30)).round().astype(np.int16)


@pytest.mark.parametrize("value", [-1024, 0])
def test_blank_planes_between_images_are_lost_and_padding_at_the_ends_is_not(value: int) -> None:
    planes = noisy()
    assert lost_planes(planes) == []
    planes[[0, 1, -1]] = value
    assert lost_planes(planes) == []
    planes[[5, 7]] = value
    assert lost_planes(planes) == [5, 7]


def test_of_planes_with_the_same_noise_none_is_sure() -> None:
    planes = noisy()
    planes[4:6] = planes[3]
    planes[10] = planes[9]
    assert lost_planes(planes) == [3, 4, 5, 9, 10]
    planes[8, 0, 0] += 1
    assert lost_planes(planes) == [3, 4, 5, 9, 10]


def test_images_without_noise_may_repeat() -> None:
    planes = np.full((6, 40, 30), -100, dtype=np.int16)
    planes[:, 10:30, 10:20] = 150
    assert lost_planes(planes) == []
    assert lost_planes(np.zeros((6, 40, 30), dtype=np.int16)) == []
