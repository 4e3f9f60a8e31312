"""Overlap and surface distance of masks with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteo_core.errors import StatisticsError
from osteo_core.statistics.overlap import dice, surface_distance


def box(low: tuple[int, int, int], high: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros((20, 20, 20), dtype=np.uint8)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 20
    return mask


def test_dice_by_hand() -> None:
    a, b = box((5, 5, 5), (10, 10, 10)), box((7, 5, 5), (12, 10, 10))
    assert dice(a, b) == pytest.approx(2 * 75 / 250)
    assert (dice(a, a), dice(a, np.zeros_like(a))) == (1.0, 0.0)


@pytest.mark.parametrize(("axis", "step"), [(0, 0.7), (1, 1.1), (2, 5.0)])
def test_parallel_plates_lie_their_distance_apart_in_mm(axis: int, step: float) -> None:
    a, b = np.zeros((2, 20, 20, 20), dtype=bool)
    a[(slice(None),) * axis + (3,)] = True
    b[(slice(None),) * axis + (7,)] = True
    found = surface_distance(a, b, spacing_mm=(0.7, 1.1, 5.0))
    assert (found.mean_mm, found.hausdorff95_mm, found.hausdorff_mm) == pytest.approx((4 * step,) * 3)


def test_one_stray_voxel_moves_the_maximum_but_not_the_95th_percentile() -> None:
    a = box((5, 5, 5), (15, 15, 15))
    b = a.copy()
    b[19, 10, 10] = 1
    found = surface_distance(a, b, spacing_mm=(2.0, 1.0, 1.0))
    assert (found.hausdorff95_mm, found.hausdorff_mm) == (0.0, pytest.approx(10.0))


def brute_force(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float, float]) -> float:
    def edge(mask: np.ndarray) -> np.ndarray:
        padded = np.pad(mask, 1)
        inside = [np.roll(padded, shift, axis) for axis in range(3) for shift in (-1, 1)]
        return np.argwhere((padded & ~np.all(inside, axis=0))[1:-1, 1:-1, 1:-1]) * spacing

    apart = np.linalg.norm(edge(a)[:, None] - edge(b)[None], axis=2)
    return float(np.concatenate([apart.min(axis=1), apart.min(axis=0)]).mean())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_mean_distance_against_all_pairs_and_its_properties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 7, 6, 5)) > 0.6
    spacing = (0.8, 1.3, 3.0)
    found = surface_distance(a, b, spacing_mm=spacing)
    assert found.mean_mm == pytest.approx(brute_force(a, b, spacing))
    swapped = surface_distance(b, a, spacing_mm=spacing)
    assert (swapped.mean_mm, swapped.hausdorff95_mm) == (pytest.approx(found.mean_mm), found.hausdorff95_mm)
    doubled = surface_distance(a, b, spacing_mm=tuple(2 * s for s in spacing))
    assert doubled.hausdorff95_mm == pytest.approx(2 * found.hausdorff95_mm)
    turned = surface_distance(a.transpose(2, 0, 1), b.transpose(2, 0, 1), spacing_mm=(3.0, 0.8, 1.3))
    assert turned.mean_mm == pytest.approx(found.mean_mm)
    assert found.hausdorff95_mm <= found.hausdorff_mm
    assert dice(a, b) == dice(b, a)


def test_what_cannot_be_computed_says_why() -> None:
    a = box((1, 1, 1), (3, 3, 3))
    with pytest.raises(StatisticsError, match="both masks are empty"):
        dice(np.zeros(3), np.zeros(3))
    with pytest.raises(StatisticsError, match=r"masks must have the same shape, found \(20, 20, 20\) and \(2,\)"):
        dice(a, np.zeros(2))
    with pytest.raises(StatisticsError, match="a mask is empty; it has no surface"):
        surface_distance(a, np.zeros_like(a), spacing_mm=(1, 1, 1))
    with pytest.raises(StatisticsError, match="spacing must be 3 positive lengths in mm, found"):
        surface_distance(a, a, spacing_mm=(1.0, 0.0, 1.0))
