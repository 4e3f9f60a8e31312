"""What does each scanner flaw cost? ``python -m benchmarks.ablation [--patients 5] [--workers 1]``.

The same native patients (true masks, as in benchmarks.density; seeds from FIRST_SEED, which nothing else uses) with all
flaws, with each one removed in turn, and with none: bias, SD and limits of the patient's mean against simulated QCT of
the same body on the same scanner, phantomless (`tissues`) and precalibrated. Removing a flaw that matters narrows the
limits. ``flaws`` of the scanner are those of osteo_core/simulate/flaws.py; the others come from the patient, or from
QCT itself.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.density import Answer, answer
from benchmarks.density_facts import Facts, facts_of, segmentation_of, write_phantoms
from benchmarks.resumable import as_text, collect
from benchmarks.scoring import Row
from osteo_core.records import LabelArray, Volume
from osteo_core.settings import Settings
from osteo_core.simulate.flaws import PERFECT
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.physics import REFERENCE_BEAM
from osteo_core.simulate.qct import qct_levels
from osteo_core.simulate.render import paint_truth, scan_truth, scene_geometry
from osteo_core.simulate.scanners import MAKERS
from osteo_core.simulate.scene import make_scene
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.statistics.agreement import bland_altman
from osteo_core.terms import ContrastPhase

#: Marrow of an adult, half of it fat.
_USUAL_FAT = 0.5
FIRST_SEED = TEST_SEEDS.start + 20_000
ALL, NONE, QCT = "all flaws", "none of them", "QCT's own error"
#: Mean diameter of the body around the phantom (benchmarks.density_facts).
_PHANTOM_MM = 250.0
Change = Callable[[SimulatedPatient], SimulatedPatient]


def _scan(patient: SimulatedPatient, **changed: Any) -> SimulatedPatient:
    return replace(patient, acquisition=replace(patient.acquisition, **changed))


def _flaw(name: str) -> Change:
    """Removes one flaw of the scanner."""
    return lambda patient: _scan(patient, flaws=replace(patient.acquisition.flaws, **{name: getattr(PERFECT, name)}))


def _reference_beam(patient: SimulatedPatient) -> SimulatedPatient:
    return _scan(_flaw("kvp_shift")(patient), filtration=REFERENCE_BEAM.filtration)


def _plain_kernel(patient: SimulatedPatient) -> SimulatedPatient:
    return _scan(patient, kernel=replace(patient.acquisition.kernel, edge=0.0))


def _usual_fat(patient: SimulatedPatient) -> SimulatedPatient:
    return replace(patient, habitus=replace(patient.habitus, marrow_fat=_USUAL_FAT))


def _phantom_size(patient: SimulatedPatient) -> SimulatedPatient:
    """The trunk, and with it the field of view, scaled to the phantom's size."""
    own = patient.habitus
    factor = 2 * _PHANTOM_MM / (own.trunk_width_mm + own.trunk_depth_mm)
    habitus = replace(own, trunk_width_mm=own.trunk_width_mm * factor, trunk_depth_mm=own.trunk_depth_mm * factor)
    return replace(patient, habitus=habitus)


#: What each row of the table removes. Those of the first group change only the image, not the painted anatomy.
OF_THE_IMAGE: dict[str, Change] = {
    "offset and gain": lambda patient: _scan(patient, offset_hu=0.0, gain=1.0),
    "cupping": _flaw("cupping_hu"),
    "scatter": _flaw("scatter"),
    "off-centre": _flaw("slope_hu_per_cm"),
    "drift": _flaw("drift_hu"),
    "kernel edge": _plain_kernel,
}
OF_THE_BODY: dict[str, Change] = {
    "spectrum": _reference_beam,
    "marrow fat": _usual_fat,
    "patient size": _phantom_size,
}
_STEADY = ("drift", NONE)


def without_all(patient: SimulatedPatient) -> SimulatedPatient:
    """The patient with none of the flaws."""
    for change in (*OF_THE_IMAGE.values(), *OF_THE_BODY.values()):
        patient = change(patient)
    return patient


def patient_rows(key: str) -> list[Row]:
    """One row per variant and calibration for the patient with this seed."""
    patient = draw_patient(int(key), situations=False)
    scene = make_scene(patient)
    truth, labels = paint_truth(patient, scene)
    facts = {ALL: _measured(patient, patient, truth, labels)}
    for name, change in OF_THE_IMAGE.items():
        facts[name] = _measured(change(patient), patient, truth, labels, steady=name in _STEADY)
    for name, change in (OF_THE_BODY | {NONE: without_all}).items():
        changed = change(patient)
        # The field of view stays: the scene is that of the first patient, with a different body in it.
        facts[name] = _measured(changed, patient, *paint_truth(changed, scene), steady=name in _STEADY)
    return [
        {"seed": patient.seed, "variant": name, "calibration": calibration, **_answered(own, calibration)}
        for name, own in facts.items()
        for calibration in ("phantomless", "precalibrated")
    ]


def _measured(
    patient: SimulatedPatient, first: SimulatedPatient, truth: Any, labels: LabelArray, *, steady: bool = False
) -> Facts:
    scene = make_scene(first)
    hu = scan_truth(patient, scene, truth)
    volume = Volume(voxels_hu=hu.transpose(2, 1, 0), geometry=scene_geometry(scene), provenance=("simulated",))
    facts = facts_of(patient, volume, segmentation_of(labels.transpose(2, 1, 0), volume.geometry), steady=steady)
    return replace(facts, qct_mg_cm3=qct_levels(patient, everyone=True))


def _answered(facts: Facts, calibration: str) -> Row:
    """Value, QCT and truth over the levels that both the program and QCT have, or the reason for no value."""
    facts = replace(facts, measurements=tuple(m for m in facts.measurements if m.level in facts.qct_mg_cm3))
    if calibration == "phantomless":
        found = answer(facts, Settings(calibration_order="tissues"))
    else:
        with tempfile.TemporaryDirectory() as folder:
            phantoms = Path(folder) / "phantoms.csv"
            write_phantoms([facts], phantoms)
            found = answer(facts, Settings(phantom_table=str(phantoms), calibration_order="precalibrated"))
    if not isinstance(found, Answer):
        return {"refused": found}
    return {"value": found.mean.value, "true": found.true_mg_cm3, "qct": found.qct_mg_cm3}


def table(rows: list[Row]) -> list[Row]:
    """One line per variant and calibration, over the patients with a value in every variant of that calibration."""
    names = list(dict.fromkeys(row["variant"] for row in rows))
    lines = []
    for calibration in ("phantomless", "precalibrated"):
        own = [row for row in rows if row["calibration"] == calibration]
        refused = {row["seed"] for row in own if "refused" in row}
        for name in (*(one for one in names if one != NONE), QCT, NONE):
            variant = ALL if name == QCT else name
            reference = "true" if name in (QCT, NONE) else "qct"
            given = [row for row in own if row["variant"] == variant and row["seed"] not in refused]
            errors = np.array([[row["value"], row[reference]] for row in given])
            lines.append({"calibration": calibration, "without": name, "n": len(given), **_spread(errors)})
    return lines


def _spread(errors: np.ndarray) -> Row:
    found = bland_altman(errors[:, 0], errors[:, 1])
    return {
        "bias": found.bias.value,
        "bias_low": found.bias.low,
        "bias_high": found.bias.high,
        "sd": found.sd,
        "loa_low": found.lower_limit.value,
        "loa_high": found.upper_limit.value,
    }


def draw_seeds(patients_a_vendor: int) -> list[int]:
    """Seeds of this many native patients of each vendor."""
    wanted = {maker.vendor: patients_a_vendor for maker in MAKERS}
    seeds, seed = [], FIRST_SEED
    while any(wanted.values()):
        patient = draw_patient(seed, situations=False)
        vendor = patient.acquisition.maker.vendor
        if patient.contrast.phase is ContrastPhase.NATIVE and wanted[vendor]:
            wanted[vendor] -= 1
            seeds.append(seed)
        seed += 1
    return seeds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=5, help="patients a vendor")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    keys = [str(seed) for seed in draw_seeds(arguments.patients)]
    lines = table(collect("ablation", keys, patient_rows, workers=arguments.workers))
    print(json.dumps(lines, indent=1) if arguments.json else as_text(lines))


if __name__ == "__main__":
    main()
