"""Measurements of each simulated patient for benchmarks.density: rendered once, true masks, the released measurement.

Patients come from TEST_SEEDS (from 540000 on, which no other benchmark uses), one vendor after another. A QCT Pro
phantom is simulated for each scanner, at the scan's tube voltage and at another one, with rods as manufactured, in a
body of 25 cm, up to 300 days before the patient; in the meantime HU fall by 0.55 to 2.29 a year (Loeffler 2019).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from osteo_core.assessment.assess import sound_levels
from osteo_core.density.calibration.known_phantoms import QCT_PRO, known_phantoms
from osteo_core.density.calibration.phantom import COLUMNS, OPTIONAL_COLUMNS
from osteo_core.density.contrast import ContrastCorrection, contrast_correction, decide_phase
from osteo_core.density.roi import measure_levels
from osteo_core.density.tissues import find_calibration_tissues
from osteo_core.morphometry.fracture import grade_fractures
from osteo_core.morphometry.frame import find_bodies
from osteo_core.records import (
    CalibrationTissues,
    Geometry,
    LabelArray,
    Measurement,
    Segmentation,
    SegmentedLevel,
    Series,
    Volume,
)
from osteo_core.simulate.flaws import added_hu, contrast_kept
from osteo_core.simulate.palette import beam_of
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient, stream
from osteo_core.simulate.physics import Beam
from osteo_core.simulate.qct import qct_levels
from osteo_core.simulate.reading import rods_hu, true_vbmd
from osteo_core.simulate.render import render
from osteo_core.simulate.scanners import MAKERS
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.terms import Anchor, ContrastPhase, KernelGroup, Level, Vendor

FIRST_SEED = TEST_SEEDS.start + 40_000
STUDY = date(2026, 1, 1)
#: Water around the phantom's rods in cm.
_PHANTOM_CM = 25.0
_ROD_NOISE_HU = 1.0


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One patient as measured, and the truth: vBMD by level, and QCT's reading (None without QCT)."""

    seed: int
    series: Series
    measurements: tuple[Measurement, ...]
    tissues: CalibrationTissues
    correction: ContrastCorrection | None
    is_native: bool
    true_mg_cm3: dict[Level, float]
    qct_mg_cm3: dict[Level, float]
    phantom_rows: tuple[dict[str, str], ...]


def draw_facts(patients_a_vendor: int) -> Iterator[Facts]:
    """This many patients of each vendor, measured."""
    for patient in draw_patients(patients_a_vendor, first_seed=FIRST_SEED):
        yield measure(patient)[0]


def draw_patients(patients_a_vendor: int, *, first_seed: int) -> Iterator[SimulatedPatient]:
    """This many patients of each vendor, in the order of their seeds."""
    wanted = {maker.vendor: patients_a_vendor for maker in MAKERS}
    seed = first_seed
    while any(wanted.values()):
        patient = draw_patient(seed, situations=False)
        seed += 1
        if wanted[patient.acquisition.maker.vendor]:
            wanted[patient.acquisition.maker.vendor] -= 1
            yield patient


def segmentation_of(labels: LabelArray, geometry: Geometry) -> Segmentation:
    """The true bodies of T12-L5 as a segmentation; a body that touches the first or last slice is cut."""
    lumbar = np.where(labels >= Level.T12, labels, 0).astype(np.uint8)
    levels = []
    for value in np.unique(lumbar[lumbar > 0]):
        where = np.argwhere(lumbar == value)
        cut = " and ".join(
            side for side, k in (("below", 0), ("above", lumbar.shape[2] - 1)) if (where[:, 2] == k).any()
        )
        centre = geometry.to_world_mm(where.mean(axis=0))
        levels.append(
            SegmentedLevel(
                level=Level(int(value)),
                confidence=1.0,
                voxels=len(where),
                centroid_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                cut=cut,
            )
        )
    return Segmentation(
        labels=lumbar,
        geometry=geometry,
        levels=tuple(levels),
        anchor=Anchor.BOTH,
        engine="truth",
        model_hash="0" * 12,
    )


def write_phantoms(facts: list[Facts], path: Path) -> None:
    """The phantom scans of all scanners, as the CSV that a site would keep."""
    write_rods((row for one in facts for row in one.phantom_rows), path)


def write_rods(rows: Iterable[dict[str, str]], path: Path) -> None:
    """The rods of phantom scans, as the CSV that a site would keep."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *OPTIONAL_COLUMNS])
        writer.writeheader()
        writer.writerows(rows)


def measure(patient: SimulatedPatient) -> tuple[Facts, Volume, Segmentation]:
    """The measurements of one patient, its CT and its true bodies."""
    volume, labels = render(patient)
    segmentation = segmentation_of(labels, volume.geometry)
    return facts_of(patient, volume, segmentation), volume, segmentation


def facts_of(patient: SimulatedPatient, volume: Volume, segmentation: Segmentation, *, steady: bool = False) -> Facts:
    """The measurements on this image with the patient's true bodies; ``steady``: the scanner has not drifted."""
    bodies = find_bodies(segmentation)
    step_mm = max((body.step_along_mm for body in bodies), default=1.0)
    measurements, _ = grade_fractures(measure_levels(volume, segmentation, bodies), step_mm=step_mm)
    tissues = find_calibration_tissues(volume, segmentation, bodies)
    series = series_of(patient)
    phase, _ = decide_phase(series, tissues)
    sound = sound_levels(measurements)
    return Facts(
        seed=patient.seed,
        series=series,
        measurements=sound,
        tissues=tissues,
        correction=contrast_correction(phase, series.kvp),
        is_native=patient.contrast.phase is ContrastPhase.NATIVE,
        true_mg_cm3={m.level: true_vbmd(patient, patient.level(m.level)) for m in sound},
        qct_mg_cm3=qct_levels(patient),
        phantom_rows=phantom_scans(patient, steady=steady),
    )


def phantom_scans(patient: SimulatedPatient, *, steady: bool = False) -> tuple[dict[str, str], ...]:
    """Phantom scans at the patient's own tube voltage and at another one, from which a line can be converted."""
    own, about = patient.acquisition.kvp, {"model": _model(patient), "device_key": patient.patient_id}
    return tuple(
        row
        for kvp in (own, 100 if own == 120 else 120)
        for row in phantom_rods(patient, study=STUDY, kvp=kvp, steady=steady, **about)
    )


def _model(patient: SimulatedPatient) -> str:
    """One name per scanner, so that each patient has an earlier phantom scan on exactly that unit."""
    return f"{patient.acquisition.model} of {patient.patient_id}"


def series_of(patient: SimulatedPatient) -> Series:
    scan, contrast = patient.acquisition, patient.contrast
    declared = contrast.declared and contrast.phase is not ContrastPhase.NATIVE
    return Series(
        series_key=patient.patient_id,
        study_key=patient.patient_id,
        patient_key=patient.patient_id,
        series_instance_uid=patient.patient_id,
        files=(),
        vendor=scan.maker.vendor,
        manufacturer_model_name=_model(patient),
        device_key=patient.patient_id,
        kvp=float(scan.kvp),
        kernel_group=KernelGroup.STANDARD,
        study_date=STUDY,
        contrast_bolus_agent=scan.maker.agent if declared else None,
        is_simulated=True,
    )


def phantom_rods(
    patient: SimulatedPatient, *, model: str, study: date, device_key: str, kvp: int | None = None, steady: bool = False
) -> tuple[dict[str, str], ...]:
    """The rods of a phantom on the patient's scanner, with that model name and unit, some time before the study.

    At the tube voltage of the patient's scan unless ``kvp`` is given; ``steady``: it has not drifted since.
    """
    rng = stream(patient.seed, "phantom")
    scan = patient.acquisition
    own = beam_of(patient)
    kvp = kvp or scan.kvp
    beam = Beam(filtration=own.filtration, kvp=own.kvp - scan.kvp + kvp, water_cm=_PHANTOM_CM)
    flaws, width_mm = replace(scan.flaws, drift_hu=0.0), 10 * _PHANTOM_CM
    added = float(added_hu(flaws, np.zeros(1), np.zeros(1), trunk_mm=width_mm)[0]) + scan.offset_hu
    gain = scan.gain * contrast_kept(flaws, width_mm)
    days = int(rng.integers(1, 300))
    fallen_hu = 0.0 if steady else float(rng.uniform(0.55, 2.29)) * days / 365.25
    rows, phantom = [], known_phantoms()[QCT_PRO]
    for rod, true_hu in zip(phantom.rods, rods_hu(phantom, beam), strict=True):
        hu = gain * true_hu + added + fallen_hu
        rows.append(
            {
                "scan_date": (study - timedelta(days=days)).isoformat(),
                "vendor": Vendor(scan.maker.vendor).value,
                "manufacturer_model_name": model,
                "kvp": f"{kvp}",
                "kernel_group": "",
                "phantom": phantom.name,
                "mineral": phantom.mineral.value,
                "density_mg_cm3": f"{rod.density_mg_cm3:g}",
                "mean_hu": f"{hu + float(rng.normal(0, _ROD_NOISE_HU)):.2f}",
                "water_path_cm": f"{_PHANTOM_CM:g}",
                "device_key": device_key,
            }
        )
    return tuple(rows)
