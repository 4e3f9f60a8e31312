"""Flags per week compared with clinic slots: how the queue grows or shrinks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from osteo_core.errors import UsageError

#: Weeks used to estimate the rate of new flags, and weeks of queue forecast.
RECENT_WEEKS, AHEAD_WEEKS = 12, 26


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A forecast. ``flags_a_week``: people flagged per week, with 95 % interval (exact Poisson, Garwood 1936).

    ``queue``: people expected to be waiting now and at the end of each week ahead.
    ``weeks_to_clear`` is None if the queue never empties with this number of slots.
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
    """Forecast from the number of people flagged in the last full weeks, latest last.

    ``to_review``: people whose flag awaits review; ``before_clinic``: people waiting for a slot. A share
    ``share_to_clinic`` of people flagged, and of those awaiting review, needs a slot.
    queue(0) = before_clinic + share * to_review; queue(k+1) = max(0, queue(k) + share * rate - slots).
    ``slots_needed`` covers the upper limit of the rate.
    Raises UsageError without a full week, or for an implausible number.
    """
    if not flags:
        raise UsageError("planning needs at least one full week of flags; come back next Monday")
    if min(slots_a_week, to_review, before_clinic) < 0 or not 0 <= share_to_clinic <= 1:
        raise UsageError("slots and people waiting must not be negative, and the share must lie between 0 and 1")
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
