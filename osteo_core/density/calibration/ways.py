"""The ways to a calibration: each is a function of the scan that returns one, or the reason why it cannot.

General lines (`tissues`, `two_tissue`, `published`) aim at the reading of the phantom in the setting ``qct_phantom``,
by default a QCT Pro in K2HPO4; `effective_energy` gives K2HPO4; the others give the mineral of their phantom or line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from osteo_core.density.calibration.beam import beam_kvps, beam_line, expected_tissue_hu
from osteo_core.density.calibration.energy import TISSUES, fit_effective_energy
from osteo_core.density.calibration.in_scan import identify_phantom
from osteo_core.density.calibration.known_phantoms import USUAL_PHANTOM, known_phantoms
from osteo_core.density.calibration.lines import shipped_kvps, usual_line
from osteo_core.density.calibration.scan import (
    Scan,
    as_general,
    drift_since,
    is_tabulated,
    phantom_line_of,
    phantom_line_of_other_voltage,
    site_lines_of,
    size_uncertainty,
    with_parts,
    without_shift,
)
from osteo_core.density.calibration.shift import ANY_SCANNER, TISSUE_SD_HU, usable_tissues
from osteo_core.limits.acquisition import KVP_TOLERANCE
from osteo_core.limits.calibration import ENERGY_HIGH, ENERGY_LOW, ENERGY_R2, IN_SCAN_PLACE_SD, TWO_TISSUE_GAP
from osteo_core.records import Calibration, LevelLine, Uncertainty
from osteo_core.terms import Mineral

#: SD in mg/cm3 of a level about QCT without pre-calibration (Bartenschlager 2023, standard protocol).
_ENERGY_RESIDUAL_SD = 13.2
#: Relative error of converted HU: 148.1 at 100 kVp became 137.3, scans at 120 kVp showed 140.9 (AAPM 2026).
_CONVERSION_RELATIVE_SD = 0.026

#: The reason is '' if the way is not set up.
Way = Callable[[Scan], Calibration | str]


def in_scan(scan: Scan) -> Calibration | str:
    """A known phantom under the patient's back; each vertebra is calibrated by the rods on its own slices."""
    if scan.rod_row is None:
        return ""
    found = identify_phantom(scan.rod_row, scan.setup.phantoms.values(), kvp=scan.kvp)
    if isinstance(found, str):
        return found
    whole = found.whole
    place = Uncertainty(
        name="place of the phantom",
        offset_sd_mg_cm3=whole.slope_mg_cm3_per_hu * IN_SCAN_PLACE_SD.value,
        source=IN_SCAN_PLACE_SD.source,
    )
    # A rod that differs from its certificate does so beside every vertebra: more levels do not reduce the error.
    errors = [own.error_sd_mg_cm3(scan.vbmd_by(own)) for own in found.levels.values()]
    fit = Uncertainty(
        name="phantom fit",
        offset_sd_mg_cm3=float(np.sqrt(np.mean(np.square(errors)))),
        source=f"{found.n_rods} rods about the line",
    )
    line = Calibration(
        name=f"{found.phantom.name} in the scan",
        kind="in_scan",
        slope_mg_cm3_per_hu=whole.slope_mg_cm3_per_hu,
        intercept_mg_cm3=whole.intercept_mg_cm3,
        residual_sd_mg_cm3=0.0,
        kvp=scan.kvp,
        mineral=found.phantom.mineral,
        source=f"{found.n_rods} rods of {found.phantom.name} under the back, R2 {whole.r2:.4f}",
        level_lines=tuple(
            LevelLine(level=level, slope_mg_cm3_per_hu=own.slope_mg_cm3_per_hu, intercept_mg_cm3=own.intercept_mg_cm3)
            for level, own in sorted(found.levels.items())
        ),
        uncertainties=(place, fit),
    )
    return with_parts(line)


def phantom(scan: Scan) -> Calibration | str:
    """The line of the phantom scan that covers this scanner, tube voltage, kernel and day, unchanged."""
    line = phantom_line_of(scan)
    if isinstance(line, str):
        return line
    own = line.calibration_at(scan.vbmd_by(line))
    drift = Uncertainty(
        name="drift",
        offset_sd_mg_cm3=own.slope_mg_cm3_per_hu * drift_since(scan, line).offset_sd_hu,
        source="Loeffler 2019",
    )
    size = size_uncertainty(scan, line_path_cm=None)
    return with_parts(replace(own, uncertainties=(*own.uncertainties, drift, size)))


def precalibrated(scan: Scan) -> Calibration | str:
    """The phantom's line, scaled to this body's size and corrected for the shift that the scan's tissues show."""
    line = phantom_line_of(scan)
    if isinstance(line, str):
        return line
    if not is_tabulated(scan):
        return f"{scan.kvp:g} kVp is not tabulated for tissues"
    own, kvp = line.calibration_at(scan.vbmd_by(line)), round(scan.kvp)
    if line.water_path_cm is not None:
        rods = known_phantoms()[USUAL_PHANTOM[own.mineral]]
        here, there = beam_line(kvp, scan.path_cm, rods), beam_line(kvp, line.water_path_cm, rods)
        factor = here.slope_mg_cm3_per_hu / there.slope_mg_cm3_per_hu
        own = replace(own, slope_mg_cm3_per_hu=own.slope_mg_cm3_per_hu * factor)
    size = size_uncertainty(scan, line_path_cm=line.water_path_cm)
    return without_shift(scan, replace(own, kind="precalibrated"), drift_since(scan, line), parts=(size,))


def carried(scan: Scan) -> Calibration | str:
    """The phantom line of this scanner at another tube voltage, its slope scaled by physics.

    The reading at the HU of no mineral is kept; the slope is multiplied by the ratio of two slopes from the beam table,
    which hardly depends on the filter. The shift is estimated from the scan's tissues.
    """
    line = phantom_line_of_other_voltage(scan)
    if isinstance(line, str):
        return line
    if not is_tabulated(scan):
        return f"{scan.kvp:g} kVp is not tabulated for tissues"
    rods = known_phantoms()[USUAL_PHANTOM[line.mineral]]
    here = beam_line(round(scan.kvp), scan.path_cm, rods)
    there = beam_line(round(line.scanner.kvp), line.water_path_cm or scan.path_cm, rods)
    own = line.calibration_at(scan.vbmd_by(line))
    slope = own.slope_mg_cm3_per_hu * here.slope_mg_cm3_per_hu / there.slope_mg_cm3_per_hu
    converted = Uncertainty(
        name="tube voltage",
        relative_sd=_CONVERSION_RELATIVE_SD,
        source="100 kVp converted to 120 lay 2.6 % below scans at 120 (AAPM 2026)",
    )
    moved = replace(
        own,
        name=f"{own.name} carried to {scan.kvp:g} kVp",
        kind="carried",
        kvp=scan.kvp,
        slope_mg_cm3_per_hu=slope,
        intercept_mg_cm3=own.vbmd_mg_cm3(there.zero_mineral_hu) - slope * here.zero_mineral_hu,
        source=f"{own.source}, measured at {line.scanner.kvp:g} kVp",
    )
    size = size_uncertainty(scan, line_path_cm=line.water_path_cm)
    return without_shift(scan, moved, drift_since(scan, line), parts=(size, converted))


def site(scan: Scan) -> Calibration | str:
    """The most specific of the site's lines: model before vendor before any, named kernel before any, then latest."""
    lines = site_lines_of(scan)
    return lines[-1].calibration if lines else ""


def tissues(scan: Scan) -> Calibration | str:
    """The line by physics for this tube voltage and body size, corrected for the shift that the tissues show."""
    if reason := _not_general(scan, beam_kvps()):
        return reason
    path_cm, aim = scan.path_cm, scan.qct_phantom
    beam = beam_line(round(scan.kvp), path_cm, aim)
    filtration = Uncertainty(
        name="beam filter", relative_sd=beam.filter_relative_sd, source="half-value layers from 7.1 mm Al"
    )
    line = Calibration(
        name=f"tissues {scan.kvp:g} kVp",
        kind="tissues",
        slope_mg_cm3_per_hu=beam.slope_mg_cm3_per_hu,
        intercept_mg_cm3=beam.intercept_mg_cm3,
        residual_sd_mg_cm3=0.0,
        kvp=scan.kvp,
        mineral=aim.mineral,
        source=f"{aim.name} by NIST attenuation behind {path_cm:.0f} cm of water",
        uncertainties=(filtration,),
    )
    size = size_uncertainty(scan, line_path_cm=path_cm)
    return as_general(without_shift(scan, line, ANY_SCANNER, parts=(size,)))


def effective_energy(scan: Scan) -> Calibration | str:
    """The parabola of Michalski's effective energy; refused if the fit is poor or the energy out of range."""
    if reason := _not_general(scan, (scan.kvp,)):
        return reason
    found = usable_tissues(scan.tissues)
    adipose = found.get("fat", found.get("deep fat"))
    hu: dict[str, float] = {n: found[n] for n in ("air", "blood", "cortical", "muscle") if n in found}
    hu |= {} if adipose is None else {"adipose": adipose}
    missing = [name for name in TISSUES if name not in hu]
    if missing:
        # With fewer tissues the fit is good at any energy: three gave 100 mg/cm3 too much and R2 above 0.99.
        return f"effective energy needs {', '.join(missing)}, not found or not plausible in this scan"
    fit = fit_effective_energy(hu)
    low, high, least = ENERGY_LOW.value, ENERGY_HIGH.value, ENERGY_R2.value
    if not low <= fit.energy_kev <= high or fit.r2 < least:
        return (
            f"effective energy {fit.energy_kev:g} keV, R2 {fit.r2:.4f}; "
            f"needed are {low:g} to {high:g} keV and R2 from {least:g}"
        )
    intercept, slope, curvature = fit.parabola(Mineral.K2HPO4)
    shown = ", ".join(f"{name} {value:.0f}" for name, value in sorted(hu.items()))
    return Calibration(
        name=f"effective energy {fit.energy_kev:g} keV",
        kind="effective_energy",
        slope_mg_cm3_per_hu=slope,
        intercept_mg_cm3=intercept,
        residual_sd_mg_cm3=_ENERGY_RESIDUAL_SD,
        kvp=scan.kvp,
        mineral=Mineral.K2HPO4,
        source=f"Michalski 2020, R2 {fit.r2:.4f}, {curvature:.3g} HU^2; HU {shown}",
        curvature_mg_cm3_per_hu2=curvature,
    )


def two_tissue(scan: Scan) -> Calibration | str:
    """The line through the muscle and fat of a native scan, at the mineral densities that physics assigns to them."""
    if reason := _not_general(scan, beam_kvps()):
        return reason
    found = usable_tissues(scan.tissues)
    gap = found.get("muscle", np.nan) - found.get("fat", np.nan)
    if not gap >= TWO_TISSUE_GAP.value:
        return "muscle and fat of a native scan are needed, not found or not plausible in this one"
    path_cm, kvp, aim = scan.path_cm, round(scan.kvp), scan.qct_phantom
    beam, expected = beam_line(kvp, path_cm, aim), expected_tissue_hu(kvp, path_cm)
    slope = beam.slope_mg_cm3_per_hu * (expected["muscle"] - expected["fat"]) / gap
    muscle = beam.slope_mg_cm3_per_hu * expected["muscle"] + beam.intercept_mg_cm3
    scatter = float(np.hypot(TISSUE_SD_HU["muscle"], TISSUE_SD_HU["fat"])) / gap
    parts = (
        Uncertainty(name="muscle and fat", relative_sd=scatter, source="scatter of their densities, extrapolated"),
        Uncertainty(name="muscle", offset_sd_mg_cm3=slope * TISSUE_SD_HU["muscle"], source="fat between its fibres"),
        Uncertainty(name="beam filter", relative_sd=beam.filter_relative_sd, source="half-value layers"),
        size_uncertainty(scan, line_path_cm=path_cm),
    )
    return as_general(
        Calibration(
            name=f"muscle and fat {scan.kvp:g} kVp",
            kind="two_tissue",
            slope_mg_cm3_per_hu=slope,
            intercept_mg_cm3=muscle - slope * found["muscle"],
            residual_sd_mg_cm3=0.0,
            kvp=scan.kvp,
            mineral=aim.mineral,
            source=f"modes of muscle {found['muscle']:.0f} and fat {found['fat']:.0f} HU (form of Pan 2023)",
            uncertainties=parts,
        )
    )


def published(scan: Scan) -> Calibration | str:
    """The line of a usual adult for exactly this tube voltage."""
    if reason := _not_general(scan, shipped_kvps()):
        return reason
    return as_general(usual_line(round(scan.kvp), scan.qct_phantom))


#: Every way, by its name in the setting calibration_order.
WAYS: dict[str, Way] = {
    "in_scan": in_scan,
    "precalibrated": precalibrated,
    "phantom": phantom,
    "site": site,
    "carried": carried,
    "tissues": tissues,
    "effective_energy": effective_energy,
    "two_tissue": two_tissue,
    "published": published,
}


def _not_general(scan: Scan, kvps: tuple[float, ...]) -> str:
    """Why a line that was not measured on this scanner cannot be used; '' if it can."""
    if scan.is_sharp:
        return "a sharp kernel needs a line of its own"
    if any(abs(kvp - scan.kvp) <= KVP_TOLERANCE.value for kvp in kvps):
        return ""
    return f"{scan.kvp:g} kVp; lines exist for {', '.join(f'{kvp:g}' for kvp in kvps)} kVp"
