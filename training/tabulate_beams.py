"""Tabulate marrow, mineral and the calibration tissues under a CT beam of unknown filtration.

    python -m training.tabulate_beams [--data ../shared/data/tables]

The calibration reads only this table and nothing from the simulator: three filtrations that span the half-value layers
of body CT, every tube voltage of the spectra in use, and water paths from 16 to 40 cm. Values are mass attenuations
relative to that of water, mu = Int S(E) E mu(E) dE / Int S(E) E dE, with S the spectrum behind the water and E the
energy-integrating detector. The method and the element tables are those of tabulate_tissue_hu.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from training.tabulate_tissue_hu import (
    COMPOUNDS,
    beam,
    mass_attenuation,
    path_of,
    read_columns,
    read_materials,
)

OUTPUT = Path(__file__).resolve().parents[1] / "osteo_core" / "density" / "calibration" / "beam_table.json"
KVPS = (80, 100, 110, 120, 130, 140)
WATER_CM = (16.0, 20.0, 24.0, 28.0, 32.0, 36.0, 40.0)
_AL, _CU = 2.699, 8.96
#: g/cm2 of metal: 6 mm Al each, plus copper. ``middle`` (0.475 mm) gives K2HPO4 0.807 mg/cm3 per HU at 120 kVp behind
#: 25 cm: midway between the one public scan of QCT Pro rods (0.800) and the one published filtration of a body CT
#: (0.815, AAPM 2026). ``light`` (0.05 mm Cu) has the lowest half-value layer of body CT, 7.1 mm Al at 120 kVp;
#: ``heavy`` (0.7 mm Cu) is harder than the published filtration by 2.5 % of the slope.
FILTERS = {
    "light": {"Al": 0.6 * _AL, "Cu": 0.005 * _CU},
    "middle": {"Al": 0.6 * _AL, "Cu": 0.0475 * _CU},
    "heavy": {"Al": 0.6 * _AL, "Cu": 0.070 * _CU},
}
MATERIALS = ("adipose", "muscle", "blood", "air", "HA", "K2HPO4")


def tabulate(data: Path) -> dict[str, object]:
    """The whole table, ready for JSON: filtration, tube voltage, material, one value per water path."""
    elements = read_columns(data / "mass_attenuation_elements_cm2_g.csv")
    spectra = read_columns(data / "xray_spectra_spekpy.csv")
    keep = spectra["keV"] >= 12.0
    energies = spectra["keV"][keep]
    components = {**read_materials(data / "tissue_compositions_spekpy.csv", elements), **COMPOUNDS}
    curves = {name: mass_attenuation(elements, components[name][1], energies) for name in (*MATERIALS, "water")}
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name, metal in FILTERS.items():
        found[name] = {}
        for kvp in KVPS:
            weights = [beam(spectra[f"kvp{kvp}"][keep], energies, path_of(metal, cm), elements) for cm in WATER_CM]
            found[name][str(kvp)] = {
                material: [round(float((w @ curves[material]) / (w @ curves["water"])), 6) for w in weights]
                for material in MATERIALS
            }
    return {"water_cm": list(WATER_CM), "relative_mass_attenuation": found}


def main() -> None:
    """Write the table beside the calibration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/tables"))
    arguments = parser.parse_args()
    OUTPUT.write_text(json.dumps(tabulate(arguments.data), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {OUTPUT}")


if __name__ == "__main__":
    main()
