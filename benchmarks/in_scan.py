"""A phantom under the back of simulated patients: how often it is found, identified and read correctly.

``python -m benchmarks.in_scan [--patients 40] [--json]``: half of the patients lie on a known phantom (one of five,
in either direction, tilted, off centre), half on the table alone, a pad, a spine board or ECG leads. True masks;
in native patients the value is compared with what that phantom would read without error. Failures are included.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.density_facts import segmentation_of, series_of
from osteo_core.density.calibration.apply import mean_bone_hu, vbmd_of_level
from osteo_core.density.calibration.scan import Scan
from osteo_core.density.calibration.setup import read_setup
from osteo_core.density.calibration.ways import in_scan
from osteo_core.density.rod_row import find_rod_row
from osteo_core.density.roi import measure_levels
from osteo_core.morphometry.frame import find_bodies
from osteo_core.records import Calibration, CalibrationTissues
from osteo_core.settings import Settings
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient, stream
from osteo_core.simulate.reading import true_vbmd
from osteo_core.simulate.render import render
from osteo_core.simulate.truth import SimulatedPatient, Support, UnderBack
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import ContrastPhase

#: Seeds that no other benchmark uses.
FIRST_SEED = TEST_SEEDS.start + 98_400
PHANTOMS = ("Mindways Model 3", "HA water equivalent", "B-MAS 200", "Image Analysis QCT-3D Plus", "QRM-BDC 6")
DECOYS = (None, Support.PAD, Support.BOARD, Support.LEADS)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One patient: what was there, what was found, and the errors of its levels (mg/cm3; empty if enhanced)."""

    seed: int
    there: str
    found: str
    is_phantom: bool
    errors_mg_cm3: tuple[float, ...] = ()
    held: tuple[bool, ...] = ()


def on_phantom(patient: SimulatedPatient, number: int) -> SimulatedPatient:
    """The patient on the phantom with that number, placed as carelessly as in practice."""
    rng = stream(patient.seed, "on a phantom")
    return replace(
        patient,
        under_back=UnderBack(
            support=Support.PHANTOM,
            phantom=PHANTOMS[number % len(PHANTOMS)],
            is_turned_round=bool(rng.random() < 0.5),
            spacing_mm=float(rng.uniform(25, 38)),
            radius_mm=float(rng.uniform(7, 11)),
            middle_mm=float(rng.normal(0, 18)),
            lean=(float(rng.normal(0, 0.015)), float(rng.normal(0, 0.012))),
            turn_deg=float(rng.normal(0, 2.5)),
        ),
    )


def on_decoy(patient: SimulatedPatient, number: int) -> SimulatedPatient:
    """The patient on the table alone, or on an object that is not a phantom."""
    decoy = DECOYS[number % len(DECOYS)]
    return patient if decoy is None else replace(patient, under_back=UnderBack(support=decoy))


def look(patient: SimulatedPatient) -> Seen:
    """Render, search for the phantom, and read the levels with it."""
    volume, labels = render(patient)
    segmentation = segmentation_of(labels, volume.geometry)
    bodies = find_bodies(segmentation)
    row = find_rod_row(volume, bodies)
    setup = read_setup(Settings())
    levels = measure_levels(volume, segmentation, bodies)
    sound = [m for m in levels if m.exclusion is None]
    line = in_scan(
        Scan(
            series=series_of(patient),
            tissues=CalibrationTissues(),
            setup=setup,
            rod_row=row,
            bone_hu=mean_bone_hu(sound, None),
        )
    )
    under = patient.under_back
    seen = Seen(
        seed=patient.seed,
        there="table alone" if under is None else under.phantom or str(under.support),
        found=line.name.removesuffix(" in the scan") if isinstance(line, Calibration) else line or "nothing",
        is_phantom=under is not None and under.support is Support.PHANTOM,
    )
    if (
        not isinstance(line, Calibration)
        or seen.found != seen.there
        or patient.contrast.phase is not ContrastPhase.NATIVE
    ):
        return seen
    errors, held = [], []
    for measured in levels:
        value = None if measured.exclusion else vbmd_of_level(measured, line, None)
        if value is not None:
            true = true_vbmd(patient, patient.level(measured.level), phantom=seen.there)
            errors.append(value.value - true)
            held.append(value.low <= true <= value.high)
    return replace(seen, errors_mg_cm3=tuple(errors), held=tuple(held))


def summary(rows: list[Seen]) -> dict[str, object]:
    """Shares with Wilson intervals, bias and limits over levels, coverage of their intervals, and every failure."""
    on, off = [r for r in rows if r.is_phantom], [r for r in rows if not r.is_phantom]
    named = wilson(sum(r.found == r.there for r in on), len(on))
    false = sum(r.found in PHANTOMS for r in off)
    errors = np.array([e for r in on for e in r.errors_mg_cm3])
    held = [h for r in on for h in r.held]
    return {
        "on a phantom": len(on),
        "found and rightly named": {"value": named.value, "low": named.low, "high": named.high},
        "without one": len(off),
        "a phantom found where there is none": false,
        "native levels": len(errors),
        "bias mg/cm3": float(errors.mean()) if len(errors) else None,
        "SD mg/cm3": float(errors.std(ddof=1)) if len(errors) > 1 else None,
        "intervals that hold": float(np.mean(held)) if held else None,
        "failures": [f"{r.seed} {r.there}: {r.found}" for r in on if r.found != r.there]
        + [f"{r.seed} {r.there}: {r.found}" for r in off if r.found in PHANTOMS],
    }


def main() -> None:
    """Print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    arguments = parser.parse_args()
    rows: list[Seen] = []
    for number in range(arguments.patients):
        patient = draw_patient(FIRST_SEED + number, situations=False)
        rows.append(look(on_phantom(patient, number // 2) if number % 2 else on_decoy(patient, number // 2)))
        print(f"\r{len(rows)} patients", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    found = summary(rows)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        print(f"{name:36s} {value}")


if __name__ == "__main__":
    main()
