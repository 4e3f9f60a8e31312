"""Effective energy against worked rows of Michalski's method and the printed record of a real scan."""

import re

import numpy as np
import pytest

from osteo_core.density.calibration.attenuation import energy_range_kev, mass_attenuation
from osteo_core.density.calibration.energy import fit_effective_energy
from osteo_core.terms import Mineral
from tests.shared_data import shared_data

NAMES = ("adipose", "air", "blood", "cortical", "muscle")
ROWS = [
    # HU; energy, R2, s, t, u, v; K2HPO4 at 0, 50 .. 250 HU. Computed independently of this code, from the NIST tables.
    (
        (-100, -1000, 45, 1500, 55),
        (94.5, 0.998633, 1.531896e-5, 0.1726876, 8.793793e-4, 0.9627285),
        (34.8, 55.3, 77.5, 101.3, 126.8, 154.0),
    ),
    (
        (-95, -1000, 40, 1300, 52),
        (97.0, 0.998114, 1.526561e-5, 0.1711402, 8.966380e-4, 0.9671498),
        (34.2, 57.6, 83.0, 110.3, 139.6, 170.7),
    ),
    (
        (-105, -1000, 50, 1100, 60),
        (99.5, 0.995670, 1.517123e-5, 0.1695559, 9.154880e-4, 0.9723457),
        (32.1, 59.4, 89.0, 120.9, 155.2, 191.7),
    ),
]


@pytest.mark.parametrize(("hu", "fit", "vbmd"), ROWS)
def test_worked_rows_of_the_method(hu, fit, vbmd):
    found = fit_effective_energy(dict(zip(NAMES, hu, strict=True)))
    energy, r2, s, t, u, v = fit
    assert found.energy_kev == energy
    assert found.r2 == pytest.approx(r2, abs=6e-7)
    assert (found.mass_slope, found.mass_intercept) == pytest.approx((s, t), rel=1e-5)
    assert (found.density_slope, found.density_intercept) == pytest.approx((u, v), rel=1e-6)
    a, b, c = found.parabola(Mineral.K2HPO4)
    at = np.arange(0.0, 251.0, 50.0)
    assert a + b * at + c * at**2 == pytest.approx(np.array(vbmd), abs=0.051)


def test_a_real_calibration_is_reproduced_to_its_printed_digits():
    text = shared_data("tables", "verse004_internal_calibration.txt").read_text(encoding="utf-8")

    def printed(label: str) -> tuple[float, int]:
        number = re.search(rf"{re.escape(label)}\s+(-?[\d.]+)", text)[1]
        return float(number), len(number.partition(".")[2])

    labels = dict(zip(NAMES, ("Adipose", "Air", "Blood", "Cortical Bone", "Skeletal Muscle"), strict=True))
    found = fit_effective_energy({name: printed(label)[0] for name, label in labels.items()})
    for label, value in {
        "Energy [keV]:": found.energy_kev,
        "Max R^2:": found.r2,
        "HU-u/p Slope": found.mass_slope,
        "HU-u/p Y-Intercept": found.mass_intercept,
        "HU-Material Density Slope": found.density_slope,
        "HU-Material Density Y-Intercept": found.density_intercept,
    }.items():
        number, digits = printed(label)
        assert round(value, digits) == number, label
    attenuations = text[text.index("Mass Attenuation") :]
    for name, label in {**labels, "K2HPO4": "K2HPO4", "HA": "CHA", "triglyceride": "Triglyceride"}.items():
        number = float(re.search(rf"\b{label}\s+([\d.]+)", attenuations)[1])
        assert round(float(mass_attenuation(name, found.energy_kev)), 3) == number, label


def test_hydroxyapatite_is_read_higher_than_k2hpo4():
    # The same attenuation is more HA than K2HPO4 where HA attenuates little more per gram. The ratio 0.81-0.86
    # (Goodsitt 1992) is for phantoms in water, so only the order is tested here.
    found = fit_effective_energy(dict(zip(NAMES, ROWS[0][0], strict=True)))
    k2hpo4, ha = (sum(c * 150.0**n for n, c in enumerate(found.parabola(m))) for m in (Mineral.K2HPO4, Mineral.HA))
    assert ha < k2hpo4


@pytest.mark.parametrize("hu", [{"adipose": -100.0, "air": -1000.0}, {"adipose": -1.0, "air": 1.0, "chalk": 3.0}])
def test_too_few_or_unknown_tissues_are_refused(hu):
    with pytest.raises(ValueError, match="at least 3 of"):
        fit_effective_energy(hu)


def test_attenuation_is_the_tables_at_its_own_energies_and_linear_between():
    assert float(mass_attenuation("water", 60.0)) == 0.2059
    assert float(mass_attenuation("water", 90.0)) == pytest.approx((0.1837 + 0.1707) / 2)
    assert energy_range_kev() == (40.0, 150.0)
    with pytest.raises(ValueError, match="tabulated from 40 to 150 keV, asked at 30"):
        mass_attenuation("water", 30.0)
