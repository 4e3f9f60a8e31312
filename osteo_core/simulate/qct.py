"""The QCT that a site would hold beside its CT: the truth seen through a phantom's errors.

Mineral: K2HPO4-equivalent, as the norms are. Short-term precision is 1.7 % a level (Wang 2017, Sci Rep 7:6284, reports
0.5-0.9 mg/cm3 on a phantom; patients are placed anew). What else two readings of one patient differ by is bounded by
Bartenschlager 2023: pre-calibrated CT and QCT with its phantom in view lie 2.7-3.5 mg/cm3 (SD) apart, the errors of
both together, and 0.1-2.4 on average. A scatter of 1.8 a patient and 1 a level makes QCT's own part 2.1 at 120 mg/cm3
(mean of four levels); an offset by vendor is what phantoms leave behind. Marrow fat errs both alike, so it is no part
of this. Fractured and cemented levels are not reported.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from osteo_core.simulate.palette import shown_hu, trabecular_expectation_hu
from osteo_core.simulate.patient import stream
from osteo_core.simulate.scene import trunk_middle_y
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.terms import MEASURED_LEVELS, Level, Mineral, Vendor

#: Share of patients who also had QCT.
QCT_SHARE = 0.85
PRECISION = 0.017
PATIENT_SD_MG_CM3 = 1.8
LEVEL_SD_MG_CM3 = 1.0
VENDOR_OFFSET_MG_CM3 = {
    Vendor.GE: 1.2,
    Vendor.SIEMENS: -0.8,
    Vendor.PHILIPS: 1.8,
    Vendor.CANON: -1.6,
    Vendor.UIH: 0.6,
}
SOURCE = "simulated QCT with phantom"
REFERENCE_COLUMNS = ("PatientID", "Level", "vBMD_mg_cm3", "Mineral", "Source", "Simulated")
TRUTH_COLUMNS = (
    "PatientID", "Seed", "Sex", "AgeYears", "Level", "vBMD_mg_cm3", "Mineral", "HA_mg_cm3", "MarrowFat", "ExpectedHU",
    "AnteriorHeight_mm", "MiddleHeight_mm", "PosteriorHeight_mm", "FractureKind", "FractureGrade", "Cement", "Screws",
    "Vendor", "KVP", "Kernel", "Phase", "ContrastDeclared", "FieldOfView", "Situation", "Simulated",
)  # fmt: skip


def qct_levels(patient: SimulatedPatient, *, everyone: bool = False) -> dict[Level, float]:
    """What QCT reads at L1-L4, mg/cm3 (K2HPO4); empty for a patient without QCT, unless ``everyone`` has it."""
    rng = stream(patient.seed, "qct")
    has_qct = rng.random() < QCT_SHARE or everyone
    shift = float(rng.normal(0, PATIENT_SD_MG_CM3)) + VENDOR_OFFSET_MG_CM3[patient.acquisition.maker.vendor]
    found = {}
    for name in MEASURED_LEVELS:
        level = patient.level(name)
        error = level.vbmd_mg_cm3 * PRECISION * float(rng.normal()) + LEVEL_SD_MG_CM3 * float(rng.normal())
        if has_qct and level.fracture is None and not level.screws:
            found[name] = max(level.vbmd_mg_cm3 + error + shift, 0.0)
    return found


def reference_rows(patient: SimulatedPatient) -> list[dict[str, object]]:
    """Rows of the reference CSV: each sound level, then the patient's mean with a blank level."""
    levels = qct_levels(patient)
    shared = {"PatientID": patient.patient_id, "Mineral": Mineral.K2HPO4.value, "Source": SOURCE, "Simulated": "true"}
    rows: list[dict[str, object]] = [
        {**shared, "Level": level.name, "vBMD_mg_cm3": f"{value:.1f}"} for level, value in levels.items()
    ]
    if levels:
        rows.append({**shared, "Level": "", "vBMD_mg_cm3": f"{np.mean(list(levels.values())):.1f}"})
    return rows


def truth_rows(patient: SimulatedPatient) -> list[dict[str, object]]:
    """Rows of the truth CSV: all that is true of each lumbar level and T12."""
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
            f"{level.vbmd_mg_cm3:.2f}", Mineral.K2HPO4.value, f"{level.ha_mg_cm3:.2f}",
            f"{patient.habitus.marrow_fat:.3f}", f"{shown_hu(patient, inside[level.level], behind_middle_mm=back):.1f}",
            f"{level.anterior_height_mm:.2f}", f"{level.middle_height_mm:.2f}", f"{level.posterior_height_mm:.2f}",
            fracture.kind.value if fracture else "", fracture.grade if fracture else 0,
            level.cement_ml > 0, level.screws, scan.maker.vendor.value, scan.kvp, scan.kernel.name,
            contrast.phase.value, contrast.declared, patient.field_of_view.value, patient.situation.value, "true",
        )  # fmt: skip
        rows.append(dict(zip(TRUTH_COLUMNS, values, strict=True)))
    return rows


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[dict[str, object]]) -> None:
    """Write a CSV whole or not at all."""
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, path)
