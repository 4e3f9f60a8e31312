"""The QCT that a site would have beside its CT: a QCT Pro phantom under the patient, scanned and read with errors.

Bone and rods are in the patient's own beam (`reading.py`), each at its position on this scanner; each vertebra is
calibrated by the rods beside it, by the phantom's own arithmetic. So cupping and an off-centre patient give QCT an
offset of its own, as in reality (base rods of one trial read -10 to +4 HU). Short-term precision is 1.7 % per level
(Wang 2017, Sci Rep 7:6284, reports 0.5-0.9 mg/cm3 on a phantom; patients are repositioned). Pre-calibrated CT and QCT
with its phantom in view differ by 2.7-3.5 mg/cm3 (SD), the errors of both together (Bartenschlager 2023): an SD of 1.8
per patient and 1 per level makes QCT's own part 2.1 at 120 mg/cm3 (mean of four levels) beside that offset. Marrow fat
affects QCT and CT alike. Levels with a fracture, cement or screws are not reported.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from osteo_core.density.calibration.known_phantoms import QCT_PRO, fit_rods, known_phantoms
from osteo_core.simulate.curve import place_spine
from osteo_core.simulate.palette import native_trabecular_hu, shown_hu, trabecular_expectation_hu
from osteo_core.simulate.patient import stream
from osteo_core.simulate.reading import true_vbmd
from osteo_core.simulate.scene import trunk_middle_y
from osteo_core.simulate.truth import SimulatedLevel, SimulatedPatient
from osteo_core.simulate.under_back import rods_along, shown_rods
from osteo_core.terms import MEASURED_LEVELS, Level, Mineral
from osteo_core.whole_files import writing

#: Share of patients who also had QCT.
QCT_SHARE = 0.85
PRECISION = 0.017
PATIENT_SD_MG_CM3 = 1.8
LEVEL_SD_MG_CM3 = 1.0
SOURCE = "simulated QCT, Mindways Model 3 in view"
REFERENCE_COLUMNS = ("PatientID", "Level", "vBMD_mg_cm3", "Unit", "Mineral", "Source", "Simulated")
TRUTH_COLUMNS = (
    "PatientID", "Seed", "Sex", "AgeYears", "Level", "vBMD_mg_cm3", "Mineral", "HA_mg_cm3", "MarrowFat", "ExpectedHU",
    "AnteriorHeight_mm", "MiddleHeight_mm", "PosteriorHeight_mm", "FractureKind", "FractureGrade", "Cement", "Screws",
    "Vendor", "KVP", "Kernel", "Phase", "ContrastDeclared", "FieldOfView", "Situation", "Simulated",
)  # fmt: skip


def qct_levels(patient: SimulatedPatient, *, everyone: bool = False) -> dict[Level, float]:
    """The readings of QCT at L1-L4, mg/cm3 (K2HPO4); empty for a patient without QCT, unless ``everyone`` has it."""
    rng = stream(patient.seed, "qct")
    has_qct = rng.random() < QCT_SHARE or everyone
    shift = float(rng.normal(0, PATIENT_SD_MG_CM3))
    found = {}
    for name in MEASURED_LEVELS:
        level = patient.level(name)
        value = _read_once(patient, level)
        error = value * PRECISION * float(rng.normal()) + LEVEL_SD_MG_CM3 * float(rng.normal())
        if has_qct and level.fracture is None and not level.screws:
            found[name] = max(value + error + shift, 0.0)
    return found


def _read_once(patient: SimulatedPatient, level: SimulatedLevel) -> float:
    """The reading of a level by the rods beside it, both as the scanner shows them; without noise or contrast."""
    phantom = known_phantoms()[QCT_PRO]
    z = np.array([float(place_spine(patient).at(level.level).frame.origin[2])])
    rods = shown_rods(patient, rods_along(patient, phantom, z))[:, 0]
    behind = -trunk_middle_y(patient)  # the spine's middle is the origin
    bone = shown_hu(patient, native_trabecular_hu(patient, level), behind_middle_mm=behind)
    return fit_rods(phantom.rods, [float(hu) for hu in rods]).reading_mg_cm3(bone)


def reference_rows(patient: SimulatedPatient) -> list[dict[str, object]]:
    """Rows of the reference CSV: each sound level, then the patient's mean with a blank level."""
    levels = qct_levels(patient)
    shared = {
        "PatientID": patient.patient_id,
        "Unit": "mg/cm3",  # stated, because some densities are as small as T-scores
        "Mineral": Mineral.K2HPO4.value,
        "Source": SOURCE,
        "Simulated": "true",
    }
    rows: list[dict[str, object]] = [
        {**shared, "Level": level.name, "vBMD_mg_cm3": f"{value:.1f}"} for level, value in levels.items()
    ]
    if levels:
        rows.append({**shared, "Level": "", "vBMD_mg_cm3": f"{np.mean(list(levels.values())):.1f}"})
    return rows


def truth_rows(patient: SimulatedPatient) -> list[dict[str, object]]:
    """Rows of the truth CSV: the true values of T12 and each lumbar level."""
    scan, contrast = patient.acquisition, patient.contrast
    rows: list[dict[str, object]] = []
    inside = {level.level: trabecular_expectation_hu(patient, level) for level in patient.levels}
    back = -trunk_middle_y(patient)  # the spine's middle is the origin
    for level in patient.levels:
        if level.level < Level.T12:
            continue
        fracture = level.fracture
        values: Sequence[object] = (
            patient.patient_id, patient.seed, patient.sex.value, patient.age_years, level.level.name,
            f"{true_vbmd(patient, level):.2f}", Mineral.K2HPO4.value, f"{level.ha_mg_cm3:.2f}",
            f"{patient.habitus.marrow_fat:.3f}", f"{shown_hu(patient, inside[level.level], behind_middle_mm=back):.1f}",
            f"{level.anterior_height_mm:.2f}", f"{level.middle_height_mm:.2f}", f"{level.posterior_height_mm:.2f}",
            fracture.kind.value if fracture else "", fracture.grade if fracture else 0,
            level.cement_ml > 0, level.screws, scan.maker.vendor.value, scan.kvp, scan.kernel.name,
            contrast.phase.value, contrast.declared, patient.field_of_view.value, patient.situation.value, "true",
        )  # fmt: skip
        rows.append(dict(zip(TRUTH_COLUMNS, values, strict=True)))
    return rows


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[dict[str, object]]) -> None:
    """Write a CSV completely or not at all."""
    with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
