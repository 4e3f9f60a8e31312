"""Limits of tissues in plain CT at the stated tube voltage; beyond them it is a spectral image or a material map."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

COMPACT_BONE_HU = Limit(
    value=1130.0,
    unit="HU at 120 kVp",
    source="brightest 0.1 ml round each vertebra in eight real series at 120 and 140 kVp: 1010 to 1248, mean 1156",
    date="2026-11-29",
    beyond="the middle of what is expected; other tube voltages by the attenuation of hydroxyapatite",
)
BONE_LOW = Limit(
    value=0.70,
    unit="share of the expected compact bone",
    source="design: eight real series reach from 0.89 to 1.10; virtual non-contrast halves calcium, 140 keV: 0.69",
    date="2026-11-29",
    beyond="below: a caution and a review reason",
)
BONE_HIGH = Limit(
    value=1.30,
    unit="share of the expected compact bone",
    source="design: eight real series reach from 0.89 to 1.10; 60 keV gives 1.4, 50 keV 1.9, 40 keV 2.7",
    date="2026-11-29",
    beyond="above: a caution and a review reason",
)
BONE_MOST = Limit(
    value=1.50,
    unit="share of the expected compact bone",
    source="design: vBMD would be off by as much",
    date="2026-11-29",
    beyond="above: no vBMD but by a phantom in the scan",
)
FAT_BELOW = Limit(
    value=35.0,
    unit="HU below fat by physics at this tube voltage",
    source="design: ten real series lie from 22 below to 5 above; 50 keV is 39 below 120 kVp, 40 keV 79",
    date="2026-11-29",
    beyond="a caution and a review reason",
)
FAT_ABOVE = Limit(
    value=30.0,
    unit="HU above fat by physics at this tube voltage",
    source="design: ten real series lie from 22 below to 5 above; a map of iodine or electrons shows fat near 0",
    date="2026-11-29",
    beyond="a caution and a review reason",
)
FAT_FAR = Limit(
    value=60.0,
    unit="HU from fat by physics at this tube voltage",
    source="design: no plain CT from 70 to 150 kVp, and no HU of which a line for one holds",
    date="2026-11-29",
    beyond="no vBMD but by a phantom in the scan",
)
NATIVE_MUSCLE_LOW = Limit(
    value=5.0,
    unit="HU",
    source="design: modes of 33 to 54 HU in eight real series, less with fat between the fibres; water maps show 0",
    date="2026-11-29",
    beyond="below: a caution and a review reason",
)
