"""Tissue HU from elemental composition and effective spectrum; the table is made by training/tabulate_tissue_hu.py.

This module knows only composition: ``ha_mg_cm3`` is the hydroxyapatite present, and a phantom's rod is as certified.
The reading of bone by QCT is derived from both in ``reading.py`` alone.
Limitations: trabecular bone is HA by volume fraction in a marrow of adipose and soft tissue, without
collagen; scatter and residual beam hardening are drawn as offsets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from osteo_core.density.calibration.known_phantoms import Rod
from osteo_core.terms import Mineral

TABLE = Path(__file__).with_name("tissue_table.json")
REFERENCE_WATER_CM = 25.0
#: A scanner's effective voltage may lie this far outside the table; the nearest row is then used.
_BEYOND_KVP = 10.0


@dataclass(frozen=True, kw_only=True)
class Beam:
    """Filtration (a vendor's, or ``reference``), effective tube voltage in kV and the patient's water path in cm."""

    filtration: str
    kvp: float
    water_cm: float = REFERENCE_WATER_CM


REFERENCE_BEAM = Beam(filtration="reference", kvp=120)


@cache
def _table() -> dict[str, Any]:
    return dict(json.loads(TABLE.read_text(encoding="utf-8")))


@cache
def densities() -> Mapping[str, float]:
    """Density of each component in g/cm3."""
    return dict(_table()["density_g_cm3"])


@cache
def relative_attenuation(beam: Beam) -> Mapping[str, float]:
    """Effective mass attenuation of each component over that of water, linear between water paths and voltages.

    Raises KeyError for a filtration that is not in the table, ValueError for a voltage too far outside it.
    """
    by_kvp = _table()["relative_mass_attenuation"][beam.filtration]
    kvps = sorted(int(kvp) for kvp in by_kvp)
    if not kvps[0] - _BEYOND_KVP <= beam.kvp <= kvps[-1] + _BEYOND_KVP:
        raise ValueError(f"{beam.kvp:g} kVp is not simulated; the table reaches from {kvps[0]} to {kvps[-1]} kVp")
    paths = _table()["water_cm"]

    def at(kvp: int, name: str) -> float:
        return float(np.interp(beam.water_cm, paths, [row[name] for row in by_kvp[str(kvp)]]))

    return {name: float(np.interp(beam.kvp, kvps, [at(kvp, name) for kvp in kvps])) for name in by_kvp[str(kvps[0])][0]}


def mixture_hu(partial_density: Mapping[str, float], beam: Beam) -> float:
    """HU of a mixture given in g of each component per cm3 of mixture."""
    relative = relative_attenuation(beam)
    return 1000.0 * (sum(density * relative[name] for name, density in partial_density.items()) - 1.0)


def tissue_hu(name: str, beam: Beam, *, density_factor: float = 1.0, iodine_mg_ml: float = 0.0) -> float:
    """HU of one tissue at its tabulated density times ``density_factor``, with iodine dissolved in it."""
    mixture = {name: densities()[name] * density_factor, "iodine": iodine_mg_ml / 1000.0}
    return mixture_hu(mixture, beam)


def iodine_for(hu_rise: float, beam: Beam) -> float:
    """Iodine in mg/ml that raises a tissue by ``hu_rise`` HU in this beam."""
    return hu_rise / relative_attenuation(beam)["iodine"]


def trabecular_hu(ha_mg_cm3: float, fat: float, beam: Beam) -> float:
    """HU of trabecular bone: HA by volume, the rest marrow with the volume fraction ``fat`` of adipose."""
    volume = ha_mg_cm3 / 1000.0 / densities()["HA"]
    mixture = {
        "HA": ha_mg_cm3 / 1000.0,
        "adipose": (1.0 - volume) * fat * densities()["adipose"],
        "muscle": (1.0 - volume) * (1.0 - fat) * densities()["muscle"],
    }
    return mixture_hu(mixture, beam)


def rod_hu(rod: Rod, mineral: Mineral, beam: Beam) -> float:
    """HU of a phantom's rod in this beam, by the attenuation of its mineral and its water equivalent.

    In a rod without a water equivalent of its own, the mineral displaces its volume of water.
    """
    density = rod.density_mg_cm3 / 1000.0
    water = 1.0 - density / densities()[mineral.value] if rod.water_mg_cm3 is None else rod.water_mg_cm3 / 1000.0
    return mixture_hu({mineral.value: density, "water": water}, beam)
