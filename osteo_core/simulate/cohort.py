"""A cohort on disk: one DICOM folder per patient, with the QCT reference and the truth beside them.

    OUT/dicom/SIM-100000/002/0001.dcm ...   studies, as an archive would hold them
    OUT/reference.csv                       QCT values to import
    OUT/truth.csv                           the truth, for tests; never imported

A patient's folder is complete or absent, so the work can be stopped at any time; the next call skips
the patients that exist. The tables are written first, since they need no rendering.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from osteo_core.simulate.patient import DEMO_SEEDS, draw_patient
from osteo_core.simulate.qct import REFERENCE_COLUMNS, TRUTH_COLUMNS, reference_rows, truth_rows, write_rows
from osteo_core.simulate.study import write_study
from osteo_core.simulate.truth import SimulatedPatient


@dataclass(frozen=True, kw_only=True)
class SimulatedCohort:
    """The paths of a cohort, and its patients."""

    dicom: Path
    reference: Path
    truth: Path
    patients: tuple[SimulatedPatient, ...]


def draw_cohort(out_dir: Path, *, n_patients: int, seed: int = DEMO_SEEDS.start) -> SimulatedCohort:
    """The cohort as it will be; nothing is written."""
    return SimulatedCohort(
        dicom=out_dir / "dicom",
        reference=out_dir / "reference.csv",
        truth=out_dir / "truth.csv",
        patients=tuple(draw_patient(seed + index) for index in range(n_patients)),
    )


def write_tables(cohort: SimulatedCohort) -> None:
    """Write the QCT reference and the truth of all patients, which need no rendering."""
    cohort.dicom.mkdir(parents=True, exist_ok=True)
    write_rows(cohort.reference, REFERENCE_COLUMNS, (row for p in cohort.patients for row in reference_rows(p)))
    write_rows(cohort.truth, TRUTH_COLUMNS, (row for p in cohort.patients for row in truth_rows(p)))


def write_patient(out_dir: Path, patient: SimulatedPatient) -> Path:
    """Write one patient unless it exists already; returns its folder."""
    folder = out_dir / "dicom" / patient.patient_id
    if folder.exists():
        return folder
    partial = out_dir / ".partial" / f"{patient.patient_id}.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    write_study(partial, patient)
    folder.parent.mkdir(parents=True, exist_ok=True)
    os.replace(partial, folder)
    return folder
