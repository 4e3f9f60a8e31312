"""Z-score of trabecular vBMD: distance in SD from the mean of people of the same age and sex.

Norm: piecewise linear through the published anchors of 69,095 Chinese adults (Cheng 2021, JBMR 36:427: peak means,
means at 80, share below 80 mg/cm3 over 50), SD 28; mg/cm3 K2HPO4 as Mindways' QCT reads it (that study's phantom;
general knowledge, verify), the scale that our values aim at. Other populations may differ.
"""

from __future__ import annotations

import numpy as np

from osteo_core.terms import Sex

NORM_NAME = "Cheng 2021"
_SD_MG_CM3 = 28.0
#: Corner points: ages in years, means in mg/cm3.
_MEANS: dict[Sex, tuple[tuple[float, ...], tuple[float, ...]]] = {
    Sex.FEMALE: ((20, 40, 45, 57, 80), (185.4, 185.4, 177.9, 105.9, 62.4)),
    Sex.MALE: ((20, 34, 60, 80), (176.6, 176.6, 114.2, 92.1)),
}


def z_score(vbmd_mg_cm3: float, *, age_years: float, sex: Sex) -> float | None:
    """(vBMD - mean of that age and sex) / SD; None if the norm does not cover that sex or age (20 to 80)."""
    if sex not in _MEANS:
        return None
    ages, means = _MEANS[sex]
    if not ages[0] <= age_years <= ages[-1]:
        return None
    return (vbmd_mg_cm3 - float(np.interp(age_years, ages, means))) / _SD_MG_CM3
