"""QCT readings of simulated matter: the rods match their certificate, the arithmetic is the phantom's own."""

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.calibration.known_phantoms import QCT_PRO, fit_rods, known_phantoms
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.physics import Beam, densities, relative_attenuation, rod_hu, tissue_hu
from osteo_core.simulate.qct import qct_levels
from osteo_core.simulate.reading import ha_behind, phantom_line, reading_of, rods_hu, true_vbmd
from osteo_core.simulate.scene import make_scene
from osteo_core.simulate.under_back import BESIDE_DISCS, contrast_along, rods_along
from osteo_core.terms import Level, Mineral

PRO = known_phantoms()[QCT_PRO]


def _beam(kvp: float, water_cm: float) -> Beam:
    return Beam(filtration="reference", kvp=kvp, water_cm=water_cm)


@pytest.mark.parametrize(
    ("kvp", "water_cm", "slope", "intercept"),
    [
        (80, 25, 0.607, 0.24),
        (100, 25, 0.722, 0.29),
        (120, 20, 0.795, 0.32),
        (120, 25, 0.815, 0.33),
        (120, 30, 0.834, 0.33),
        (140, 25, 0.893, 0.36),
    ],
)
def test_a_qct_pro_reads_water_as_nothing_and_k2hpo4_as_itself(kvp, water_cm, slope, intercept):
    """The figures of DENSITY_SCALE section 1, from another program on the same attenuation tables."""
    line = phantom_line(QCT_PRO, _beam(kvp, water_cm))
    assert line.slope_mg_cm3_per_hu == pytest.approx(slope, abs=6e-4)
    assert line.intercept_mg_cm3 == pytest.approx(intercept, abs=6e-3)


@pytest.mark.parametrize("phantom", known_phantoms().values(), ids=lambda one: one.name)
@pytest.mark.parametrize("kvp", [80, 120, 140])
def test_rods_are_mineral_in_water_and_never_marrow(phantom, kvp):
    """Rods of marrow, or mineral that displaces marrow, would read 12 to 20 mg/cm3 in water, and fail here."""
    beam = _beam(kvp, 25.0)
    line = phantom_line(phantom.name, beam)
    assert line.reading_mg_cm3(tissue_hu("water", beam)) == pytest.approx(0.0, abs=0.5)
    relative = relative_attenuation(beam)[phantom.mineral.value]
    for rod, hu in zip(phantom.rods, rods_hu(phantom, beam), strict=True):
        if rod.water_mg_cm3 is None:
            solid = densities()[phantom.mineral.value]
            assert hu == pytest.approx(rod.density_mg_cm3 * (relative - 1.0 / solid), abs=1e-6)
        else:
            assert hu == pytest.approx(rod.water_mg_cm3 - 1000.0 + rod.density_mg_cm3 * relative, abs=1e-6)
        assert hu != pytest.approx(rod_hu(replace(rod, density_mg_cm3=rod.density_mg_cm3 + 10), phantom.mineral, beam))


@pytest.mark.parametrize(
    ("fat", "readings"), [(0.3, (45, 84, 122, 160, 199)), (0.5, (27, 66, 104, 143, 181)), (0.7, (9, 47, 86, 125, 164))]
)
def test_marrow_fat_moves_what_qct_reads_as_in_life(fat, readings):
    """The table of DENSITY_SCALE section 2, HA of 40 to 200 mg/cm3: 20 % more fat is 18 mg/cm3."""
    found = [reading_of(ha, fat) for ha in (40, 80, 120, 160, 200)]
    assert found == pytest.approx(readings, abs=0.6)


def test_the_mineral_behind_a_reading_gives_that_reading_again():
    assert reading_of(ha_behind(100.0, 0.55), 0.55) == pytest.approx(100.0)
    assert ha_behind(5.0, 0.2) == 0.0  # fat-free marrow alone reads more


def test_the_same_bone_reads_less_in_a_patient_of_fatter_marrow():
    patient = draw_patient(500_003)
    fatter = replace(patient, habitus=replace(patient.habitus, marrow_fat=patient.habitus.marrow_fat + 0.1))
    less = true_vbmd(patient, patient.level(Level.L1)) - true_vbmd(fatter, fatter.level(Level.L1))
    assert less == pytest.approx(9.0, abs=1.5)
    qct, qct_fatter = (qct_levels(one, everyone=True) for one in (patient, fatter))
    assert all(4.0 < qct[level] - qct_fatter[level] < 14.0 for level in qct)


def test_an_ha_phantom_says_the_same_bone_in_another_mineral():
    patient = draw_patient(500_003)
    level = patient.level(Level.L2)
    ha, k2hpo4 = (true_vbmd(patient, level, phantom=name) for name in ("HA water equivalent", QCT_PRO))
    assert known_phantoms()["HA water equivalent"].mineral is Mineral.HA
    assert ha / k2hpo4 == pytest.approx(0.8394 / 0.8072, abs=0.02)


def test_rods_under_a_patient_are_brighter_beside_discs_than_beside_bodies():
    patient = next(p for p in map(draw_patient, range(500_000, 500_050)) if contrast_along(p, np.array([1e6]))[0] > 1.1)
    z = make_scene(patient).grid.z
    factor = contrast_along(patient, z)
    assert factor.min() == 1.0
    assert 1.1 < factor.max() <= BESIDE_DISCS
    shown = rods_along(patient, PRO, z)
    assert shown.shape == (len(PRO.rods), len(z))
    densest = int(np.argmax([rod.density_mg_cm3 for rod in PRO.rods]))
    assert shown[densest].max() - shown[densest].min() > 30.0
    # The line of rods beside bodies is the true one; beside discs QCT would read too low.
    beside = [fit_rods(PRO.rods, shown[:, k].tolist()).slope_mg_cm3_per_hu for k in (factor.argmin(), factor.argmax())]
    assert beside[1] < beside[0]
