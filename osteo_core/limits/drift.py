"""Limits of the drift charts of a scanner."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

DRIFT_STEP = Limit(
    value=0.05,
    unit="of the quantity's mean",
    source="design: as much as scanners differ from each other (RMS-CV 4.9 %)",
    date="2026-11-25",
    beyond="the step in slope that the drift charts are tuned to find",
)
DRIFT_FALSE_ALARMS = Limit(
    value=0.8,
    unit="false alarms a scanner-year, all charts together",
    source="design: under one a scanner-year",
    date="2026-11-25",
    beyond="sets the limits of the drift charts",
)
DRIFT_WARM_UP = Limit(
    value=200,
    unit="patients of one scanner",
    source="design: the baseline's mean is then known to 7 % of one patient's SD",
    date="2026-11-25",
    beyond="fewer before a day: it is not judged",
)
