"""Limits beyond which values are not HU, or HU are shifted: air, fat, soft tissue."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

DARKEST_HU = Limit(
    value=-40.0,
    unit="HU",
    source="design: every trunk holds fat (-60 and below) in more than a hundredth of its volume",
    date="2026-11-24",
    beyond="excluded: the values are not HU",
)
AIR_HU_LOW = Limit(
    value=-1030.0,
    unit="HU",
    source="design: air is -1000 HU by definition",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
AIR_HU_HIGH = Limit(
    value=-940.0,
    unit="HU",
    source="design: scatter near the skin raises air",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
FAT_HU_LOW = Limit(
    value=-130.0,
    unit="HU",
    source="adipose tissue by NIST attenuation: -90 at 80 kVp to -68 at 140 kVp, and scanners beyond",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
FAT_HU_HIGH = Limit(
    value=-60.0,
    unit="HU",
    source="adipose tissue by NIST attenuation: -90 at 80 kVp to -68 at 140 kVp, and scanners beyond",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
SOFT_TISSUE_HU_LOW = Limit(
    value=-20.0,
    unit="HU",
    source="design: water is 0 HU by definition; muscle 50-65, organs 30-60, fatty muscle of old age below",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
SOFT_TISSUE_HU_HIGH = Limit(
    value=120.0,
    unit="HU",
    source="design: enhanced liver and spleen reach about 120",
    date="2026-11-24",
    beyond="a caution: HU may be shifted",
)
