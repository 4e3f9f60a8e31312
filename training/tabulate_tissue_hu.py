"""Tabulate each tissue under each CT beam; the simulator reads the table.

    python -m training.tabulate_tissue_hu [--data ../shared/data/tables]

For every vendor's filtration, tube voltage and water path: the effective mass attenuation of each
component relative to water, mu_eff = Int S(E) E mu(E) dE / Int S(E) E dE, with S the spectrum behind
the patient's water and E the energy-integrating detector. A mixture of
partial densities p_i (g/cm3) then has HU = 1000 * (sum_i p_i * relative_i - 1).
Spectra: spekpy_csv, with its own filter divided out and the beam's filter applied; elements: Elam
tables (xraydb); compositions: ICRU/ICRP (spekpy). The vendors' filters are plausible, not published.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OUTPUT = Path(__file__).resolve().parents[1] / "osteo_core" / "simulate" / "tissue_table.json"
KVPS = (80, 100, 120, 140)
WATER_CM = (20.0, 25.0, 30.0, 36.0, 44.0)
#: The filter already in the shared spectra, g/cm2: 6 mm Al, 0.9 mm Ti.
TABLE_FILTER = {"Al": 0.6 * 2.699, "Ti": 0.09 * 4.506}
#: Total filter of each beam in g/cm2 of metal. ``reference`` is 3.6 mm Al and 0.6 mm Cu, the only published filtration
#: of a body CT (AAPM 2026: 3.6 mm Al, 0.1 mm Cu inherent, 0.5 mm added). The vendors' own are guesses from what
#: is reported about their tubes, plus COMMON_CU_CM: the mean of the five then gives K2HPO4 0.807 mg/cm3 per HU at
#: 120 kVp behind 25 cm, midway between the one public scan of QCT Pro rods (0.800) and that filtration (0.815).
COMMON_CU_CM = 0.015
FILTERS = {
    "reference": {"Al": 0.36 * 2.699, "Cu": 0.06 * 8.96},
    "GE": {"Al": 0.50 * 2.699, "Cu": (0.030 + COMMON_CU_CM) * 8.96},
    "Siemens": {"Al": 0.30 * 2.699, "Ti": 0.09 * 4.506, "Cu": (0.020 + COMMON_CU_CM) * 8.96},
    "Philips": {"Al": 0.40 * 2.699, "Cu": (0.045 + COMMON_CU_CM) * 8.96},
    "Canon/Toshiba": {"Al": 0.60 * 2.699, "Cu": (0.020 + COMMON_CU_CM) * 8.96},
    "UIH": {"Al": 0.36 * 2.699, "Cu": (0.050 + COMMON_CU_CM) * 8.96},
}
#: Component -> material in tissue_compositions_spekpy.csv.
MATERIALS = {
    "adipose": "Adipose Tissue (ICRU)",
    "muscle": "Muscle Skeletal (ICRU)",
    "blood": "Blood, Whole (ICRU)",
    "skin": "Skin (ICRU)",
    "liver": "Liver (ICRU)",
    "spleen": "Spleen (ICRU)",
    "kidney": "Kidney (ICRU)",
    "bowel": "GI-tract Intestine (ICRU)",
    "cartilage": "Skeletal Cartilage (ICRU)",
    "cortical": "Bone, Cortical (ICRU)",
    "lung": "Lung Tissue (ICRU)",
    "brain": "Brain, Grey and White Matter (ICRU)",
    "air": "Air Dry (Near Sea Level)",
}
#: Component -> (density g/cm3, mass fractions).
COMPOUNDS = {
    "water": (1.0, {"H": 0.1119, "O": 0.8881}),
    "HA": (3.16, {"Ca": 0.39894, "P": 0.18499, "O": 0.41406, "H": 0.00201}),
    "K2HPO4": (2.44, {"K": 0.44896, "H": 0.00579, "P": 0.17783, "O": 0.36743}),
    "iodine": (4.93, {"I": 1.0}),
    "titanium": (4.506, {"Ti": 1.0}),
    "carbon": (1.6, {"C": 1.0}),
}


def read_columns(path: Path) -> dict[str, Floats]:
    """A CSV of numbers by column name."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def read_materials(path: Path, elements: dict[str, Floats]) -> dict[str, tuple[float, dict[str, float]]]:
    """Density and mass fractions of MATERIALS; elements without attenuation data are below 0.1 % and omitted."""
    with path.open(encoding="utf-8") as file:
        rows = {row["material"]: row for row in csv.DictReader(file)}
    found = {}
    for name, material in MATERIALS.items():
        row = rows[material]
        fractions = {key: float(row[key]) for key in elements if key in row and float(row[key]) > 0}
        found[name] = (float(row["density_g_cm3"]), fractions)
    return found


def mass_attenuation(elements: dict[str, Floats], fractions: dict[str, float], energies: Floats) -> Floats:
    """(E,) mass attenuation in cm2/g of a mixture; log-log interpolation between the table's energies."""
    total = np.zeros_like(energies)
    for element, fraction in fractions.items():
        logs = np.interp(np.log(energies), np.log(elements["keV"]), np.log(elements[element]))
        total += fraction * np.exp(logs)
    return total


def beam(spectrum: Floats, energies: Floats, path: dict[str, float], elements: dict[str, Floats]) -> Floats:
    """(E,) detector weights behind ``path`` (g/cm2 by element, negative to remove a filter)."""
    exponent = sum(thickness * mass_attenuation(elements, {name: 1.0}, energies) for name, thickness in path.items())
    return spectrum * np.exp(-exponent) * energies


def path_of(filters: dict[str, float], water_cm: float) -> dict[str, float]:
    """The material between the shared spectra and the detector, g/cm2 by element."""
    path = {"H": 0.1119 * water_cm, "O": 0.8881 * water_cm}
    for name in sorted({*filters, *TABLE_FILTER}):
        path[name] = filters.get(name, 0.0) - TABLE_FILTER.get(name, 0.0)
    return path


def tabulate(data: Path) -> dict[str, object]:
    """The whole table, ready for JSON."""
    elements = read_columns(data / "mass_attenuation_elements_cm2_g.csv")
    spectra = read_columns(data / "xray_spectra_spekpy.csv")
    keep = spectra["keV"] >= 12.0
    energies = spectra["keV"][keep]
    components = {**read_materials(data / "tissue_compositions_spekpy.csv", elements), **COMPOUNDS}
    curves = {name: mass_attenuation(elements, fractions, energies) for name, (_, fractions) in components.items()}
    beams: dict[str, dict[str, list[dict[str, float]]]] = {}
    for vendor, filters in FILTERS.items():
        beams[vendor] = {}
        for kvp in KVPS:
            rows = []
            for water_cm in WATER_CM:
                weights = beam(spectra[f"kvp{kvp}"][keep], energies, path_of(filters, water_cm), elements)
                water = float(weights @ curves["water"])
                rows.append({name: round(float(weights @ curve) / water, 6) for name, curve in curves.items()})
            beams[vendor][str(kvp)] = rows
    return {
        "source": "python -m training.tabulate_tissue_hu; see that file for the method and its sources",
        "water_cm": list(WATER_CM),
        "density_g_cm3": {name: round(density, 6) for name, (density, _) in components.items()},
        "relative_mass_attenuation": beams,
    }


def main() -> None:
    """Write the table into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data/tables")
    table = tabulate(parser.parse_args().data)
    OUTPUT.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {OUTPUT}")


if __name__ == "__main__":
    main()
