"""The network's vBMD beside the calibrated one: a disagreement is reported; nothing else changes.

Two readings disagree if their 95 % intervals do not overlap. This is rarer than a difference beyond chance; its only
consequence is that a person is asked to look. Both must be in the same mineral.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteo_core.assessment.wording import disagreement_in_words
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import Estimate, Measurement
from osteo_core.terms import Level, Mineral, Step


def disagreements(sound: Sequence[Measurement], mean: Estimate | None, *, mineral: Mineral) -> tuple[Caution, ...]:
    """One caution for each level of ``sound`` and one for the patient's ``mean`` (mg/cm3) that the network contradicts.

    ``mineral``: that of the calibration; nothing is compared unless it is the network's, K2HPO4.
    """
    if mineral is not Mineral.K2HPO4:
        return ()
    levels = [_caution(m.level.name, m.vbmd_mg_cm3, m.regressed_mg_cm3, level=m.level) for m in sound]
    return tuple(c for c in (*levels, _caution("mean", mean, mean_reading(sound))) if c is not None)


def mean_reading(sound: Sequence[Measurement]) -> Estimate | None:
    """The network's mean over the levels that count (mg/cm3); None unless it read all of them.

    The ends of the interval are the means of the levels' ends: the SD of a mean is never larger than the mean of the
    SDs, however strongly the errors of one patient's levels are correlated, and that correlation is not known.
    """
    read = [m.regressed_mg_cm3 for m in sound if m.regressed_mg_cm3 is not None]
    if not read or len(read) < len(sound):
        return None
    value, low, high = np.mean([(r.value, r.low, r.high) for r in read], axis=0)
    method = f"mean of {read[0].method}"
    return Estimate(value=float(value), low=float(low), high=float(high), n=len(read), method=method)


def _caution(
    where: str, calibrated: Estimate | None, read: Estimate | None, *, level: Level | None = None
) -> Caution | None:
    if calibrated is None or read is None:
        return None
    if not (read.low > calibrated.high or calibrated.low > read.high):  # NaN never disagrees
        return None
    found = disagreement_in_words(where, calibrated, read)
    return Caution(code=CautionCode.REGRESSION_DISAGREES, step=Step.ASSESS, found=found, level=level)
