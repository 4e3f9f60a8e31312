"""The simulated population against the anchors of Cheng 2021 (JBMR 36:427); nothing is rendered here."""

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.simulate.bones import LOSS_BY_GRADE
from osteo_core.simulate.norms import VBMD_SD_MG_CM3, draw_vbmd, mean_vbmd
from osteo_core.simulate.patient import DEMO_SEEDS, TEST_SEEDS, draw_patient
from osteo_core.simulate.qct import qct_levels, reference_rows, truth_rows
from osteo_core.simulate.reading import true_vbmd
from osteo_core.simulate.truth import FractureKind, SimulatedPatient, Situation
from osteo_core.terms import MEASURED_LEVELS, ContrastPhase, Level, Sex


@pytest.fixture(scope="module")
def population() -> list[SimulatedPatient]:
    return [draw_patient(seed) for seed in range(TEST_SEEDS.start, TEST_SEEDS.start + 1500)]


#: Share of each 5-year band from age 50 in the 2010 census of China, both sexes together
#: (general knowledge; reproduces the published prevalence within 1.5 points).
CENSUS_FROM_50 = {50: 78.8, 55: 81.3, 60: 58.7, 65: 41.1, 70: 33.0, 75: 23.9, 80: 13.4, 85: 5.6, 90: 2.0}


def test_the_same_seed_gives_the_same_patient() -> None:
    assert draw_patient(500_017) == draw_patient(500_017)
    assert draw_patient(500_017) != draw_patient(500_018)


def test_leaving_out_situations_leaves_the_patient_as_is() -> None:
    changed = [seed for seed in range(500_000, 500_060) if draw_patient(seed).situation == Situation.LOCALISER]
    assert changed
    for seed in changed:
        plain = draw_patient(seed, situations=False)
        assert plain == replace(draw_patient(seed), situation=Situation.PLAIN)


def test_demo_and_test_seeds_are_apart() -> None:
    assert not set(DEMO_SEEDS) & set(TEST_SEEDS)


@pytest.mark.parametrize(
    ("age", "sex", "published"),
    [(32, Sex.FEMALE, 185.4), (32, Sex.MALE, 176.6), (80, Sex.FEMALE, 62.4), (80, Sex.MALE, 92.1)],
)
def test_norms_pass_the_published_anchors(age: int, sex: Sex, published: float) -> None:
    """Cheng 2021, JBMR 36:427."""
    assert mean_vbmd(age, sex) == pytest.approx(published, abs=0.1)


@pytest.mark.parametrize(("sex", "published"), [(Sex.FEMALE, 0.290), (Sex.MALE, 0.135)])
def test_prevalence_over_50_is_the_published_one(sex: Sex, published: float) -> None:
    """Cheng 2021: 29.0 % of women and 13.5 % of men below 80 mg/cm3, standardised to the census of 2010."""
    rng = np.random.default_rng(8)
    bands, people = list(CENSUS_FROM_50), np.array(list(CENSUS_FROM_50.values()))
    ages = rng.choice(bands, size=40_000, p=people / people.sum()) + rng.uniform(0, 5, 40_000)
    below = np.mean([draw_vbmd(rng, age, sex) < 80 for age in ages])
    assert below == pytest.approx(published, abs=0.02)


def test_ages_sexes_and_phases_are_spread(population: list[SimulatedPatient]) -> None:
    ages = [patient.age_years for patient in population]
    assert min(ages) >= 40
    assert max(ages) <= 90
    assert np.mean([patient.sex == Sex.FEMALE for patient in population]) == pytest.approx(0.52, abs=0.04)
    assert {patient.contrast.phase for patient in population} == {
        ContrastPhase.NATIVE,
        ContrastPhase.ARTERIAL,
        ContrastPhase.PORTAL_VENOUS,
        ContrastPhase.DELAYED,
    }
    big_three = [p.acquisition.maker.vendor.value in ("GE", "Siemens", "Philips") for p in population]
    assert np.mean(big_three) == pytest.approx(0.82, abs=0.04)


def test_marrow_enhancement_is_the_published_one(population: list[SimulatedPatient]) -> None:
    """Pompe 2015, Pickhardt 2016: +11..18 HU with an SD of about 19 between patients."""
    portal = [p.contrast.marrow_hu for p in population if p.contrast.phase == ContrastPhase.PORTAL_VENOUS]
    arterial = [p.contrast.marrow_hu for p in population if p.contrast.phase == ContrastPhase.ARTERIAL]
    assert np.mean(portal) == pytest.approx(18, abs=2.5)
    assert np.mean(arterial) == pytest.approx(11, abs=4)
    assert np.std(portal) == pytest.approx(19, abs=2.5)


def test_levels_differ_by_no_more_than_the_stated_offset(population: list[SimulatedPatient]) -> None:
    spread = [np.ptp([true_vbmd(p, p.level(level)) for level in MEASURED_LEVELS]) for p in population[:300]]
    assert max(spread) <= 10.5
    assert np.mean(spread) == pytest.approx(6.0, abs=1.0)


def test_sizes_of_lumbar_bodies_are_the_published_ones(population: list[SimulatedPatient]) -> None:
    """L1-L5: height 25-29, width 40-52, depth 30-36 mm on average."""
    for level in (Level.L1, Level.L2, Level.L3, Level.L4, Level.L5):
        bodies = [p.level(level) for p in population if p.level(level).fracture is None]
        assert 24 <= np.mean([body.posterior_height_mm for body in bodies]) <= 29
        assert 40 <= np.mean([body.width_mm for body in bodies]) <= 53
        assert 30 <= np.mean([body.depth_mm for body in bodies]) <= 36
    women, men = ([p.level(Level.L3).width_mm for p in population if p.sex == sex] for sex in (Sex.FEMALE, Sex.MALE))
    assert np.mean(men) > np.mean(women) + 2


def test_fractures_lose_what_their_grade_says(population: list[SimulatedPatient]) -> None:
    fractured = [level for patient in population for level in patient.levels if level.fracture]
    assert len(fractured) > 60
    for level in fractured:
        low, high = LOSS_BY_GRADE[level.fracture.grade]
        assert low <= level.fracture.loss <= high
        if level.fracture.kind == FractureKind.WEDGE:
            assert level.anterior_height_mm < level.posterior_height_mm * (1 - low + 0.08)
    assert {level.fracture.kind for level in fractured} == set(FractureKind)


def test_unknown_level_is_refused() -> None:
    patient = replace(draw_patient(500_001), levels=())
    with pytest.raises(KeyError, match="level L1 is not simulated"):
        patient.level(Level.L1)


def test_qct_errs_as_stated(population: list[SimulatedPatient]) -> None:
    """Includes the unseen fleet's cupping and off-centre patients: errors of rods at the back and of bone differ."""
    read = {patient.seed: (patient, qct_levels(patient)) for patient in population[:600]}
    errors = [v - true_vbmd(p, p.level(level)) for p, levels in read.values() for level, v in levels.items()]
    assert np.mean([bool(levels) for _, levels in read.values()]) == pytest.approx(0.85, abs=0.04)
    assert -3.0 < np.mean(errors) < 0.5
    assert np.std(errors) == pytest.approx(3.5, abs=0.5)


def test_readings_scatter_by_what_the_norm_says_marrow_included(population: list[SimulatedPatient]) -> None:
    scores = [
        (true_vbmd(p, p.level(Level.L2)) - mean_vbmd(p.age_years, p.sex)) / VBMD_SD_MG_CM3 for p in population[:600]
    ]
    assert np.mean(scores) == pytest.approx(0.0, abs=0.12)
    assert np.std(scores) == pytest.approx(1.0, abs=0.08)


def test_reference_rows_are_the_contract(population: list[SimulatedPatient]) -> None:
    patient = next(p for p in population if len(qct_levels(p)) == 4)
    rows = reference_rows(patient)
    assert [row["Level"] for row in rows] == ["L1", "L2", "L3", "L4", ""]
    assert {row["Mineral"] for row in rows} == {"K2HPO4"}
    assert {row["Simulated"] for row in rows} == {"true"}
    mean = np.mean([float(str(row["vBMD_mg_cm3"])) for row in rows[:4]])
    assert float(str(rows[4]["vBMD_mg_cm3"])) == pytest.approx(mean, abs=0.11)


def test_truth_rows_tell_every_lumbar_level(population: list[SimulatedPatient]) -> None:
    rows = truth_rows(population[0])
    assert [row["Level"] for row in rows] == ["T12", "L1", "L2", "L3", "L4", "L5"]
    assert float(str(rows[1]["vBMD_mg_cm3"])) == pytest.approx(
        true_vbmd(population[0], population[0].level(Level.L1)), abs=0.01
    )
