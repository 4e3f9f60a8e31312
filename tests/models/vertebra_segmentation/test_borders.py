"""A body that the field of view cuts says on which side, whatever the axes of the array."""

from __future__ import annotations

import numpy as np
import pytest

from models.vertebra_segmentation.borders import cut_sides
from osteo_core.records import Geometry

SHAPE = (30, 30, 30)


def sides(box: tuple[slice, slice, slice], directions: np.ndarray, hu: float = 40.0) -> str:
    affine = np.eye(4)
    affine[:3, :3] = directions
    voxels = np.full(SHAPE, hu, dtype=np.int16)
    mask = np.ones([s.stop - s.start for s in box], dtype=bool)
    return cut_sides(mask, box, voxels, Geometry(shape=SHAPE, affine_lps=affine))


MIDDLE = slice(8, 20)


def test_a_body_in_the_middle_is_whole() -> None:
    assert sides((slice(4, 26),) * 3, np.eye(3)) == ""


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((MIDDLE, MIDDLE, slice(0, 12)), "inferior"),
        ((MIDDLE, MIDDLE, slice(18, 30)), "superior"),
        ((slice(20, 30), MIDDLE, MIDDLE), "left"),
        ((MIDDLE, slice(0, 9), slice(20, 30)), "superior, anterior"),
    ],
)
def test_the_side_is_named_in_patient_axes(box: tuple[slice, slice, slice], expected: str) -> None:
    assert sides(box, np.eye(3)) == expected


def test_the_side_follows_the_axes() -> None:
    assert sides((slice(0, 12), MIDDLE, MIDDLE), np.eye(3)[:, [2, 0, 1]] * np.array([-1, 1, 1])) == "superior"


def test_padding_beside_the_body_is_a_cut() -> None:
    affine = np.eye(4)
    voxels = np.full(SHAPE, 40, dtype=np.int16)
    voxels[16:] = -1024
    box = (slice(4, 20), slice(4, 24), slice(4, 24))
    mask = np.zeros((16, 20, 20), dtype=bool)
    mask[4:12, 4:16, 4:16] = True
    assert cut_sides(mask, box, voxels, Geometry(shape=SHAPE, affine_lps=affine)) == "padding"
