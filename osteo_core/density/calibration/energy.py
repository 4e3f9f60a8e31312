"""Phantomless calibration by the effective energy derived from the scan's own tissues (Michalski 2020).

At every energy a straight line is fitted to the tissues' mass attenuation as a function of their HU; the energy with
the largest R2 is the effective one. A second line gives mass density from HU. A voxel is then a mixture by mass of
mineral and triglyceride: mineral = 1000 * rho * (m - m_TG) / (m_mineral - m_TG), a parabola in HU.
HU follow linear attenuation while the first line regresses mass attenuation, so the effective energy is a parameter
of the fit, not the energy of the beam. Source: Michalski 2020, Med Eng Phys 78:55, and its published software.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from osteo_core.density.calibration.attenuation import MINERAL_COLUMN, energy_range_kev, mass_attenuation
from osteo_core.records import FloatArray
from osteo_core.terms import Mineral

#: Tissues that the method uses; each is a column of the attenuation table.
TISSUES: tuple[str, ...] = ("adipose", "air", "blood", "cortical", "muscle")
#: Steps of the search, as in the published method.
_STEP_KEV = 0.5
_MINIMUM_TISSUES = 3


@dataclass(frozen=True, kw_only=True)
class EffectiveEnergy:
    """The fit: energy, R2 of mass attenuation on HU, and the lines m = s HU + t (cm2/g), rho = u HU + v (g/cm3)."""

    energy_kev: float
    r2: float
    mass_slope: float
    mass_intercept: float
    density_slope: float
    density_intercept: float

    def parabola(self, mineral: Mineral) -> tuple[float, float, float]:
        """(intercept mg/cm3, slope mg/cm3 per HU, curvature mg/cm3 per HU2) of the mineral's density on HU."""
        fat = float(mass_attenuation("triglyceride", self.energy_kev))
        pure = float(mass_attenuation(MINERAL_COLUMN[mineral], self.energy_kev))
        factor = 1000.0 / (pure - fat)
        excess = self.mass_intercept - fat
        return (
            factor * self.density_intercept * excess,
            factor * (self.density_slope * excess + self.density_intercept * self.mass_slope),
            factor * self.density_slope * self.mass_slope,
        )


def fit_effective_energy(tissue_hu: Mapping[str, float]) -> EffectiveEnergy:
    """The effective energy of a scan from the mean HU of at least three of TISSUES.

    Raises ValueError for an unknown tissue or fewer than three; the caller checks R2 and the energy.
    """
    unknown = sorted(set(tissue_hu) - set(TISSUES))
    if unknown or len(tissue_hu) < _MINIMUM_TISSUES:
        raise ValueError(f"at least {_MINIMUM_TISSUES} of {TISSUES} are needed, found {sorted(tissue_hu)}")
    hu = np.array(list(tissue_hu.values()), dtype=np.float64)
    energies = np.arange(*energy_range_kev(), _STEP_KEV)
    table = np.stack([mass_attenuation(name, energies) for name in tissue_hu])
    correlations = np.array([_r2(hu, column) for column in table.T])
    best = int(correlations.argmax())
    attenuation, energy = table[:, best], float(energies[best])
    mass_slope, mass_intercept = np.polyfit(hu, attenuation, 1)
    density = (hu / 1000.0 + 1.0) * float(mass_attenuation("water", energy)) / attenuation
    density_slope, density_intercept = np.polyfit(hu, density, 1)
    return EffectiveEnergy(
        energy_kev=energy,
        r2=float(correlations[best]),
        mass_slope=float(mass_slope),
        mass_intercept=float(mass_intercept),
        density_slope=float(density_slope),
        density_intercept=float(density_intercept),
    )


def _r2(x: FloatArray, y: FloatArray) -> float:
    return float(np.corrcoef(x, y)[0, 1] ** 2)
