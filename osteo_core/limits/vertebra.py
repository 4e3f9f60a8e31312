"""Limits of a vertebra's mask: confidence, height, holes, fit on bone."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

LEVEL_CONFIDENCE = Limit(
    value=0.5,
    unit="probability",
    source="design: below one half a level is more likely wrong than right",
    date="2026-11-24",
    beyond="below: level excluded and marked for review",
)
BODY_HEIGHT_MINIMUM = Limit(
    value=5.0,
    unit="mm",
    source="design: a vertebra plana keeps 5-10 mm; less is a torn outline",
    date="2026-11-25",
    beyond="lower: level excluded and not graded, the outline is torn",
)
BODY_HEIGHT_MAXIMUM = Limit(
    value=40.0,
    unit="mm",
    source="design: lumbar bodies are 24-34 mm high; more is two bodies in one outline",
    date="2026-11-24",
    beyond="level excluded",
)
MASK_HOLES = Limit(
    value=0.1,
    unit="share of a vertebra",
    source="reference masks of 9 real CT, also at 2 to 4 mm: 0.00-0.03; with every fourth slice missing 0.11-0.22",
    date="2026-11-30",
    beyond="above: mask from elsewhere refused",
)
MASK_ON_BONE = Limit(
    value=0.7,
    unit="probability",
    source="four real series: masks in place 0.78-0.91, mirrored 0.50-0.71, 10 mm off 0.54-0.75",
    date="2026-11-25",
    beyond="below: mask from elsewhere refused",
)
OUTLINED_BONE_HU = Limit(
    value=150.0,
    unit="HU, 95th percentile of all that is outlined",
    source="design: 490 and more in 21 bodies of four real scans; 120 in a water phantom around a rod of 120 HU",
    date="2026-11-30",
    beyond="below, if no level is sure: what is outlined is no vertebra",
)
