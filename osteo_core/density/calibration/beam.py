"""HU of mineral and soft tissue at a tube voltage and behind a body of a given size, by physics alone.

``beam_table.json`` is made by training/tabulate_beams.py: tungsten spectra, an energy-integrating detector, and three
filtrations that bracket the unknown one of the scanner. The line HU -> vBMD is the reading of a named QCT phantom: its
rods as certified, behind the same water, by the phantom's own arithmetic. Marrow is not modelled: QCT sees HU alone,
and fatty marrow lowers its reading just as it lowers ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from osteo_core.density.calibration.known_phantoms import QCT_PRO, KnownPhantom, Rod, RodFit, fit_rods, known_phantoms

_TABLE = Path(__file__).with_name("beam_table.json")
#: Hydroxyapatite in g/cm3, by crystallography: in a rod of plain water equivalent it displaces its own volume.
_HA_DENSITY = 3.16
#: Muscle by ICRU-44; blood of old and ill patients, whose native aorta shows about 45 HU.
_MUSCLE_DENSITY, _BLOOD_DENSITY = 1.05, 1.05
#: ICRU-44 gives adipose tissue 0.95 g/cm3, ICRP 23 gives 0.92.
_ADIPOSE_DENSITY = 0.935
_AIR_DENSITY = 1.205e-3
#: Width over SD of a rectangular distribution: the scanner's filtration lies anywhere between lightest and heaviest.
_RECTANGLE = 2.0 * float(np.sqrt(3.0))


@dataclass(frozen=True, kw_only=True)
class BeamLine:
    """The reading of a phantom in one beam, vBMD = slope HU + intercept, and how its slope may vary.

    ``filter_relative_sd``: relative SD due to the filtration; ``relative_per_cm``: relative change per cm of water
    path. Outside the table's water paths both and the line are those at its edge.
    """

    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float
    filter_relative_sd: float
    relative_per_cm: float

    @property
    def zero_mineral_hu(self) -> float:
        """HU at which the phantom reads no mineral, close to those of water."""
        return -self.intercept_mg_cm3 / self.slope_mg_cm3_per_hu


@cache
def _table() -> dict[str, Any]:
    return dict(json.loads(_TABLE.read_text(encoding="utf-8")))


def beam_kvps() -> tuple[float, ...]:
    """Tube voltages in the table, in kV."""
    return tuple(float(kvp) for kvp in _table()["relative_mass_attenuation"]["middle"])


def path_range_cm() -> tuple[float, float]:
    """Shortest and longest water path in the table, in cm.

    >>> path_range_cm()
    (16.0, 40.0)
    """
    paths = _table()["water_cm"]
    return float(min(paths)), float(max(paths))


def beyond_table_cm(path_cm: float) -> float:
    """Distance in cm by which a water path lies outside the table; 0 within it."""
    low, high = path_range_cm()
    return max(low - path_cm, path_cm - high, 0.0)


def beam_line(kvp: float, path_cm: float, phantom: KnownPhantom | None = None) -> BeamLine:
    """The line of this phantom (None: Mindways QCT Pro) for a tube voltage behind ``path_cm`` of water.

    Raises KeyError for a voltage not in the table.

    >>> line = beam_line(120.0, path_cm=28.0)
    >>> round(line.slope_mg_cm3_per_hu, 2)
    0.82
    """
    own = phantom or known_phantoms()[QCT_PRO]
    low, high = path_range_cm()
    path_cm = min(max(path_cm, low), high)
    thin_cm, thick_cm = max(path_cm - 1.0, low), min(path_cm + 1.0, high)
    line = _line("middle", kvp, path_cm, own)
    slope = line.slope_mg_cm3_per_hu
    light, heavy, thinner, thicker = (
        _line(filtration, kvp, path, own).slope_mg_cm3_per_hu
        for filtration, path in (
            ("light", path_cm),
            ("heavy", path_cm),
            ("middle", thin_cm),
            ("middle", thick_cm),
        )
    )
    return BeamLine(
        slope_mg_cm3_per_hu=slope,
        intercept_mg_cm3=line.intercept_mg_cm3,
        filter_relative_sd=(heavy - light) / slope / _RECTANGLE,
        relative_per_cm=(thicker - thinner) / slope / (thick_cm - thin_cm),
    )


def mineral_attenuation(kvp: float, path_cm: float) -> float:
    """Mass attenuation of hydroxyapatite over that of water, interpolated over tube voltage and held beyond the table.

    >>> mineral_attenuation(80.0, path_cm=28.0) > mineral_attenuation(120.0, path_cm=28.0) > 1.4
    True
    """
    kvps = beam_kvps()
    return float(np.interp(kvp, kvps, [_relative("middle", one, path_cm, "HA") for one in kvps]))


def expected_tissue_hu(kvp: float, path_cm: float) -> dict[str, float]:
    """HU that fat, muscle, blood and air should show in this beam, without contrast.

    Raises KeyError for a voltage not in the table.

    >>> {name: round(hu) for name, hu in expected_tissue_hu(120.0, path_cm=28.0).items()}
    {'fat': -86, 'muscle': 42, 'blood': 45, 'air': -999}
    """
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


def _line(filtration: str, kvp: float, path_cm: float, phantom: KnownPhantom) -> RodFit:
    mineral = _relative(filtration, kvp, path_cm, phantom.mineral.value)
    return fit_rods(phantom.rods, [_rod_hu(rod, mineral) for rod in phantom.rods])


def _rod_hu(rod: Rod, mineral: float) -> float:
    """HU of a rod whose mineral attenuates ``mineral`` times as much by mass as water."""
    density = rod.density_mg_cm3
    water = 1000.0 - density / _HA_DENSITY if rod.water_mg_cm3 is None else rod.water_mg_cm3
    return density * mineral + water - 1000.0


def _relative(filtration: str, kvp: float, path_cm: float, material: str) -> float:
    row = _table()["relative_mass_attenuation"][filtration][f"{kvp:g}"][material]
    return float(np.interp(path_cm, _table()["water_cm"], row))
