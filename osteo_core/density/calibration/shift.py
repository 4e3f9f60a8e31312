"""The shift of a scan's HU, estimated from its own tissues: an offset and a gain, with the uncertainty of both.

A tissue that should show HU_t by physics shows HU_t (1 + gain) + offset, plus its own scatter between patients.
Offset and gain have a prior scatter (the tolerance of scanners, or their drift), so few or doubtful tissues move
them little: the estimate is the mean of the normal posterior (Gelman, Bayesian Data Analysis, 14.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from osteo_core.density.tissues import is_plausible
from osteo_core.records import Calibration, CalibrationTissues, FloatArray, Uncertainty
from osteo_core.terms import ContrastPhase

#: SD of each tissue between patients, HU: adipose 0.92-0.95 g/cm3, and mixed with other tissue near the spine;
#: muscle 1.06 g/cm3 when fresh (Mendez and Keys 1960), less with fat between its fibres (modes of 37-48 HU in four
#: real scans); native blood 35-55 HU; air raised by scatter and clothes.
TISSUE_SD_HU: dict[str, float] = {"air": 8.0, "fat": 10.0, "deep fat": 12.0, "muscle": 8.0, "blood": 6.0}
#: Contrast raises these, so only a native scan uses them.
_NATIVE_ONLY = ("muscle", "blood")
#: Trabecular HU at which the remaining uncertainty is stated.
_STATED_AT_HU = 100.0


@dataclass(frozen=True, kw_only=True)
class Prior:
    """SD of offset (HU) and gain before any tissue is considered, and their source."""

    offset_sd_hu: float
    gain_sd: float
    source: str


#: A scanner within tolerance: water within 4 HU of 0 (IEC 61223-3-5; 95 %), other materials within 2 %.
ANY_SCANNER = Prior(offset_sd_hu=2.0, gain_sd=0.01, source="IEC 61223-3-5: water within 4 HU")


@dataclass(frozen=True, kw_only=True, eq=False)
class Shift:
    """Offset in HU, gain, their covariance (2, 2), and the tissues they were estimated from."""

    offset_hu: float
    gain: float
    covariance: FloatArray
    tissues: tuple[str, ...]

    def sd_hu(self, hu: float) -> float:
        """SD of the remaining shift at that HU."""
        at = np.array([1.0, hu])
        return float(np.sqrt(at @ self.covariance @ at))


def usable_tissues(tissues: CalibrationTissues) -> dict[str, float]:
    """HU by name of the plausible tissues, 'deep fat' under that name; muscle and blood only of a native scan."""
    is_native = tissues.contrast_phase is ContrastPhase.NATIVE
    return {
        sample.name: sample.mean_hu
        for sample in tissues.samples
        if is_plausible(sample.name, sample.mean_hu) and (is_native or sample.name not in _NATIVE_ONLY)
    }


def estimate_shift(found_hu: Mapping[str, float], expected_hu: Mapping[str, float], prior: Prior) -> Shift:
    """The shift that the tissues show; without any tissue it is zero, with the uncertainty of the prior.

    ``expected_hu``: by physics (fat, muscle, blood, air); tissues without an expected HU or a known SD are ignored.

    >>> shift = estimate_shift({'air': -990.0, 'fat': -90.0}, {'air': -1000.0, 'fat': -100.0}, ANY_SCANNER)
    >>> 0 < shift.offset_hu < 10  # the prior holds it back
    True
    """
    wanted = {"deep fat": "fat"}
    names = [n for n in found_hu if n in TISSUE_SD_HU and wanted.get(n, n) in expected_hu]
    expected = np.array([expected_hu[wanted.get(n, n)] for n in names])
    difference = np.array([found_hu[n] for n in names]) - expected
    weight = np.array([TISSUE_SD_HU[n] for n in names]) ** -2.0
    design = np.stack([np.ones_like(expected), expected], axis=1)
    precision = np.diag([prior.offset_sd_hu**-2.0, prior.gain_sd**-2.0]) + design.T @ (design * weight[:, None])
    covariance = np.linalg.inv(precision)
    offset, gain = covariance @ (design.T @ (weight * difference))
    return Shift(offset_hu=float(offset), gain=float(gain), covariance=covariance, tissues=tuple(names))


def undo_shift(calibration: Calibration, shift: Shift, prior: Prior) -> tuple[float, float, Uncertainty]:
    """(slope, intercept) of a straight line for the HU of this scan, and the uncertainty that the shift leaves."""
    slope = calibration.slope_mg_cm3_per_hu / (1.0 + shift.gain)
    left = Uncertainty(
        name="scanner shift",
        offset_sd_mg_cm3=slope * shift.sd_hu(_STATED_AT_HU),
        source=f"{prior.source}; tissues {', '.join(shift.tissues) or 'none'}",
    )
    return slope, calibration.intercept_mg_cm3 - slope * shift.offset_hu, left
