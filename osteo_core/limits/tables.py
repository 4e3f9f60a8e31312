"""Plausible ranges of values in user-supplied tables: calibration lines, phantom rods, tube voltages, QCT values."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

TUBE_VOLTAGE_LOW = Limit(
    value=60.0,
    unit="kV",
    source="CT tubes run from 70 kV (Siemens, Canon: 70 to 150), 10 kV to spare",
    date="2026-11-28",
    beyond="below: the row of a table is refused, and a header says no voltage",
)
TUBE_VOLTAGE_HIGH = Limit(
    value=160.0,
    unit="kV",
    source="CT tubes run to 150 kV, 10 kV to spare",
    date="2026-11-28",
    beyond="above: the row of a table is refused, and a header says no voltage",
)
LINE_SLOPE_LOW = Limit(
    value=0.4,
    unit="mg/cm³ per HU",
    source="design: 0.58 by physics at 80 kVp in a thin body, less by a regression on noisy HU",
    date="2026-11-30",
    beyond="below: no calibration line, as of densities in g/cm³",
)
LINE_SLOPE_HIGH = Limit(
    value=1.15,
    unit="mg/cm³ per HU",
    source="design: 1.0 by physics at 140 kVp in a thick body; up to 120 kVp, HU per mg/cm³ is 1.16 and more",
    date="2026-11-30",
    beyond="above: no calibration line, as with HU and density exchanged",
)
LINE_INTERCEPT = Limit(
    value=150.0,
    unit="mg/cm³",
    source="design: published lines lie within 20; water is no bone",
    date="2026-11-28",
    beyond="farther from 0: no calibration line, as with stored values in place of HU",
)
LINE_RESIDUAL_LOW = Limit(
    value=0.1,
    unit="mg/cm³",
    source="design: no fit is better than the noise of a mean HU",
    date="2026-11-28",
    beyond="below: the row of a calibration table is refused",
)
LINE_RESIDUAL_HIGH = Limit(
    value=100.0,
    unit="mg/cm³",
    source="design: as wide as the range of patients, a line says nothing",
    date="2026-11-28",
    beyond="above: the row of a calibration table is refused",
)
ROD_DENSITY_LOW = Limit(
    value=-200.0,
    unit="mg/cm³",
    source="design: QCT Pro Model 3 has -51.8, fat equivalents about -100",
    date="2026-11-28",
    beyond="below: the row of a phantom table is refused",
)
ROD_DENSITY_HIGH = Limit(
    value=1500.0,
    unit="mg/cm³",
    source="design: compact bone holds 1200",
    date="2026-11-28",
    beyond="above: the row of a phantom table is refused",
)
ROD_WATER_LOW = Limit(
    value=500.0,
    unit="mg/cm³",
    source="design: water equivalents lie about 1000",
    date="2026-11-28",
    beyond="below: the row of a phantom table is refused",
)
ROD_WATER_HIGH = Limit(
    value=1500.0,
    unit="mg/cm³",
    source="design: water equivalents lie about 1000",
    date="2026-11-28",
    beyond="above: the row of a phantom table is refused",
)
ROD_HU_LOW = Limit(
    value=-300.0,
    unit="HU",
    source="design: fat equivalents at 80 kVp read -150",
    date="2026-11-28",
    beyond="below: the row of a phantom table is refused",
)
ROD_HU_HIGH = Limit(
    value=3071.0,
    unit="HU",
    source="the highest HU of 12 bits",
    date="2026-11-28",
    beyond="above: the row of a phantom table is refused",
)
WATER_PATH_MOST = Limit(
    value=70.0,
    unit="cm",
    source="the opening of CT scanners, 70 to 82 cm",
    date="2026-11-28",
    beyond="above: the row of a phantom table is refused",
)
QCT_LOW = Limit(
    value=-50.0,
    unit="mg/cm³",
    source="design: fatty marrow with hardly any bone reads below 0 in QCT, pure fat about -80",
    date="2026-11-28",
    beyond="below: the row of a QCT table is refused",
)
QCT_HIGH = Limit(
    value=500.0,
    unit="mg/cm³",
    source="design: twice the mean of the young; sclerosis reaches it",
    date="2026-11-28",
    beyond="above: the row of a QCT table is refused",
)
SCORE_LOW = Limit(
    value=-6.0,
    unit="mg/cm³",
    source="design: the lowest T-scores that are reported; no mean vBMD of a patient is so near to 0",
    date="2026-11-28",
    beyond="from here to the upper one, a vBMD of a QCT table is taken for a T-score and refused",
)
SCORE_HIGH = Limit(
    value=4.0,
    unit="mg/cm³",
    source="design: the highest T-scores that are reported; densities in g/cm³ lie below 1",
    date="2026-11-28",
    beyond="from the lower one to here, a vBMD of a QCT table is taken for a T-score and refused",
)
