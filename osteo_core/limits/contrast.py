"""Limits of the contrast phase, measured in aorta, vena cava and kidney."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

ENHANCED_BLOOD_HU = Limit(
    value=90.0,
    unit="HU",
    source="design: native blood lies at 35-65 HU",
    date="2026-11-24",
    beyond="blood or kidney as bright as this: enhanced",
)
NATIVE_BLOOD_LOW_HU = Limit(
    value=32.0,
    unit="HU",
    source="design: native blood lies at 35-65 HU, in anaemia less; below lie bowel and muscle beside fat",
    date="2026-11-30",
    beyond="below: what was taken for the aorta shows no phase, not a native one",
)
NATIVE_BLOOD_HIGH_HU = Limit(
    value=70.0,
    unit="HU",
    source="design: native blood lies at 35-65 HU, 57 at most in simulated scans; cava 74 to 83 in a real enhanced one",
    date="2026-11-30",
    beyond="aorta or cava above, though not enhanced for certain: no phase is named",
)
BLOOD_BELOW_MUSCLE_HU = Limit(
    value=20.0,
    unit="HU",
    source="design: native blood lies up to 12 HU below muscle in simulated scans, 8 in a real one; anaemia adds to it",
    date="2026-11-30",
    beyond="what was taken for the aorta lies farther below muscle: it shows no phase",
)
ARTERIAL_BLOOD_HU = Limit(
    value=230.0,
    unit="HU",
    source="design: between the aorta of an arterial and of a portal venous phase",
    date="2026-11-24",
    beyond="aorta as bright as this where no cava is seen: arterial",
)
PORTAL_BLOOD_HU = Limit(
    value=95.0,
    unit="HU",
    source="design: 113 HU in the weakest simulated portal venous scan; delayed scans are recognized by ratios",
    date="2026-11-25",
    beyond="below: arterial or portal venous is not named; enhanced, phase unknown",
)
PORTAL_RATIO = Limit(
    value=0.65,
    unit="enhancement of cava over aorta",
    source="design: nearly alike in the portal venous phase, at every tube voltage",
    date="2026-11-24",
    beyond="below: not portal venous; below two thirds of it arterial",
)
DELAYED_BLOOD_HU = Limit(
    value=70.0,
    unit="HU",
    source="design: blood minutes after the injection is weakly enhanced while the kidneys still are",
    date="2026-11-25",
    beyond="below, beside an enhanced kidney: enhanced, phase unknown",
)
DELAYED_RATIO = Limit(
    value=1.7,
    unit="enhancement of kidney over aorta",
    source="design: 0.9 to 1.6 portal venous in simulated scans; blood falls faster than the kidneys do",
    date="2026-11-25",
    beyond="at or above, where the cava is as enhanced as the aorta: delayed",
)
