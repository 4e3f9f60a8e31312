"""Flags a week against the clinic's slots: how the queue grows or shrinks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from osteo_core.errors import UsageError

#: Weeks over which the rate of new flags is taken, and over which the queue is looked ahead.
RECENT_WEEKS, AHEAD_WEEKS = 12, 26


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be expected. ``flags_a_week``, people flagged, with its 95 % interval (exact Poisson, Garwood 1936).

    ``queue``: people expected to wait at the end of each week ahead, 0 included, beginning with now.
    ``weeks_to_clear`` is None when the queue never empties at this number of slots.
    """

    flags_a_week: float
    flags_low: float
    flags_high: float
    slots_needed: int
    queue: tuple[float, ...]
    weeks_to_clear: int | None


def plan(
    flags: Sequence[int],
    *,
    to_review: int,
    before_clinic: int,
    slots_a_week: float,
    share_to_clinic: float = 1.0,
    ahead: int = AHEAD_WEEKS,
) -> Plan:
    """Look ahead from the people flagged in the last full weeks, the latest last.

    ``to_review``: people whose flag waits for its review; ``before_clinic``: people who wait for a slot. The share
    ``share_to_clinic`` of who is flagged, and of who waits for review, needs one. queue(0) = before_clinic + share *
    to_review; queue(k+1) = max(0, queue(k) + share * rate - slots). ``slots_needed`` serves the rate's upper end.
    Raises UsageError without any full week, or for a number that cannot be meant.
    """
    if not flags:
        raise UsageError("there is no full week of flags yet to plan from; come back next Monday")
    if min(slots_a_week, to_review, before_clinic) < 0 or not 0 <= share_to_clinic <= 1:
        raise UsageError("slots and people waiting must not be negative, and the share lies between 0 and 1")
    total, weeks = sum(flags), len(flags)
    low = stats.chi2.ppf(0.025, 2 * total) / 2 / weeks if total else 0.0
    high = stats.chi2.ppf(0.975, 2 * total + 2) / 2 / weeks
    inflow = share_to_clinic * total / weeks
    waiting = before_clinic + share_to_clinic * to_review
    queue = [float(waiting)]
    for _ in range(ahead):
        queue.append(max(0.0, queue[-1] + inflow - slots_a_week))
    spare = slots_a_week - inflow
    clear = 0 if waiting == 0 else math.ceil(waiting / spare - 1e-9) if spare > 0 else None
    return Plan(
        flags_a_week=total / weeks,
        flags_low=float(low),
        flags_high=float(high),
        slots_needed=math.ceil(share_to_clinic * high - 1e-9),
        queue=tuple(queue),
        weeks_to_clear=clear,
    )
