"""What a tube voltage and a body of some size make of marrow, mineral and soft tissue, by physics alone.

``beam_table.json`` is made by training/tabulate_beams.py: tungsten spectra, energy-integrating detector, three
filtrations between which the scanner's own, unknown one lies. The line HU -> vBMD follows as hydroxyapatite that
displaces marrow of half fat, said in K2HPO4 equivalents (HA = 1.15 K2HPO4 - 7.32, Faulkner 1993).
The marrow model is a convention: at 120 kVp the line lies within 6 mg/cm3 of QCT = 17.8 + 0.7 HU (Schroeder et al.).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_TABLE = Path(__file__).with_name("beam_table.json")
#: g/cm3; ICRU-44, mineral by crystallography.
_HA_DENSITY, _SOFT_MARROW_DENSITY = 3.16, 1.05
#: ICRU-44; blood of the old and ill, at which native aortas show about 45 HU.
_MUSCLE_DENSITY, _BLOOD_DENSITY = 1.05, 1.05
#: ICRU-44 gives adipose tissue 0.95 g/cm3, ICRP 23 gives 0.92.
_ADIPOSE_DENSITY = 0.935
_MARROW_ADIPOSE_DENSITY = 0.95
_AIR_DENSITY = 1.205e-3
_MARROW_FAT = 0.5
#: HA = 1.15 K2HPO4 - 7.32, both in mg/cm3 (Faulkner 1993).
FAULKNER_SLOPE, FAULKNER_INTERCEPT = 1.15, -7.32
#: The scanner's filtration lies anywhere between the lightest and the heaviest: SD of a rectangle.
_RECTANGLE = 2.0 * float(np.sqrt(3.0))


@dataclass(frozen=True, kw_only=True)
class BeamLine:
    """vBMD (K2HPO4) = slope HU + intercept under one beam; relative SDs of the slope by what is not known."""

    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float
    filter_relative_sd: float
    relative_per_cm: float

    @property
    def zero_mineral_hu(self) -> float:
        """HU of marrow without mineral."""
        return -self.intercept_mg_cm3 / self.slope_mg_cm3_per_hu


@cache
def _table() -> dict[str, Any]:
    return dict(json.loads(_TABLE.read_text(encoding="utf-8")))


def beam_kvps() -> tuple[float, ...]:
    """Tube voltages that the table holds, in kV."""
    return tuple(float(kvp) for kvp in _table()["relative_mass_attenuation"]["middle"])


def beam_line(kvp: float, path_cm: float) -> BeamLine:
    """The line for this tube voltage behind this much water. Raises KeyError for a voltage not in the table."""
    slope, intercept = _line("middle", kvp, path_cm)
    light, _ = _line("light", kvp, path_cm)
    heavy, _ = _line("heavy", kvp, path_cm)
    thinner, _ = _line("middle", kvp, path_cm - 1.0)
    thicker, _ = _line("middle", kvp, path_cm + 1.0)
    return BeamLine(
        slope_mg_cm3_per_hu=slope,
        intercept_mg_cm3=intercept,
        filter_relative_sd=(heavy - light) / slope / _RECTANGLE,
        relative_per_cm=(thicker - thinner) / slope / 2.0,
    )


def expected_tissue_hu(kvp: float, path_cm: float) -> dict[str, float]:
    """HU of fat, muscle, blood and air that this beam should show, without contrast."""
    densities = {
        "fat": ("adipose", _ADIPOSE_DENSITY),
        "muscle": ("muscle", _MUSCLE_DENSITY),
        "blood": ("blood", _BLOOD_DENSITY),
        "air": ("air", _AIR_DENSITY),
    }
    return {
        name: 1000.0 * (density * _relative("middle", kvp, path_cm, material) - 1.0)
        for name, (material, density) in densities.items()
    }


def _line(filtration: str, kvp: float, path_cm: float) -> tuple[float, float]:
    ha, adipose, muscle = (_relative(filtration, kvp, path_cm, name) for name in ("HA", "adipose", "muscle"))
    marrow = _MARROW_FAT * _MARROW_ADIPOSE_DENSITY * adipose + (1.0 - _MARROW_FAT) * _SOFT_MARROW_DENSITY * muscle
    hu_per_ha = ha - marrow / _HA_DENSITY
    slope = 1.0 / hu_per_ha / FAULKNER_SLOPE
    return slope, -slope * 1000.0 * (marrow - 1.0) - FAULKNER_INTERCEPT / FAULKNER_SLOPE


def _relative(filtration: str, kvp: float, path_cm: float, material: str) -> float:
    row = _table()["relative_mass_attenuation"][filtration][f"{kvp:g}"][material]
    return float(np.interp(path_cm, _table()["water_cm"], row))
