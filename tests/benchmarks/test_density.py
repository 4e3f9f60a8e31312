"""The calibration benchmark on facts without rendering: HU computed from the simulator's physics."""

import pytest

from benchmarks.density import Answer, answer, summary, table
from benchmarks.density_facts import STUDY, Facts, phantom_scans, series_of, write_phantoms
from osteo_core.density.calibration.setup import read_setup
from osteo_core.records import CalibrationTissues, Measurement, TissueSample
from osteo_core.settings import Settings
from osteo_core.simulate.palette import palette_of, shown_hu, trabecular_expectation_hu
from osteo_core.simulate.patient import DEMO_SEEDS, draw_patient
from osteo_core.simulate.reading import true_vbmd
from osteo_core.terms import MEASURED_LEVELS, ContrastPhase


def _facts(seed: int) -> Facts:
    patient = draw_patient(seed, situations=False)
    palette = palette_of(patient)
    samples = tuple(
        TissueSample(name=name, mean_hu=shown_hu(patient, hu, behind_middle_mm=0.0), sd_hu=10.0, area_mm2=900.0)
        for name, hu in (("air", -999.0), ("fat", palette.fat), ("muscle", palette.muscle), ("blood", palette.aorta))
    )
    measurements = tuple(
        Measurement(
            level=level,
            voxels=9000,
            volume_ml=30.0,
            roi_voxels=3000,
            roi_volume_ml=6.0,
            median_hu=shown_hu(patient, trabecular_expectation_hu(patient, patient.level(level)), behind_middle_mm=0.0),
            sd_hu=25.0,
        )
        for level in MEASURED_LEVELS
    )
    return Facts(
        seed=seed,
        series=series_of(patient),
        measurements=measurements,
        tissues=CalibrationTissues(
            samples=samples,
            contrast_phase=ContrastPhase.NATIVE,
            water_path_cm=(patient.habitus.trunk_width_mm + patient.habitus.trunk_depth_mm) / 20.0,
        ),
        correction=None,
        is_native=patient.contrast.phase is ContrastPhase.NATIVE,
        true_mg_cm3={level: true_vbmd(patient, patient.level(level)) for level in MEASURED_LEVELS},
        qct_mg_cm3={},
        phantom_rows=phantom_scans(patient),
    )


@pytest.fixture(scope="module")
def natives():
    found = (_facts(seed) for seed in range(DEMO_SEEDS.start, DEMO_SEEDS.start + 60))
    return [one for one in found if one.is_native]


def test_phantoms_of_every_scanner_bring_the_values_within_a_few_mg(natives, tmp_path):
    write_phantoms(natives, tmp_path / "phantoms.csv")
    settings = Settings(phantom_table=str(tmp_path / "phantoms.csv"), calibration_order="precalibrated")
    setup = read_setup(settings)
    answers = [answer(one, settings, setup) for one in natives]
    assert all(isinstance(found, Answer) for found in answers)
    row = summary(answers)
    assert row["n"] == len(natives)
    assert row["r"] > 0.995
    assert abs(row["bias"]) < 2.0
    assert row["rmse"] < 3.0
    assert row["coverage"] > 0.9


def test_a_patient_with_one_sound_level_has_no_answer_but_a_reason(natives):
    alone = Facts(**{**vars(natives[0]), "measurements": natives[0].measurements[:1]})
    assert answer(alone, Settings()) == "fewer than two sound levels"


def test_the_table_counts_refusals_with_their_reason(natives):
    rows = [row for row in table(natives) if row["vendor"] == "all" and row["group"] == "native"]
    refused = {row["way"]: row["refused"] for row in rows}
    assert refused["effective_energy"] == len(natives)
    assert refused["tissues"] == refused["precalibrated"] == 0
    assert next(row for row in rows if row["way"] == "effective_energy")["reason"].startswith("effective energy needs")
    assert natives[0].series.study_date == STUDY
