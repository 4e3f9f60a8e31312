"""The largest connected piece of a mask."""

from __future__ import annotations

import numpy as np

from osteo_core.imaging.pieces import largest_piece


def test_the_largest_piece() -> None:
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[0, 0, 0] = mask[2:4, 2:4, 2] = True
    assert largest_piece(mask).sum() == 4
    assert not largest_piece(np.zeros((2, 2, 2), dtype=bool)).any()


def test_voxels_that_meet_at_a_corner_are_one_piece_only_when_asked() -> None:
    mask = np.zeros((4, 4, 4), dtype=bool)
    mask[0, 0, :2] = mask[1, 1, 2] = True
    assert largest_piece(mask).sum() == 2
    assert largest_piece(mask, by_corners=True).sum() == 3
