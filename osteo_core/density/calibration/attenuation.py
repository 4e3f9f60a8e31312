"""Mass attenuation of the calibration tissues and minerals, tabulated for the calibration alone.

``mass_attenuation_nist.csv``: total mass attenuation in cm2/g at the NIST grid energies from 40 to 150 keV, tissues
by ICRU-44 (adipose, blood, cortical bone, skeletal muscle), compounds from their elements: triglyceride C55H98O6,
K2HPO4, hydroxyapatite Ca10(PO4)6(OH)2, water.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np

from osteo_core.records import FloatArray
from osteo_core.terms import Mineral

_TABLE = Path(__file__).with_name("mass_attenuation_nist.csv")
#: Column of each mineral in the table.
MINERAL_COLUMN: dict[Mineral, str] = {Mineral.K2HPO4: "K2HPO4", Mineral.HA: "HA"}


@cache
def _columns() -> dict[str, FloatArray]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def energy_range_kev() -> tuple[float, float]:
    """Lowest and highest energy of the table, in keV."""
    energies = _columns()["keV"]
    return float(energies[0]), float(energies[-1])


def mass_attenuation(material: str, energy_kev: FloatArray | float) -> FloatArray:
    """Mass attenuation in cm2/g, interpolated linearly between the grid energies, as in Michalski's method.

    Raises KeyError for a material and ValueError for an energy that the table does not hold.

    >>> round(float(mass_attenuation('water', 70.0)), 3)  # cm2/g
    0.195
    """
    low, high = energy_range_kev()
    energies = np.asarray(energy_kev, dtype=np.float64)
    if (energies < low).any() or (energies > high).any():
        raise ValueError(f"mass attenuation is tabulated from {low:g} to {high:g} keV, asked at {energy_kev}")
    return np.asarray(np.interp(energies, _columns()["keV"], _columns()[material]))
