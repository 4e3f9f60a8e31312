"""Does a series fit the others of its scanner? Compared by muscle minus fat, which a wrong tube voltage shifts most.

From 120 to 80 kVp muscle rises by 2 HU and fat falls by 16. Scanners differ by as much; but on one scanner, at one
stated tube voltage and in one contrast phase, simulated patients differ by 5 HU (SD). A series beyond the prediction
limit of the scanner's other series is doubted, whatever the cause. docs/reliability.md has the rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy import special

from osteo_core.limits.header import SCANNER_FALSE_ALARMS, SCANNER_SERIES
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.terms import Step


@dataclass(frozen=True, kw_only=True)
class Peers:
    """Muscle minus fat in HU of a scanner's other series at the same stated kVp and contrast phase: n, mean and SD."""

    n: int
    mean_hu: float
    sd_hu: float


def scanner_doubt(muscle_less_fat_hu: float, peers: Peers) -> Caution | None:
    """UNLIKE_SCANNER if the series lies beyond the prediction limit of its peers; None if not, or they are too few.

    The limit is that of one further value of a normal distribution: mean ± t SD sqrt(1 + 1/n) with n - 1 degrees of
    freedom (G. J. Hahn, J Am Stat Assoc 1969;64:878), two-sided at SCANNER_FALSE_ALARMS.

    >>> scanner_doubt(155.0, Peers(n=200, mean_hu=138.0, sd_hu=5.0)).found
    'muscle lies 155 HU above fat, in 200 others 138 (SD 5), as with a tube voltage lower than stated'
    >>> scanner_doubt(150.0, Peers(n=200, mean_hu=138.0, sd_hu=5.0))
    """
    if peers.n < SCANNER_SERIES.value or peers.sd_hu <= 0.0:
        return None
    t = -float(special.stdtrit(peers.n - 1, SCANNER_FALSE_ALARMS.value / 2.0))
    if abs(muscle_less_fat_hu - peers.mean_hu) <= t * peers.sd_hu * sqrt(1.0 + 1.0 / peers.n):
        return None
    side = "lower" if muscle_less_fat_hu > peers.mean_hu else "higher"
    found = (
        f"muscle lies {muscle_less_fat_hu:.0f} HU above fat, in {peers.n} others {peers.mean_hu:.0f} "
        f"(SD {peers.sd_hu:.0f}), as with a tube voltage {side} than stated"
    )
    return Caution(code=CautionCode.UNLIKE_SCANNER, step=Step.MEASURE, found=found)
