"""Precision: how far two measurements of unchanged bone lie apart, and so which change is significant."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

_STUDY = "automated vBMD of 121 patients, Eur Radiol Exp 2024, doi 10.1186/s41747-024-00483-9"

PRECISION_SAME = Limit(
    value=4.7,
    unit="% (RMS-CV)",
    source=f"123 pairs of sessions: {_STUDY}",
    date="2024",
    beyond="2.77 times as much is the least significant change on one scanner under one protocol",
)
PRECISION_OTHER = Limit(
    value=5.9,
    unit="% (RMS-CV)",
    source=f"20 pairs that differ in session, scanner, kernel and phase: {_STUDY}",
    date="2024",
    beyond="the same where scanner, calibration, tube voltage, kernel or contrast differ, if the intervals say no more",
)
PRECISION_LEAST = Limit(
    value=2.1,
    unit="mg/cm³ (SD)",
    source=f"RMSE 3.0 between two kernels of one scan, over the square root of 2: {_STUDY}",
    date="2024",
    beyond="below: precision in percent of a low vBMD, not taken smaller than this",
)
SIGNIFICANT_FACTOR = Limit(
    value=2.77,
    unit="precision errors",
    source="1.96 times the square root of 2, for 95 % (ISCD 2019; Glueer 1995)",
    date="2019",
    beyond="a difference is a change",
)
PRECISION_FREEDOM = Limit(
    value=30.0,
    unit="degrees of freedom",
    source="ISCD 2019: 30 patients measured twice, or 15 three times",
    date="2019",
    beyond="fewer: a site's own precision study is refused",
)
PRECISION_SD_MOST = Limit(
    value=30.0,
    unit="mg/cm³",
    source="design: six times the published SD at 100 mg/cm³",
    date="2026-11-29",
    beyond="above: the row of a precision table is refused",
)
PRECISION_CV_MOST = Limit(
    value=30.0,
    unit="%",
    source="design: six times the published RMS-CV",
    date="2026-11-29",
    beyond="above: the row of a precision table is refused",
)
PRECISION_MEASUREMENTS_MOST = Limit(
    value=10000.0,
    unit="patients",
    source="design: no precision study is larger",
    date="2026-11-29",
    beyond="above: the row of a precision table is refused",
)
LEVELS_COMPARED = Limit(
    value=2,
    unit="levels that count in both studies",
    source="as for a category: one vertebra alone is not reported (ACR, ISCD 2019)",
    date="2019",
    beyond="fewer: the mean is not compared",
)
