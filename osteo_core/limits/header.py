"""Limits for testing an image against its header: HU scale by calibration tissues, spacing by the size of bodies."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

_MEASURED = "benchmarks.header_lies"

SCALE_OFFSET_HU = Limit(
    value=30.0,
    unit="HU, weighted mean of air, fat, native muscle and native blood less what the beam should show",
    source=f"{_MEASURED}: simulated scans -13 to +10, eight real series -18 to 0",
    date="2026-11-29",
    beyond="to review: the rescale intercept may be wrong",
)
SCALE_GAIN = Limit(
    value=0.07,
    unit="share by which fat lies farther from air than it should, either way",
    source=f"{_MEASURED}: simulated scans within 0.03, six real series within 0.04",
    date="2026-11-29",
    beyond="to review: the rescale slope may be wrong",
)
DIAMETER_MISFIT = Limit(
    value=0.05,
    unit="share by which the width of a square image misses its reconstruction diameter, either way",
    source="DICOM PS3.3 C.8.2.1 (0018,1100); four real series agree within 0.0001",
    date="2026-11-29",
    beyond="to review: the pixel spacing may be wrong",
)
BODY_SHAPE_LOW = Limit(
    value=0.47,
    unit="height of L1-L4 over the diameter of a circle of their area",
    source=f"{_MEASURED}: simulated 0.63 to 0.70; six real series 0.58 to 0.74, so 3 SD of these away",
    date="2026-11-29",
    beyond="to review: pixel spacing or slice positions may be wrong",
)
BODY_SHAPE_HIGH = Limit(
    value=0.85,
    unit="height of L1-L4 over the diameter of a circle of their area",
    source=f"{_MEASURED}: simulated 0.63 to 0.70; six real series 0.58 to 0.74, so 3 SD of these away",
    date="2026-11-29",
    beyond="to review: pixel spacing or slice positions may be wrong",
)
LUMBAR_HEIGHT_LOW = Limit(
    value=18.0,
    unit="mm, mean posterior height of whole L1-L4 without a fracture",
    source=f"{_MEASURED}: simulated 22 to 29, six real series 24 to 29",
    date="2026-11-29",
    beyond="to review: slice positions may be wrong",
)
LUMBAR_HEIGHT_HIGH = Limit(
    value=36.0,
    unit="mm, mean posterior height of whole L1-L4 without a fracture",
    source=f"{_MEASURED}: simulated 22 to 29, six real series 24 to 29",
    date="2026-11-29",
    beyond="to review: slice positions may be wrong",
)
COMPACT_BONE_EXCESS = Limit(
    value=1.10,
    unit="times the HU of compact bone at the stated tube voltage behind 15 cm of water",
    source="NIST attenuation; eight real series 0.69 to 0.86 of it, simulated 0.39 to 0.57",
    date="2026-11-29",
    beyond="to review: the tube voltage may be lower than stated",
)
SCANNER_SERIES = Limit(
    value=20.0,
    unit="other series of the scanner at the same stated kVp and contrast phase",
    source=f"design; {_MEASURED}: 50 find a tenth more, 200 a twentieth more again",
    date="2026-11-29",
    beyond="fewer: a series is not compared with its scanner",
)
SCANNER_FALSE_ALARMS = Limit(
    value=0.003,
    unit="share of series beyond the prediction limit of their scanner, were its patients normally distributed",
    source=f"design; {_MEASURED}: 0.9 % with tails of three degrees of freedom",
    date="2026-11-29",
    beyond="to review: the tube voltage may be another one",
)
