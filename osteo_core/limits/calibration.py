"""Limits of calibration: calibration tissues, effective energy, phantom lines, the network's tube voltages."""

from __future__ import annotations

from osteo_core.limits.hounsfield import AIR_HU_HIGH, AIR_HU_LOW, FAT_HU_HIGH, FAT_HU_LOW
from osteo_core.limits.limit import Limit

MUSCLE_HU_LOW = Limit(
    value=15.0,
    unit="HU",
    source="design: mode of paravertebral muscle 45-65, with fat between its fibres in old age less",
    date="2026-11-25",
    beyond="not used as a calibration tissue",
)
MUSCLE_HU_HIGH = Limit(
    value=90.0,
    unit="HU",
    source="design: muscle rises by 5-20 HU with contrast",
    date="2026-11-25",
    beyond="not used as a calibration tissue",
)
BLOOD_HU_LOW = Limit(
    value=20.0,
    unit="HU",
    source="design: native blood 35-55, about 1 HU less for each point of haematocrit lost",
    date="2026-11-25",
    beyond="not used as a calibration tissue",
)
BLOOD_HU_HIGH = Limit(
    value=75.0,
    unit="HU",
    source="design: above lies contrast",
    date="2026-11-25",
    beyond="not used as a calibration tissue",
)
CORTICAL_HU_LOW = Limit(
    value=700.0,
    unit="HU",
    source="design: compact bone is 1300-1950 HU by NIST attenuation; thin cortex is mixed with what lies beside it",
    date="2026-11-25",
    beyond="not used as a calibration tissue",
)
CORTICAL_HU_HIGH = Limit(
    value=2000.0,
    unit="HU",
    source="compact bone at 80 kVp by NIST attenuation: 1931 HU",
    date="2026-11-25",
    beyond="not used as a calibration tissue: metal",
)
ENERGY_R2 = Limit(
    value=0.99,
    unit="R2 of mass attenuation on HU",
    source="design after Michalski 2020",
    date="2026-11-25",
    beyond="below: no calibration by effective energy",
)
ENERGY_LOW = Limit(
    value=60.0,
    unit="keV",
    source="design after Michalski 2020",
    date="2026-11-25",
    beyond="below: no calibration by effective energy",
)
ENERGY_HIGH = Limit(
    value=110.0,
    unit="keV",
    source="design after Michalski 2020",
    date="2026-11-25",
    beyond="above: no calibration by effective energy",
)
TWO_TISSUE_GAP = Limit(
    value=100.0,
    unit="HU between fat and muscle",
    source="design: the gap is 130-165 HU at 80 to 140 kVp",
    date="2026-11-25",
    beyond="smaller: no calibration by muscle and fat",
)
PHANTOM_R2 = Limit(
    value=0.99,
    unit="R2 of HU on density",
    source="design: published phantoms fit with R2 0.99 and better (Skornitzke 2022)",
    date="2026-11-25",
    beyond="below: the phantom scan gives no line",
)
PHANTOM_RODS = Limit(
    value=3,
    unit="different densities",
    source="design: two points cannot show how well a line fits",
    date="2026-11-25",
    beyond="fewer: the phantom scan gives no line",
)
PHANTOM_VALIDITY = Limit(
    value=365,
    unit="days",
    source="design: scanners drift by 0.55 to 2.29 HU a year (Loeffler 2019)",
    date="2026-11-25",
    beyond="the line does not cover a later scan",
)
GENERAL_LINE_SD = Limit(
    value=8.0,
    unit="mg/cm³ (SD)",
    source="8.8 whole against QCT with its phantom in 114 clinical scans (Bartenschlager 2023, JBMR; 7.8 to 8.0 % in "
    "Kaesmacher 2017, 9.2 % for another scanner's line in Skornitzke 2022), less the 3.7 that filter and shift explain",
    date="2023",
    beyond="part of every line that rests neither on a phantom nor on QCT pairs of this scanner",
)
REGRESSION_KVP_LEAST = Limit(
    value=80.0,
    unit="kVp",
    source="design: the lowest tube voltage of the simulated scanners that the network was trained on",
    date="2026-11-25",
    beyond="the network reads no vBMD",
)
REGRESSION_KVP_MOST = Limit(
    value=140.0,
    unit="kVp",
    source="design: the highest tube voltage of the simulated scanners that the network was trained on",
    date="2026-11-25",
    beyond="the network reads no vBMD",
)

#: Plausible HU of each calibration tissue: lowest and highest. A tissue that is not listed has no limits.
TISSUE_LIMITS: dict[str, tuple[Limit, Limit]] = {
    "air": (AIR_HU_LOW, AIR_HU_HIGH),
    "fat": (FAT_HU_LOW, FAT_HU_HIGH),
    "deep fat": (FAT_HU_LOW, FAT_HU_HIGH),
    "muscle": (MUSCLE_HU_LOW, MUSCLE_HU_HIGH),
    "blood": (BLOOD_HU_LOW, BLOOD_HU_HIGH),
    "cortical": (CORTICAL_HU_LOW, CORTICAL_HU_HIGH),
}
IN_SCAN_PLACE_SD = Limit(
    value=2.3,
    unit="HU (SD)",
    source="water's uniformity is accepted within 4 HU (IEC 61223-3-5): 4/sqrt(3) between vertebra and rods",
    date="2026-11-29",
    beyond="part of every line from a phantom in the scan",
)
PAIRS_LEAST = Limit(
    value=20,
    unit="patients",
    source="design: the slope of 20 patients over 60 mg/cm³ with a scatter of 5 is known to 6 %",
    date="2026-11-29",
    beyond="fewer: no line is made from QCT pairs",
)
PAIRS_RANGE = Limit(
    value=60.0,
    unit="mg/cm³, highest less lowest QCT value",
    source="design: from osteoporosis (80) to normal (120) and beyond on both sides",
    date="2026-11-29",
    beyond="narrower: no line is made from QCT pairs",
)
PAIRS_ERROR_RATIO = Limit(
    value=0.64,
    unit="(mg/cm³)^2 per HU^2",
    source="regions placed anew move both alike, RMSE 3.0 mg/cm³ (Eur Radiol Exp 2024): 0.8 mg/cm³ per HU, squared",
    date="2024",
    beyond="variance of QCT's error over that of the HU, in the line through QCT pairs",
)
PAIRS_VALIDITY = Limit(
    value=365,
    unit="days",
    source="design: as a phantom scan, which covers a year",
    date="2026-11-29",
    beyond="a line from QCT pairs does not cover a later scan",
)
