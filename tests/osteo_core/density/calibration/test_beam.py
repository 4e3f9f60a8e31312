"""Physics of the beam table against published figures and its own source."""

import numpy as np
import pytest

from osteo_core.density.calibration.beam import beam_kvps, beam_line, expected_tissue_hu
from osteo_core.density.calibration.lines import TRABECULAR_HU_BY_KVP


def test_the_line_at_120_kvp_agrees_with_the_published_one():
    # QCT = 17.8 + 0.7 HU (Schroeder et al.), for which none of the table's constants was chosen.
    line = beam_line(120, 28.0)
    at = np.array([50.0, 100.0, 150.0, 200.0])
    assert line.slope_mg_cm3_per_hu * at + line.intercept_mg_cm3 == pytest.approx(17.8 + 0.7 * at, abs=2.0)


@pytest.mark.parametrize("kvp", sorted(TRABECULAR_HU_BY_KVP))
def test_an_independent_spectrum_lies_within_the_beam_s_own_uncertainty(kvp):
    # Made before with 3.6 mm Al + 0.6 mm Cu behind 25 cm of water: harder than the heaviest filter of the table.
    line = beam_line(kvp, 25.0)
    k2hpo4 = line.slope_mg_cm3_per_hu * np.array(TRABECULAR_HU_BY_KVP[kvp]) + line.intercept_mg_cm3
    ha = 1.15 * k2hpo4 - 7.32
    assert ha / np.array([60.0, 80.0, 120.0, 180.0]) == pytest.approx(1.0, abs=2.5 * line.filter_relative_sd)


def test_more_voltage_and_a_larger_body_lower_the_hu_of_bone():
    slopes = [beam_line(kvp, 28.0).slope_mg_cm3_per_hu for kvp in beam_kvps()]
    assert slopes == sorted(slopes)
    assert beam_line(120, 34.0).slope_mg_cm3_per_hu > beam_line(120, 22.0).slope_mg_cm3_per_hu
    assert 0.005 < beam_line(120, 28.0).relative_per_cm < 0.009


def test_tissues_lie_where_textbooks_put_them():
    hu = expected_tissue_hu(120, 28.0)
    assert -110 < hu["fat"] < -80
    assert 40 < hu["muscle"] < 60
    assert 35 < hu["blood"] < 55
    assert hu["air"] == pytest.approx(-1000, abs=2)


def test_a_voltage_that_is_not_tabulated_is_an_error():
    with pytest.raises(KeyError):
        beam_line(90, 28.0)
