"""The sides on which the field of view cuts a body, whatever the axes of the array."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.imaging.borders import cut_sides
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
    assert cut_sides(mask, box, voxels, Geometry(shape=SHAPE, affine_lps=affine)) == "padding beside it"


@pytest.mark.parametrize(("lost_mm", "expected"), [(0, ""), (1, ""), (4, "anterior"), (10, "anterior")])
def test_a_round_front_may_lose_its_cortex_to_the_border(lost_mm: int, expected: str) -> None:
    shape = (60, 60, 60)
    x, y = np.ogrid[:60, :60]
    disc = (x - 30) ** 2 + (y + 0.5 - (16 - lost_mm)) ** 2 <= 16**2
    body = np.zeros(shape, dtype=bool)
    body[:, :, 20:46] = disc[..., None]
    box = (slice(14, 47), slice(0, 33 - lost_mm), slice(20, 46))
    voxels = np.full(shape, 40, dtype=np.int16)
    assert cut_sides(body[box], box, voxels, Geometry(shape=shape, affine_lps=np.eye(4))) == expected


@pytest.mark.parametrize(("lost_mm", "expected"), [(0.0, ""), (0.5, ""), (4.0, "superior")])
def test_a_tilted_endplate_may_touch_the_border_with_a_corner(lost_mm: float, expected: str) -> None:
    shape = (60, 60, 60)
    y, z = np.ogrid[:60, :60]
    tilted = (z + 0.18 * (y - 14) <= 59.5 + lost_mm) & (z > 30) & (y >= 14) & (y < 46)
    body = np.zeros(shape, dtype=bool)
    body[10:52] = tilted
    box = (slice(10, 52), slice(14, 46), slice(31, 60))
    voxels = np.full(shape, 40, dtype=np.int16)
    assert cut_sides(body[box], box, voxels, Geometry(shape=shape, affine_lps=np.eye(4))) == expected
