"""The cut: bodies of known vertebrae, on any axes and spacing, and the references of real patients reproduced."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from osteo_core.imaging.nifti import read_nifti_labels
from osteo_core.records import Geometry
from osteo_core.segmentation.bodies import bodies_of_whole, body_on, boxes_of, cut_body
from osteo_core.terms import Level
from tests.builders.segs import whole_spine
from tests.builders.spines import grid, rotation
from tests.shared_data import shared_data

LEVELS = (Level.L1, Level.L2, Level.L3, Level.L4)
GRID = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(80.0, 110.0, 150.0), centre_mm=(0.0, 15.0, 0.0))


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def overlaps(found: np.ndarray, truth: np.ndarray) -> list[float]:
    return [dice(found == level, truth == level) for level in LEVELS]


def test_processes_go_and_the_body_stays() -> None:
    _, whole, truth = whole_spine(GRID)
    assert (whole > 0).sum() > 1.15 * (truth > 0).sum()
    assert min(overlaps(bodies_of_whole(whole, GRID, LEVELS), truth)) > 0.96


def test_a_body_alone_keeps_nearly_all_of_itself() -> None:
    _, _, truth = whole_spine(GRID)
    found = bodies_of_whole(truth, GRID, LEVELS)
    assert not (found & ~truth).any()
    assert min(overlaps(found, truth)) > 0.96


def test_what_is_too_thin_to_cut_stays_whole() -> None:
    thin = np.zeros((20, 20, 20), dtype=bool)
    thin[5:15, 5:15, 9:12] = True
    assert np.array_equal(cut_body(thin, level=20, spacing_mm=1.0), thin)


def test_only_the_levels_asked_for() -> None:
    _, whole, _ = whole_spine(GRID)
    assert set(np.unique(bodies_of_whole(whole, GRID, (Level.L2,)))) == {0, Level.L2}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_axes_and_flips_change_nothing(order: tuple[int, int, int]) -> None:
    _, whole, _ = whole_spine(GRID)
    plain = bodies_of_whole(whole, GRID, LEVELS)
    affine, turned = GRID.affine_lps.copy(), np.transpose(whole, order)
    affine[:3, :3] = affine[:3, list(order)]
    affine[:3, 3] += affine[:3, 0] * (turned.shape[0] - 1)
    affine[:3, 0] *= -1
    turned = np.flip(turned, 0)
    found = bodies_of_whole(turned, Geometry(shape=turned.shape, affine_lps=affine), LEVELS)
    back = np.transpose(np.flip(found, 0), np.argsort(order))
    assert min(overlaps(back, plain)) > 0.995


@pytest.mark.parametrize(
    ("spacing_mm", "turn"),
    [((0.7, 0.7, 3.0), np.eye(3)), ((1.0, 1.0, 1.0), rotation("x", 25)), ((3.0, 1.0, 1.0), np.eye(3))],
)
def test_on_another_grid_than_its_own(spacing_mm: tuple[float, float, float], turn: np.ndarray) -> None:
    _, whole, _ = whole_spine(GRID)
    target = grid(spacing_mm=spacing_mm, extent_mm=(84.0, 126.0, 165.0), centre_mm=(3.0, 12.0, 2.0), rotation=turn)
    _, _, truth = whole_spine(target)
    out = np.zeros(target.shape, dtype=np.uint8)
    for level, box in boxes_of(whole).items():
        found = body_on(whole, GRID, level, box=box, target=target)
        assert found is not None
        out[found[0]][found[1]] = level
    assert min(overlaps(out, truth)) > 0.93  # a slice of 3 mm more or less at one end is 0.06


def test_a_level_that_the_target_does_not_see_is_none() -> None:
    _, whole, _ = whole_spine(GRID)
    away = grid(extent_mm=(50.0, 50.0, 50.0), centre_mm=(300.0, 0.0, 0.0))
    assert body_on(whole, GRID, Level.L1, box=boxes_of(whole)[Level.L1], target=away) is None


@pytest.mark.parametrize("name", ["verse004", "verse007", "verse010", "verse014", "lidc_0001"])
def test_the_references_come_out_again(name: str) -> None:
    whole, geometry = read_nifti_labels(shared_data("labels", f"{name}.nii.gz"))
    reference, where = read_nifti_labels(shared_data("labels", "bodies", Path(f"{name}.nii.gz").name))
    assert where.is_close(geometry)
    levels = [Level(int(n)) for n in np.unique(reference) if Level.T12 <= n <= Level.L5]
    if name == "lidc_0001":
        levels.remove(Level.L3)  # cut by the field of view
    found = bodies_of_whole(whole, geometry, tuple(levels))
    assert min(dice(found == level, reference == level) for level in levels) > 0.97
    shares = [(found == level).sum() / (whole == level).sum() for level in levels if level >= Level.L1]
    assert 0.5 < min(shares) <= max(shares) < 0.75
