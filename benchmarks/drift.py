"""How fast is a step of 5 % detected, and how often are there false alarms? ``python -m benchmarks.drift [--json]``.

Scanners of simulated patients: age and sex as in an abdominal CT practice, vBMD around the norm of Cheng 2021 with its
scatter of 28 mg/cm3, fat -100 HU (SD 8) and muscle 55 HU (SD 8) between patients, five days a week. After a year of
baseline the slope of HU rises by 5 % at once; vBMD, fat and muscle follow it. Two weeks are ten working days. The age
groups are those of the query ``drift_days``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from osteo_core.programme.drift import Alarm, Days, Quantity, control_chart
from osteo_core.simulate.norms import VBMD_SD_MG_CM3, mean_vbmd
from osteo_core.terms import Sex

Values = NDArray[np.float64]
WORKING_DAYS, TWO_WEEKS, STEP = 260, 10, 1.05
_MEANS = {Quantity.FAT: (-100.0, 8.0), Quantity.MUSCLE: (55.0, 8.0)}
_FIRST = date(2025, 1, 6)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Performance of the charts over many scanners, as shares and rates."""

    patients_a_day: int
    scanners: int
    false_alarms_a_year: float
    found_in_two_weeks: float
    found_in_two_weeks_by_vbmd_alone: float
    median_days: float
    median_days_by_vbmd_alone: float


def draw_days(rng: np.random.Generator, *, days: int, n: int, step_at: int | None) -> dict[Quantity, Days]:
    """One scanner's days; from ``step_at`` all HU are 5 % larger."""
    gain = np.ones((days, 1))
    if step_at is not None:
        gain[step_at:] = STEP
    ages = np.clip(np.round(rng.normal(65, 11, (days, n))), 40, 90)
    women = rng.random((days, n)) < 0.5
    norm = {sex: np.array([mean_vbmd(float(age), sex) for age in range(40, 91)]) for sex in (Sex.FEMALE, Sex.MALE)}
    place = ages.astype(int) - 40
    truth = np.where(women, norm[Sex.FEMALE][place], norm[Sex.MALE][place]) + rng.normal(0, VBMD_SD_MG_CM3, (days, n))
    measured = gain * np.maximum(truth, 5.0)
    groups = 2 * (ages // 5).astype(int) + women
    held = slice(None) if step_at is None else slice(0, step_at)
    total, count = (np.bincount(groups[held].ravel(), weights=w, minlength=40) for w in (measured[held].ravel(), None))
    off = measured - (total / np.maximum(count, 1))[groups]
    found = {Quantity.VBMD: _days(off, float(measured.mean()))}
    for quantity, (mean, sd) in _MEANS.items():
        values = gain * rng.normal(mean, sd, (days, n))
        found[quantity] = _days(values - mean, float(values.mean()))
    return found


def _days(values: Values, level: float) -> Days:
    when = tuple(_FIRST + timedelta(days=7 * (k // 5) + k % 5) for k in range(len(values)))
    mean = values.mean(axis=1)
    squares = ((values - mean[:, None]) ** 2).sum(axis=1)
    return Days(day=when, n=np.full(len(values), float(values.shape[1])), mean=mean, squares=squares, level=level)


def _after(alarms: Sequence[Alarm], step_at: int) -> float:
    """Working days from the step to the first alarm after it, including the day of the alarm."""
    return min((a.index - step_at + 1 for a in alarms if a.index >= step_at), default=np.inf)


def simulate(*, patients_a_day: int, scanners: int, seed: int = 1) -> Found:
    """``scanners`` scanners without a step for a year after their baseline year, and the same number with one."""
    rng = np.random.default_rng(seed)
    false, delays, alone = 0, [], []
    for _ in range(scanners):
        quiet = draw_days(rng, days=2 * WORKING_DAYS, n=patients_a_day, step_at=None)
        false += sum(a.index >= WORKING_DAYS for q, d in quiet.items() for a in control_chart(d, q).alarms)
        stepped = draw_days(rng, days=WORKING_DAYS + 60, n=patients_a_day, step_at=WORKING_DAYS)
        late = {q: _after(control_chart(d, q).alarms, WORKING_DAYS) for q, d in stepped.items()}
        delays.append(min(late.values()))
        alone.append(late[Quantity.VBMD])
    return Found(
        patients_a_day=patients_a_day,
        scanners=scanners,
        false_alarms_a_year=false / scanners,
        found_in_two_weeks=float(np.mean(np.array(delays) <= TWO_WEEKS)),
        found_in_two_weeks_by_vbmd_alone=float(np.mean(np.array(alone) <= TWO_WEEKS)),
        median_days=float(np.median(delays)),
        median_days_by_vbmd_alone=float(np.median(alone)),
    )


def main(given: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift")
    parser.add_argument("--scanners", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(given)
    rows = [simulate(patients_a_day=n, scanners=asked.scanners) for n in (5, 10, 20, 40, 80)]
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    print("patients a day | false alarms a scanner-year | found in 2 weeks | median days | by vBMD alone: found, days")
    for row in rows:
        print(
            f"{row.patients_a_day:14d} | {row.false_alarms_a_year:27.2f} | {row.found_in_two_weeks:16.1%} | "
            f"{row.median_days:11.0f} | {row.found_in_two_weeks_by_vbmd_alone:.1%}, {row.median_days_by_vbmd_alone:.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
