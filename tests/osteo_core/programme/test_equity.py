"""Shares with their denominators, small groups, and chi-square on a published table."""

from __future__ import annotations

import pytest

from osteo_core.programme.equity import Reach, differs
from osteo_core.statistics.intervals import wilson


def test_each_share_has_its_own_denominator() -> None:
    reach = Reach(group="F", scanned=200, measured=150, measured_flagged=40, flagged=45, closed=10)
    assert (reach.measured_share, reach.flagged_share, reach.closed_share) == (
        wilson(150, 200),
        wilson(40, 150),
        wilson(10, 45),
    )


def test_small_groups_show_no_share() -> None:
    reach = Reach(group="O", scanned=12, measured=9, measured_flagged=2, flagged=2, closed=0)
    assert reach.measured_share == wilson(9, 12)
    assert (reach.flagged_share, reach.closed_share) == (None, None)


def test_chi_square_by_hand_and_where_it_cannot_be() -> None:
    # 2 x 2 without correction: n (ad - bc)^2 / (row and column sums), 100 (30*40 - 20*10)^2 / (50*50*40*60) = 16.667.
    p = differs([(30, 50), (10, 50)])
    assert p == pytest.approx(4.4559e-5, rel=1e-3)
    assert differs([(30, 50)]) is None
    assert differs([(0, 50), (0, 20)]) is None
    assert differs([(1, 6), (2, 5)]) is None
