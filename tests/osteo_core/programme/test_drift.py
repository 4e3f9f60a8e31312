"""Control charts: the recursion step by step, Siegmund's published table, self-starting z, and the promised speed."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from benchmarks.drift import simulate
from osteo_core.errors import StatisticsError
from osteo_core.programme.drift import Days, Quantity, _cusum, control_chart, cusum_limit


def days_of(values: np.ndarray, *, level: float = 100.0) -> Days:
    """(days, patients) as Days."""
    mean = values.mean(axis=1)
    return Days(
        day=tuple(date(2026, 1, 1) + timedelta(days=k) for k in range(len(values))),
        n=np.full(len(values), float(values.shape[1])),
        mean=mean,
        squares=((values - mean[:, None]) ** 2).sum(axis=1),
        level=level,
    )


def test_the_cusum_is_pages_recursion() -> None:
    steps = np.random.default_rng(1).normal(-0.1, 1, 500)
    expected, s = [], 0.0
    for step in steps:
        s = max(0.0, s + step)
        expected.append(s)
    assert _cusum(steps) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("h", "run"), [(4.0, 335.0), (5.0, 930.0)])
def test_the_limit_is_near_the_published_run_lengths(h: float, run: float) -> None:
    # k = 0.5: one-sided average run lengths 336 at h = 4 and 930 at h = 5 (Montgomery, Statistical Quality Control).
    found = cusum_limit(step=1.0, n_a_day=1.0, days_a_year=run, false_alarms_a_year=1.0)
    assert found == pytest.approx(h, abs=0.03)


def test_z_compares_each_day_with_all_earlier_patients() -> None:
    values = np.random.default_rng(2).normal(3, 10, (120, 20))
    chart = control_chart(days_of(values), Quantity.VBMD)
    assert not chart.alarms
    for day in (10, 50, 119):
        before = values[:day].ravel()
        share = 1 / 20 + 1 / len(before)
        t = (values[day].mean() - before.mean()) / (before.std(ddof=1) * np.sqrt(share))
        assert chart.baseline[day] == pytest.approx(before.mean())
        assert chart.z[day] == pytest.approx(t, rel=0.02)
    assert np.isnan(chart.z[:10]).all()
    assert np.std(chart.z[10:]) == pytest.approx(1.0, abs=0.2)


def test_a_shift_and_a_scale_of_the_quantity_change_nothing() -> None:
    values = np.random.default_rng(3).normal(0, 10, (100, 20))
    values[70:] += 12
    first = control_chart(days_of(values), Quantity.FAT)
    second = control_chart(days_of(7 * values + 1000, level=700.0), Quantity.FAT)
    assert first.z == pytest.approx(second.z, nan_ok=True)
    assert [a.day for a in first.alarms] == [a.day for a in second.alarms]
    alarm = first.alarms[0]
    assert (alarm.is_up, alarm.index >= 70) == (True, True)
    assert alarm.change == pytest.approx(12, abs=6)


def test_after_an_alarm_a_new_baseline_begins() -> None:
    values = np.random.default_rng(6).normal(0, 10, (200, 20))
    values[100:] -= 10
    chart = control_chart(days_of(values), Quantity.VBMD)
    alarm = next(alarm for alarm in chart.alarms if alarm.index >= 100)
    assert (alarm.is_up, alarm.index < 120) == (False, True)
    assert np.isnan(chart.z[alarm.index + 1 : alarm.index + 9]).all()
    assert chart.baseline[-1] == pytest.approx(-10, abs=1)


def test_too_few_or_equal_values_are_said() -> None:
    with pytest.raises(StatisticsError, match="more than 200 patients, found 40"):
        control_chart(days_of(np.ones((2, 20))), Quantity.VBMD)
    with pytest.raises(StatisticsError, match="all values are equal"):
        control_chart(days_of(np.ones((40, 20))), Quantity.VBMD)


def test_five_percent_is_found_in_two_weeks_at_under_one_false_alarm_a_year() -> None:
    found = simulate(patients_a_day=20, scanners=40, seed=5)
    assert found.found_in_two_weeks >= 0.95
    assert found.false_alarms_a_year < 1.0
    assert found.median_days < found.median_days_by_vbmd_alone
