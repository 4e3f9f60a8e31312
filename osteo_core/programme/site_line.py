"""A calibration line from a site's own pairs of CT and QCT: HU of one scanner against vBMD of the same patients.

Both values err, so the line is Deming's with a stated ratio of error variances. It is refused for too few patients or
too narrow a range, and judged by leaving each patient out in turn: what it is worth for a patient it has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osteo_core.errors import StatisticsError
from osteo_core.limits.calibration import PAIRS_ERROR_RATIO, PAIRS_LEAST, PAIRS_RANGE
from osteo_core.records import Estimate
from osteo_core.statistics.regression import deming, deming_left_out

#: A patient is an outlier beyond this many robust SDs (1.4826 times the median absolute deviation).
_OUTLYING_SD, _MAD_TO_SD = 3.5, 1.4826


@dataclass(frozen=True, kw_only=True)
class QctPair:
    """One patient: mean HU of the trabecular regions, and what QCT said of the same levels in mg/cm3."""

    patient_key: str
    hu: float
    qct_mg_cm3: float


@dataclass(frozen=True, kw_only=True)
class PairsLine:
    """vBMD = slope HU + intercept; bias and SD of what is left when each patient is left out, and who lies far off."""

    n: int
    slope_mg_cm3_per_hu: Estimate
    intercept_mg_cm3: Estimate
    left_out_bias_mg_cm3: float
    left_out_sd_mg_cm3: float
    lowest_mg_cm3: float
    highest_mg_cm3: float
    outliers: tuple[str, ...]

    def vbmd_mg_cm3(self, hu: float) -> float:
        """vBMD at that HU."""
        return self.slope_mg_cm3_per_hu.value * hu + self.intercept_mg_cm3.value


def line_of_pairs(pairs: Sequence[QctPair], *, error_ratio: float = PAIRS_ERROR_RATIO.value) -> PairsLine | str:
    """The line through these pairs, or why there is none.

    ``error_ratio``: variance of QCT's error over variance of the HU's (mg/cm3 per HU, squared). Outliers are named and
    stay in: to leave a patient out is the site's decision.
    """
    hu = np.array([pair.hu for pair in pairs], dtype=np.float64)
    qct = np.array([pair.qct_mg_cm3 for pair in pairs], dtype=np.float64)
    if len(pairs) < PAIRS_LEAST.value:
        return f"{len(pairs)} patients; at least {PAIRS_LEAST.value:g} are needed"
    if np.ptp(qct) < PAIRS_RANGE.value:
        return f"QCT spans {np.ptp(qct):.0f} mg/cm3 in these patients; at least {PAIRS_RANGE.value:g} are needed"
    try:
        line = deming(hu, qct, error_ratio=error_ratio)
        slopes, intercepts = deming_left_out(hu, qct, error_ratio=error_ratio).T
    except StatisticsError as error:
        return str(error)
    if line.slope.low <= 0:
        return f"vBMD does not rise with HU for certain (slope {line.slope.value:.2f}, from {line.slope.low:.2f})"
    left = slopes * hu + intercepts - qct
    distance = np.abs(left - np.median(left))
    spread = _MAD_TO_SD * float(np.median(distance))
    return PairsLine(
        n=len(pairs),
        slope_mg_cm3_per_hu=line.slope,
        intercept_mg_cm3=line.intercept,
        left_out_bias_mg_cm3=float(left.mean()),
        left_out_sd_mg_cm3=float(left.std(ddof=1)),
        lowest_mg_cm3=float(qct.min()),
        highest_mg_cm3=float(qct.max()),
        outliers=tuple(
            pair.patient_key for pair, far in zip(pairs, distance > _OUTLYING_SD * spread, strict=True) if far
        ),
    )
