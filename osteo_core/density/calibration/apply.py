"""vBMD of a level and of a patient from HU, a line and what is known of contrast, each with its interval.

Interval (95 %, normal): noise of the region's median, the line's residual, the scatter of contrast. The last
two are the same scanner and the same patient at every level, so they are not averaged away over levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osteo_core.density.contrast import ContrastCorrection
from osteo_core.records import Calibration, Estimate, Measurement

_Z95 = 1.959963984540054
#: Noise of CT and the trabecular pattern are correlated over about 3 mm: one independent value per cube.
_CORRELATION_VOLUME_ML = 0.027
#: SE of a median against the SE of a mean, normal values.
_MEDIAN_SE = 1.2533


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """SD in mg/cm3 below and above the value; the low side is wider when contrast is likely but unknown."""

    low: float
    high: float


def vbmd_of_level(
    measurement: Measurement, calibration: Calibration, correction: ContrastCorrection | None
) -> Estimate | None:
    """vBMD in mg/cm3 of one level from its median HU; None when it has no HU."""
    if measurement.median_hu is None or measurement.sd_hu is None:
        return None
    noise = calibration.slope_mg_cm3_per_hu * _standard_error_hu(measurement)
    value = _line(measurement.median_hu, calibration, correction)
    return _estimate(value, _spread(calibration, correction, noise=noise), n=measurement.roi_voxels, of="level")


def mean_vbmd(
    measurements: Sequence[Measurement], calibration: Calibration, correction: ContrastCorrection | None
) -> Estimate:
    """Mean vBMD in mg/cm3 over levels that have HU; raises ValueError when there is none."""
    usable = [m for m in measurements if m.median_hu is not None]
    if not usable:
        raise ValueError("no level with HU: a mean vBMD needs at least one")
    values = [_line(float(m.median_hu or 0.0), calibration, correction) for m in usable]
    errors = [calibration.slope_mg_cm3_per_hu * _standard_error_hu(m) for m in usable]
    noise = float(np.sqrt(np.sum(np.square(errors)))) / len(usable)
    return _estimate(float(np.mean(values)), _spread(calibration, correction, noise=noise), n=len(usable), of="mean")


def _line(hu: float, calibration: Calibration, correction: ContrastCorrection | None) -> float:
    shift = correction.shift_hu if correction else 0.0
    return calibration.slope_mg_cm3_per_hu * (hu + shift) + calibration.intercept_mg_cm3


def _standard_error_hu(measurement: Measurement) -> float:
    independent = max(measurement.roi_volume_ml / _CORRELATION_VOLUME_ML, 1.0)
    return _MEDIAN_SE * (measurement.sd_hu or 0.0) / float(np.sqrt(min(independent, max(measurement.roi_voxels, 1))))


def _spread(calibration: Calibration, correction: ContrastCorrection | None, *, noise: float) -> _Spread:
    slope = calibration.slope_mg_cm3_per_hu
    scatter = slope * correction.scatter_sd_hu if correction else 0.0
    bias = slope * correction.possible_bias_hu if correction else 0.0
    sd = float(np.sqrt(noise**2 + calibration.residual_sd_mg_cm3**2 + scatter**2))
    # A bias that is only possible widens the interval to its own side and does not move the value.
    return _Spread(low=_Z95 * sd + bias, high=_Z95 * sd)


def _estimate(value: float, spread: _Spread, *, n: int, of: str) -> Estimate:
    return Estimate(
        value=value,
        low=value - spread.low,
        high=value + spread.high,
        n=n,
        method=f"{of}: median HU on a line; noise, residual and contrast scatter, normal",
    )
