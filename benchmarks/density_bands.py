"""Bias of each way by band of vBMD, vendor and tube voltage: ``python -m benchmarks.density --bands [--json]``.

Native patients of every vendor on scanners unseen in training, each scanned at every tube voltage; HU of bone and
tissues are computed from physics and the scanner's flaws at their positions, not measured on an image (the table
without `--bands` measures images), so that every band has enough levels. The reference is simulated QCT of that scanner
and voltage; a level belongs to the band of its error-free reading, since banding by a noisy reading would itself bend
the ends. Bias is the mean of the way's value minus QCT's, mg/cm3; None if a band has no level.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.density_facts import Facts, draw_patients, phantom_scans, series_of, write_phantoms
from osteo_core.density.calibration.apply import vbmd_of_level
from osteo_core.density.calibration.choose import choose_calibration
from osteo_core.density.calibration.setup import read_setup
from osteo_core.outcomes import Exclusion
from osteo_core.records import CalibrationTissues, Measurement, TissueSample
from osteo_core.settings import Settings
from osteo_core.simulate.palette import (
    beam_of,
    native_trabecular_hu,
    palette_of,
    shown_hu,
    trunk_mm,
)
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.qct import qct_levels
from osteo_core.simulate.reading import true_vbmd
from osteo_core.simulate.scanners import MAKERS
from osteo_core.simulate.scene import trunk_middle_y
from osteo_core.simulate.truth import Contrast, SimulatedPatient
from osteo_core.terms import MEASURED_LEVELS, ContrastPhase, Level

FIRST_SEED = TEST_SEEDS.start + 70_000
BAND_MG_CM3, HIGHEST_MG_CM3 = 40, 240
KVPS = (80, 100, 120, 140)
WAYS = ("precalibrated", "phantom", "carried", "tissues", "published")
#: Position of each tissue, as a fraction of the way from the trunk's middle to the skin of the back.
_PLACES = {"air": 1.2, "fat": 0.95, "muscle": 0.55, "blood": 0.1}
_AREA_MM2 = 900.0
_DENSE_YEARS = 40


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One level in one way: vendor and tube voltage of the scan, error-free reading, QCT's, the way's own; mg/cm3."""

    way: str
    vendor: str
    kvp: int
    true_mg_cm3: float
    qct_mg_cm3: float
    value_mg_cm3: float


def physical_facts(patient: SimulatedPatient) -> Facts:
    """What a native scan of the patient would show, computed from physics and the scanner's flaws without an image."""
    palette, trunk = palette_of(patient), trunk_mm(patient)
    hu = {"air": -999.0, "fat": palette.fat, "muscle": palette.muscle, "blood": palette.blood}
    samples = tuple(
        TissueSample(
            name=name,
            mean_hu=shown_hu(patient, hu[name], behind_middle_mm=share * trunk / 2.0),
            sd_hu=10.0,
            area_mm2=_AREA_MM2,
        )
        for name, share in _PLACES.items()
    )
    sound = [n for n in MEASURED_LEVELS if patient.level(n).fracture is None and not patient.level(n).screws]
    return Facts(
        seed=patient.seed,
        series=series_of(patient),
        measurements=tuple(_measured(patient, name) for name in sound),
        tissues=CalibrationTissues(
            samples=samples, contrast_phase=ContrastPhase.NATIVE, water_path_cm=beam_of(patient).water_cm
        ),
        correction=None,
        is_native=True,
        true_mg_cm3={name: true_vbmd(patient, patient.level(name)) for name in sound},
        qct_mg_cm3=qct_levels(patient, everyone=True),
        phantom_rows=phantom_scans(patient),
    )


def _measured(patient: SimulatedPatient, name: Level) -> Measurement:
    hu = native_trabecular_hu(patient, patient.level(name))
    shown = shown_hu(patient, hu, behind_middle_mm=-trunk_middle_y(patient))
    return Measurement(
        level=name, voxels=9000, volume_ml=30.0, roi_voxels=3000, roi_volume_ml=6.0, median_hu=shown, sd_hu=25.0
    )


def draw_scans(patients_a_vendor: int) -> Iterator[Facts]:
    """This many patients of each vendor, every one scanned native at every tube voltage.

    Every second one is _DENSE_YEARS old, so that the bands above 160 mg/cm3 have more than a few people.
    """
    for place, drawn in enumerate(draw_patients(patients_a_vendor, first_seed=FIRST_SEED)):
        patient = draw_patient(drawn.seed, situations=False, age=_DENSE_YEARS) if place % 2 else drawn
        native = replace(patient, contrast=Contrast(phase=ContrastPhase.NATIVE))
        for kvp in KVPS:
            yield physical_facts(replace(native, acquisition=replace(native.acquisition, kvp=kvp)))


def pairs_of(facts: Facts, ways: Sequence[str] = WAYS) -> list[Pair]:
    """The levels of one scan in every way that gives a number."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        phantoms = Path(folder) / "phantoms.csv"
        write_phantoms([facts], phantoms)
        for way in ways:
            settings = Settings(phantom_table=str(phantoms), calibration_order=way)
            line = choose_calibration(facts.series, read_setup(settings), facts.tissues)
            if isinstance(line, Exclusion):
                continue
            for measurement in facts.measurements:
                value = vbmd_of_level(measurement, line, None)
                if value is None or measurement.level not in facts.qct_mg_cm3:
                    continue
                found.append(
                    Pair(
                        way=way,
                        vendor=str(facts.series.vendor),
                        kvp=round(facts.series.kvp or 0),
                        true_mg_cm3=facts.true_mg_cm3[measurement.level],
                        qct_mg_cm3=facts.qct_mg_cm3[measurement.level],
                        value_mg_cm3=value.value,
                    )
                )
    return found


def bands(pairs: Sequence[Pair]) -> list[dict[str, object]]:
    """One row per way, vendor, tube voltage ('all': pooled) and band; the last band of each is the whole range."""
    vendors = [*dict.fromkeys(str(maker.vendor) for maker in MAKERS), "all"]
    edges = [*((low, low + BAND_MG_CM3) for low in range(0, HIGHEST_MG_CM3, BAND_MG_CM3)), (0, HIGHEST_MG_CM3)]
    rows: list[dict[str, object]] = []
    for way in WAYS:
        for vendor in vendors:
            for kvp in ("all", *KVPS):
                own = [
                    pair
                    for pair in pairs
                    if pair.way == way and vendor in (pair.vendor, "all") and kvp in (pair.kvp, "all")
                ]
                rows += [_row(way, vendor, kvp, own, low=low, high=high) for low, high in edges]
    return rows


def _row(way: str, vendor: str, kvp: object, pairs: Sequence[Pair], *, low: int, high: int) -> dict[str, object]:
    errors = [pair.value_mg_cm3 - pair.qct_mg_cm3 for pair in pairs if low <= pair.true_mg_cm3 < high]
    return {
        "way": way,
        "vendor": vendor,
        "kvp": kvp,
        "low_mg_cm3": low,
        "high_mg_cm3": high,
        "n": len(errors),
        "bias_mg_cm3": float(np.mean(errors)) if errors else None,
    }
