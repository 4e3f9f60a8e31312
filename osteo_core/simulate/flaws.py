"""Errors of a scanner's images that no calibration of this project knows.

The simulator must not share its assumptions with the methods that it tests: spectra differ from the nominal tube
voltage, beam hardening and scatter are never fully corrected, the patient lies off the centre of the bowtie filter
and the scale drifts. The demo's scanners draw from ORDINARY, those of the benchmarks from UNSEEN, which is wider and
shifted. Crops for the regression draw from VARIED, about as wide but not shifted. The sizes are plausible: water's
uniformity is accepted within 4-5 HU (IEC 61223-3-5), a table 4 cm too low changes HU by a few units (Toth 2007).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteo_core.simulate.shapes import Array

_DAYS_A_YEAR = 365.25
_USUAL_TRUNK_MM = 340.0


@dataclass(frozen=True, kw_only=True)
class Flaws:
    """One scan's departures from the ideal scanner; all zero for a perfect one.

    ``kvp_shift``: effective minus nominal tube voltage; ``cupping_hu``: HU in the middle of a 340 mm trunk minus those
    at its rim, growing with the square of its diameter; ``scatter``: share of the contrast with water lost for each
    100 mm of trunk beyond 340; ``slope_hu_per_cm``: rise from front to back in a patient off centre; ``drift_hu``:
    shift of the scale on the day of the scan.
    """

    kvp_shift: float = 0.0
    cupping_hu: float = 0.0
    scatter: float = 0.0
    slope_hu_per_cm: float = 0.0
    drift_hu: float = 0.0


PERFECT = Flaws()


@dataclass(frozen=True, kw_only=True)
class FlawRange:
    """Mean and SD from which each flaw is drawn; ``drift_hu_a_year`` belongs to the scanner."""

    kvp_shift: tuple[float, float]
    cupping_hu: tuple[float, float]
    scatter: tuple[float, float]
    slope_hu_per_cm: tuple[float, float]
    drift_hu_a_year: tuple[float, float]


ORDINARY = FlawRange(
    kvp_shift=(0.0, 0.8),
    cupping_hu=(-0.5, 1.0),
    scatter=(0.004, 0.003),
    slope_hu_per_cm=(0.0, 0.08),
    drift_hu_a_year=(0.0, 0.6),
)
UNSEEN = FlawRange(
    kvp_shift=(0.8, 1.6),
    cupping_hu=(-1.5, 2.0),
    scatter=(0.01, 0.008),
    slope_hu_per_cm=(0.05, 0.18),
    drift_hu_a_year=(0.5, 1.2),
)
VARIED = FlawRange(
    kvp_shift=(0.0, 1.8),
    cupping_hu=(-0.5, 2.2),
    scatter=(0.006, 0.008),
    slope_hu_per_cm=(0.0, 0.18),
    drift_hu_a_year=(0.0, 1.3),
)


def draw_flaws(scanner: np.random.Generator, scan: np.random.Generator, drawn: FlawRange, *, day: int) -> Flaws:
    """Flaws of one scan: spectrum, cupping, scatter and drift belong to the scanner, the slope to the scan."""
    kvp_shift, cupping, scatter, drift = (
        float(scanner.normal(*one)) for one in (drawn.kvp_shift, drawn.cupping_hu, drawn.scatter, drawn.drift_hu_a_year)
    )
    return Flaws(
        kvp_shift=kvp_shift,
        cupping_hu=cupping,
        scatter=max(scatter, 0.0),
        slope_hu_per_cm=float(scan.normal(*drawn.slope_hu_per_cm)),
        drift_hu=drift * day / _DAYS_A_YEAR,
    )


def contrast_kept(flaws: Flaws, trunk_mm: float) -> float:
    """Factor of the contrast with water that remains after scatter in a trunk of this mean diameter."""
    return 1.0 - flaws.scatter * max(trunk_mm - _USUAL_TRUNK_MM, 0.0) / 100.0


def added_hu(flaws: Flaws, x_mm: Array, y_mm: Array, *, trunk_mm: float) -> Array:
    """HU added at positions in mm from the trunk's middle (x left, y back): cupping, slope and drift."""
    from_middle = np.clip((x_mm**2 + y_mm**2) / (trunk_mm / 2) ** 2, 0, 1)
    cupping = flaws.cupping_hu * (trunk_mm / _USUAL_TRUNK_MM) ** 2 * (1 - from_middle)
    return np.asarray(cupping + flaws.slope_hu_per_cm * y_mm / 10 + flaws.drift_hu, dtype=np.float32)
