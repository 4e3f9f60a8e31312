"""Scanner drift from patient data: control charts over the days of one scanner.

Each day's mean is compared with all earlier days of the same scanner, so no prior values are needed
(self-starting, D. M. Hawkins, Technometrics 1987;29:393). A Shewhart limit detects a large jump, a two-sided CUSUM
(E. S. Page, Biometrika 1954;41:100) a small sustained one; it is tuned to a step of 5 % in slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

from osteo_core.errors import StatisticsError
from osteo_core.limits.drift import DRIFT_FALSE_ALARMS, DRIFT_STEP, DRIFT_WARM_UP

Values = NDArray[np.float64]
_DAYS_A_YEAR = 365.25
#: Patients are compared within sex and age groups this wide; a group needs this many patients for a mean.
GROUP_YEARS, MINIMUM_GROUP = 5, 5
#: Share of each chart's false alarms assigned to the Shewhart limit; the rest goes to the CUSUM.
_SHEWHART_SHARE = 0.2
#: Siegmund's correction for the overshoot of a step of unit variance (Sequential Analysis, 1985): 2 x 0.583.
_OVERSHOOT = 1.166


class Quantity(StrEnum):
    """The monitored quantity; SHARES divides a scanner's false alarms among the charts."""

    VBMD = "vBMD, age-adjusted"
    FAT = "fat HU"
    MUSCLE = "muscle HU"


SHARES: dict[Quantity, float] = {Quantity.VBMD: 0.6, Quantity.FAT: 0.2, Quantity.MUSCLE: 0.2}


@dataclass(frozen=True, kw_only=True)
class Days:
    """Days with patients on one scanner, in order: date, n, mean, sum of squares about the day's mean (all (d,)).

    ``level`` is the size of the quantity; the step to detect is 5 % of it.
    """

    day: tuple[date, ...]
    n: Values
    mean: Values
    squares: Values
    level: float


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """The day a limit was crossed, the rule, the direction and the size of the change.

    ``change`` is the mean since the CUSUM was last 0 (Shewhart: of that day) minus the mean before.
    """

    index: int
    day: date
    rule: str
    is_up: bool
    change: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A control chart: arrays (d,), NaN while the baseline is built. CUSUMs in SD x patients."""

    days: Days
    z: Values
    high: Values
    low: Values
    baseline: Values
    shewhart_limit: float
    cusum_limit: float
    alarms: tuple[Alarm, ...]


def cusum_limit(*, step: float, n_a_day: float, days_a_year: float, false_alarms_a_year: float) -> float:
    """The limit h that a one-sided CUSUM with k = step/2 crosses by chance at the given rate.

    ARL = (exp(2 k' b) - 2 k' b - 1) / (2 k'^2), b = h' + 1.166, with k' = k sqrt(n), h' = h / sqrt(n) for days of
    n patients (Siegmund 1985). ``step`` in SD of one patient; h in SD x patients.
    """
    from scipy.optimize import brentq  # slow to load, and every command loads this module

    k = step / 2 * math.sqrt(n_a_day)
    wanted = days_a_year / false_alarms_a_year

    def beyond(b: float) -> float:
        return (math.exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k) - wanted

    high = 1.0
    while beyond(high) < 0:
        high *= 2
    b = float(brentq(beyond, 0.0, high))
    return max(b - _OVERSHOOT, 0.5) * math.sqrt(n_a_day)


def control_chart(days: Days, quantity: Quantity) -> Chart:
    """The chart of one scanner; after an alarm a new baseline begins on the next day.

    Raises StatisticsError if no day is preceded by DRIFT_WARM_UP patients, or if nothing varies.
    """
    if len(days.day) < 2 or float(days.n.sum()) <= DRIFT_WARM_UP.value:
        raise StatisticsError(
            f"a baseline needs more than {DRIFT_WARM_UP.value:g} patients, found {int(days.n.sum()):,}"
        )
    limits = _limits(days, quantity)
    size = len(days.day)
    z, high, low, baseline = (np.full(size, np.nan) for _ in range(4))
    alarms: list[Alarm] = []
    start = 0
    while start < size:
        part = _from(days, start, limits)
        stop = size if part.alarm is None else part.alarm.index + 1
        for whole, piece in ((z, part.z), (high, part.high), (low, part.low), (baseline, part.baseline)):
            whole[start:stop] = piece[: stop - start]
        if part.alarm is not None:
            alarms.append(part.alarm)
        start = stop
    if np.isnan(z).all():
        raise StatisticsError("all values are equal; there is no variation to judge a change by")
    return Chart(
        days=days,
        z=z,
        high=high,
        low=low,
        baseline=baseline,
        shewhart_limit=limits.shewhart,
        cusum_limit=limits.cusum,
        alarms=tuple(alarms),
    )


@dataclass(frozen=True, kw_only=True)
class _Limits:
    step: float
    shewhart: float
    cusum: float


@dataclass(frozen=True, kw_only=True)
class _Part:
    z: Values
    high: Values
    low: Values
    baseline: Values
    alarm: Alarm | None


def _limits(days: Days, quantity: Quantity) -> _Limits:
    """Step in SD of one patient (SD within days, unaffected by drift), and limits for the false-alarm rate."""
    free = float(np.maximum(days.n - 1, 0).sum())
    variance = float(days.squares.sum()) / free if free else 0.0
    sd = math.sqrt(variance) if variance > 0 else math.sqrt(float(np.var(days.mean)))
    if sd <= 0 or not np.isfinite(days.level) or days.level == 0:
        raise StatisticsError("all values are equal; there is no variation to judge a change by")
    step = DRIFT_STEP.value * abs(days.level) / sd
    span = max((days.day[-1] - days.day[0]).days + 1, 1)
    days_a_year = len(days.day) * _DAYS_A_YEAR / span
    budget = DRIFT_FALSE_ALARMS.value * SHARES[quantity]
    shewhart = -float(special.ndtri(_SHEWHART_SHARE * budget / days_a_year / 2))
    cusum = cusum_limit(
        step=step,
        n_a_day=float(days.n.mean()),
        days_a_year=days_a_year,
        false_alarms_a_year=(1 - _SHEWHART_SHARE) * budget / 2,
    )
    return _Limits(step=step, shewhart=shewhart, cusum=cusum)


def _from(days: Days, start: int, limits: _Limits) -> _Part:
    """z, CUSUMs and the first alarm when the baseline begins at ``start``."""
    n, mean, squares = days.n[start:], days.mean[start:], days.squares[start:]
    centre = float(mean[0])  # centring preserves precision of the sums of squares
    off = mean - centre
    before_n = np.cumsum(n) - n
    with np.errstate(invalid="ignore", divide="ignore"):
        before = (np.cumsum(n * off) - n * off) / before_n
        spread = np.cumsum(squares + n * off**2) - (squares + n * off**2) - before_n * before**2
        sd = np.sqrt(spread / (before_n - 1))
        share = 1 / n + 1 / before_n
        t = (off - before) / (sd * np.sqrt(share))
    known = (before_n >= DRIFT_WARM_UP.value) & (sd > 0)
    z = np.where(known, -np.sign(t) * special.ndtri(special.stdtr(np.maximum(before_n - 1, 1), -np.abs(t))), np.nan)
    weight = np.sqrt(1 / np.where(known, share, np.inf))
    pull = weight**2 * limits.step / 2
    high = _cusum(np.where(known, weight * z - pull, 0.0))
    low = _cusum(np.where(known, -weight * z - pull, 0.0))
    alarm = _first(days, start, limits, known=known, z=z, high=high, low=low)
    blank = np.where(known, 0.0, np.nan)
    return _Part(z=z, high=high + blank, low=low + blank, baseline=before + centre + blank, alarm=alarm)


def _cusum(steps: Values) -> Values:
    """S(d) = max(0, S(d-1) + step(d)), computed as the walk minus its running minimum, 0 included."""
    walk = np.cumsum(steps)
    lowest: Values = np.minimum(np.minimum.accumulate(walk), 0.0)
    return walk - lowest


def _first(
    days: Days, start: int, limits: _Limits, *, known: NDArray[np.bool_], z: Values, high: Values, low: Values
) -> Alarm | None:
    jump = known & (np.abs(np.nan_to_num(z)) > limits.shewhart)
    rise, fall = high > limits.cusum, low > limits.cusum
    found = np.flatnonzero(jump | rise | fall)
    if not len(found):
        return None
    at = int(found[0])
    is_up = bool(z[at] > 0) if jump[at] else bool(rise[at])
    side = high if is_up else low
    zeros = np.flatnonzero(side[: at + 1] == 0)
    since = at if jump[at] else (int(zeros[-1]) + 1 if len(zeros) else 0)
    n, mean = days.n[start:], days.mean[start:]
    before = float(np.average(mean[:since], weights=n[:since])) if since else float("nan")
    change = float(np.average(mean[since : at + 1], weights=n[since : at + 1])) - before
    rule = "Shewhart" if jump[at] else "CUSUM"
    return Alarm(index=start + at, day=days.day[start + at], rule=rule, is_up=is_up, change=change)
