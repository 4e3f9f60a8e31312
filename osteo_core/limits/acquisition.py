"""Limits of a series' geometry: slices, coverage, gantry tilt."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

THICKNESS_PREFERRED = Limit(
    value=3.0,
    unit="mm",
    source="project design: QCT protocols use 1-3 mm, abdominal CT up to 5 mm",
    date="2026-11-24",
    beyond="a caution",
)
THICKNESS_MAXIMUM = Limit(
    value=5.0,
    unit="mm",
    source="project design: QCT protocols use 1-3 mm, abdominal CT up to 5 mm",
    date="2026-11-24",
    beyond="excluded",
)
SERIES_TRIED = Limit(
    value=3,
    unit="series",
    source="design: another series of a study may show the spine that the preferred one misses; each costs an analysis",
    date="2026-11-30",
    beyond="not analyzed",
)
MINIMUM_SLICES = Limit(
    value=10,
    unit="slices",
    source="design: fewer cannot hold a vertebral body and its endplates",
    date="2026-11-24",
    beyond="excluded",
)
MINIMUM_COVERAGE = Limit(
    value=30.0,
    unit="mm",
    source="design: about one lumbar body with its discs",
    date="2026-11-24",
    beyond="excluded",
)
STEP_UNEVENNESS = Limit(
    value=0.1,
    unit="of the median step",
    source="design",
    date="2026-11-24",
    beyond="excluded as uneven",
)
GANTRY_TILT_IGNORED = Limit(
    value=0.5,
    unit="degrees",
    source="design",
    date="2026-11-24",
    beyond="corrected by resampling, with a caution",
)
GANTRY_TILT_MAXIMUM = Limit(
    value=30.0,
    unit="degrees",
    source="design: CT gantries tilt to 30 degrees",
    date="2026-11-24",
    beyond="excluded",
)
KVP_TOLERANCE = Limit(
    value=0.5,
    unit="kV",
    source="design: headers give tube voltages as whole numbers, some with a rounding tail",
    date="2026-11-24",
    beyond="another tube voltage: the calibration line does not apply",
)
