"""The queue against a week-by-week count, and Garwood's interval of a Poisson mean."""

from __future__ import annotations

import pytest

from osteo_core.errors import UsageError
from osteo_core.programme.capacity import plan


def test_the_interval_is_garwoods() -> None:
    # Garwood 1936 (Biometrika 28:437), the usual table of exact Poisson limits: 10 seen, 4.795 to 18.390.
    found = plan([4, 6], to_review=0, before_clinic=0, slots_a_week=5)
    assert (2 * found.flags_low, 2 * found.flags_high) == pytest.approx((4.795, 18.390), abs=5e-4)
    assert found.flags_a_week == 5.0
    none = plan([0], to_review=0, before_clinic=0, slots_a_week=1)
    assert (none.flags_low, none.flags_high) == pytest.approx((0.0, 3.689), abs=5e-4)


def test_the_queue_week_by_week() -> None:
    found = plan([4, 6, 5], to_review=15, before_clinic=8, slots_a_week=8, share_to_clinic=0.8, ahead=8)
    waits, expected = 20.0, [20.0]  # of the 15 to be reviewed, 12 will need a slot
    for _ in range(8):
        waits = max(0.0, waits + 4.0 - 8.0)
        expected.append(waits)
    assert found.queue == pytest.approx(expected)
    assert found.weeks_to_clear == 5
    assert plan([9], to_review=0, before_clinic=3, slots_a_week=2).weeks_to_clear is None
    assert plan([9], to_review=0, before_clinic=0, slots_a_week=2).weeks_to_clear == 0


def test_the_share_holds_for_those_who_wait_for_review_too() -> None:
    """100 to review and 10 flags a week, 20 % of which need a slot: 20 wait, 2 come and 4 go a week, so 10 weeks."""
    found = plan([10], to_review=100, before_clinic=0, slots_a_week=4, share_to_clinic=0.2)
    assert (found.queue[0], found.weeks_to_clear) == (20.0, 10)


def test_nothing_to_plan_from_is_said() -> None:
    with pytest.raises(UsageError, match="at least one full week"):
        plan([], to_review=0, before_clinic=0, slots_a_week=2)
    with pytest.raises(UsageError, match="must not be negative"):
        plan([1], to_review=0, before_clinic=0, slots_a_week=-2)
