"""Norms of the simulated population: age, vBMD by age and sex, marrow fat, sizes of vertebrae.

vBMD: piecewise linear through the anchors of Cheng 2021 (JBMR 36:427: peaks, means at 80, prevalence); mg/cm3 K2HPO4 as
a QCT Pro phantom reads it, the scale of that study (Mindways' phantom and program; general knowledge, verify).
Sizes: rounded published means of adult vertebrae (about 25-29 mm height, 40-52 mm width, 30-36 mm depth for L1-L5), men
4 % above and women 6 % below.
"""

from __future__ import annotations

import numpy as np

from osteo_core.terms import Level, Sex

#: Corner points of the mean vBMD by age.
_FEMALE = ((20, 40, 45, 57, 80, 100), (185.4, 185.4, 177.9, 105.9, 62.4, 24.6))
_MALE = ((20, 34, 60, 80, 100), (176.6, 176.6, 114.2, 92.1, 70.1))
#: SD of readings between people of one age; marrow that is fatter or leaner than usual contributes MARROW_SD_MG_CM3
#: (SD 0.06 of the fat fraction, 0.9 mg/cm3 per 0.01), the mineral the rest.
VBMD_SD_MG_CM3 = 28.0
MARROW_SD_MG_CM3 = 5.4
#: Deviations of the levels from the patient's mean are drawn uniformly between minus and plus this.
LEVEL_OFFSET_MG_CM3 = 5.0
#: Lowest vBMD that is drawn: fatty marrow with hardly any trabeculae left.
LOWEST_VBMD_MG_CM3 = 5.0

#: level -> width, depth, height (posterior), anterior/posterior, disc below; mm, mean of both sexes.
SIZES: dict[Level, tuple[float, float, float, float, float]] = {
    Level.T5: (29.0, 24.0, 18.6, 0.97, 4.0),
    Level.T6: (29.5, 25.5, 19.2, 0.96, 4.0),
    Level.T7: (30.0, 27.0, 19.8, 0.95, 4.2),
    Level.T8: (31.0, 28.0, 20.4, 0.95, 4.5),
    Level.T9: (32.5, 29.0, 21.0, 0.96, 4.8),
    Level.T10: (34.5, 30.0, 22.2, 0.97, 5.2),
    Level.T11: (38.0, 30.5, 23.6, 0.95, 5.8),
    Level.T12: (42.0, 32.0, 25.6, 0.94, 6.8),
    Level.L1: (44.5, 33.5, 27.4, 0.94, 8.0),
    Level.L2: (46.2, 34.5, 28.2, 0.97, 9.2),
    Level.L3: (48.0, 35.2, 28.2, 1.00, 10.4),
    Level.L4: (50.0, 35.6, 27.4, 1.03, 11.4),
    Level.L5: (52.5, 35.6, 25.0, 1.13, 10.6),
}


def mean_vbmd(age_years: float, sex: Sex) -> float:
    """Mean vBMD at an age, mg/cm3 (K2HPO4)."""
    ages, values = _FEMALE if sex == Sex.FEMALE else _MALE
    return float(np.interp(age_years, ages, values))


def draw_vbmd(rng: np.random.Generator, age_years: float, sex: Sex) -> float:
    """Mean lumbar vBMD of one patient as QCT would read it with the usual marrow of the age, mg/cm3 (K2HPO4)."""
    sd = float(np.sqrt(VBMD_SD_MG_CM3**2 - MARROW_SD_MG_CM3**2))
    return float(max(rng.normal(mean_vbmd(age_years, sex), sd), LOWEST_VBMD_MG_CM3))


def draw_age(rng: np.random.Generator) -> int:
    """Age of a patient who has an abdominal CT: 40 to 90, mostly between 55 and 75."""
    return int(np.clip(round(rng.normal(65, 11)), 40, 90))


def mean_marrow_fat(age_years: float, sex: Sex) -> float:
    """Usual marrow fat as a volume fraction: it rises with age, more in women after the menopause."""
    return 0.40 + 0.004 * (age_years - 40) + (0.03 if sex == Sex.FEMALE and age_years > 55 else 0.0)


def draw_marrow_fat(rng: np.random.Generator, age_years: float, sex: Sex) -> float:
    """One person's marrow fat as a volume fraction."""
    return float(np.clip(rng.normal(mean_marrow_fat(age_years, sex), 0.06), 0.2, 0.75))
