"""One body with two numbers is found; two touching bodies, and touching joints, are no disagreement."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.records import LabelArray
from osteo_core.segmentation.disagreement import shared_body
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import Level
from tests.builders.spines import grid

GRID = grid(spacing_mm=(2.0, 2.0, 2.0), extent_mm=(60.0, 90.0, 120.0))
_BODY, _STEP = 13, 18  # voxels of 2 mm: bodies 26 mm high, discs of 10 mm


def vertebrae(*, disc: bool = True, joint: bool = False) -> LabelArray:
    """L3 (lowest), L2, L1 as blocks with an arch each, whole numbers from below."""
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    for n, level in enumerate((Level.L3, Level.L2, Level.L1)):
        low = 2 + n * (_STEP if disc else _BODY)
        labels[5:25, 4:22, low : low + _BODY] = level
        labels[12:18, 22:40, low + 3 : low + 8] = level
        if joint:
            labels[5:14, 30:40, low - 2 : low + _STEP - 2] = level
    return labels


def said(labels: LabelArray) -> str:
    found = shared_body(WholeVertebrae(labels=labels, geometry=GRID, source="x"))
    return found.sentence if found else ""


@pytest.mark.parametrize("thief", [Level.L1, Level.L3])
@pytest.mark.parametrize("voxels", [3, 6, 9])
def test_part_of_a_body_under_its_neighbours_number(thief: Level, voxels: int) -> None:
    labels = vertebrae()
    body = slice(2 + _STEP, 2 + _STEP + _BODY)
    taken = slice(body.stop - voxels, body.stop) if thief is Level.L1 else slice(body.start, body.start + voxels)
    labels[:, :22, taken][labels[:, :22, taken] == Level.L2] = thief
    names = "L1 and L2" if thief is Level.L1 else "L2 and L3"
    assert said(labels) == (
        f"The mask from elsewhere cannot be used: its levels disagree: one body bears the numbers of {names}."
    )


@pytest.mark.parametrize("labels", [vertebrae(), vertebrae(disc=False), vertebrae(joint=True)])
def test_bodies_of_one_number_are_left_alone(labels: LabelArray) -> None:
    assert said(labels) == ""


@pytest.mark.parametrize("labels", [vertebrae(), vertebrae(disc=False)])
def test_two_bodies_of_one_number(labels: LabelArray) -> None:
    """If the lower one is the last in the mask, there is no gap in the levels."""
    assert "two bodies bear the number of L2" in said(np.where(labels == Level.L3, Level.L2, labels))


def test_a_crushed_body_is_no_disagreement() -> None:
    labels = vertebrae()
    labels[:, :22, 2 + _STEP + 5 : 2 + _STEP + _BODY] = 0
    assert said(labels) == ""
