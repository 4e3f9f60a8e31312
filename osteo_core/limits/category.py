"""Limits of the categories, and of who is given one."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

OSTEOPOROSIS_BELOW = Limit(
    value=80.0,
    unit="mg/cm³",
    source="ACR practice parameter / ISCD; Chinese radiological guideline 2018",
    date="2018",
    beyond="category osteoporosis",
)
OSTEOPOROSIS_BELOW_EAST_ASIAN_WOMEN = Limit(
    value=50.0,
    unit="mg/cm³",
    source="Wang 2024, Skeletal Radiol 53:1473: 45-50 for older East Asian women",
    date="2024",
    beyond="not used unless osteoporosis_below_mg_cm3 is set to it",
)
NORMAL_ABOVE = Limit(
    value=120.0,
    unit="mg/cm³",
    source="ACR practice parameter / ISCD; Chinese radiological guideline 2018",
    date="2018",
    beyond="category normal; from 80 to 120, both ends included, low bone mass",
)
HA_OVER_K2HPO4 = Limit(
    value=1.065,
    unit="reading of a phantom of hydroxyapatite over that of QCT Pro, same HU",
    source="beam table: 1.005 (80 kVp, 16 cm of water) to 1.063 (140 kVp, 40 cm); 1.042 at 120 kVp, 28 cm",
    date="2026-11-30",
    beyond="a value in HA above a limit by less than this may lie below it in K2HPO4: a review reason",
)
CATEGORY_AGE_FROM = Limit(
    value=50.0,
    unit="years",
    source="ACR / ISCD: postmenopausal women and men from 50",
    date="2019",
    beyond="below: no category, a caution instead",
)
ADULT_AGE_FROM = Limit(
    value=18.0,
    unit="years",
    source="design: growth plates and paediatric vBMD have other norms",
    date="2026-11-24",
    beyond="excluded",
)
LOW_FOR_AGE_Z = Limit(
    value=-2.0,
    unit="SD",
    source="ISCD 2019: at or below -2.0 is below the expected range for age",
    date="2019",
    beyond="a review reason in those too young for a category",
)
MINIMUM_LEVELS = Limit(
    value=2,
    unit="levels",
    source="ACR / ISCD: mean of two lumbar bodies",
    date="2019",
    beyond="fewer: not reportable",
)
