"""Physics of the beam table against measured and published figures, and against the simulator's own table."""

import pytest

from osteo_core.density.calibration.beam import beam_kvps, beam_line, expected_tissue_hu
from osteo_core.density.calibration.known_phantoms import QCT_PRO, known_phantoms
from osteo_core.simulate.physics import Beam
from osteo_core.simulate.reading import phantom_line

HA = known_phantoms()["HA water equivalent"]


def test_the_line_at_120_kvp_lies_between_the_real_scan_of_its_rods_and_the_published_filtration():
    # 0.800283 in the one public scan of QCT Pro rods; 0.815 behind 3.6 mm Al and 0.6 mm Cu (AAPM 2026).
    line = beam_line(120, 25.0)
    assert line.slope_mg_cm3_per_hu == pytest.approx((0.8003 + 0.8148) / 2, abs=0.001)
    assert abs(line.intercept_mg_cm3) < 0.5


@pytest.mark.parametrize("kvp", [80, 100, 120, 140])
@pytest.mark.parametrize("path_cm", [22.0, 28.0, 34.0])
def test_the_line_reads_the_reference_filter_s_rods_within_3_mg_cm3(kvp, path_cm):
    """From 20 to 220 mg/cm3: two independent tables of one phantom."""
    truth, line = (
        phantom_line(QCT_PRO, Beam(filtration="reference", kvp=kvp, water_cm=path_cm)),
        beam_line(kvp, path_cm),
    )
    for vbmd in (20.0, 120.0, 220.0):
        hu = (vbmd - truth.intercept_mg_cm3) / truth.slope_mg_cm3_per_hu
        assert line.slope_mg_cm3_per_hu * hu + line.intercept_mg_cm3 == pytest.approx(vbmd, abs=3.0)


def test_a_line_on_the_scale_of_hydroxyapatite_reads_its_rods():
    """A trial's pad on a GE Discovery MI gave 0.76 to 0.99 mg/cm3 HA per HU."""
    line = beam_line(120, 28.0, HA)
    assert 0.76 < line.slope_mg_cm3_per_hu < 0.99
    assert line.intercept_mg_cm3 == pytest.approx(0.0, abs=1e-6)


def test_more_voltage_and_a_larger_body_lower_the_hu_of_bone():
    slopes = [beam_line(kvp, 28.0).slope_mg_cm3_per_hu for kvp in beam_kvps()]
    assert slopes == sorted(slopes)
    assert beam_line(120, 34.0).slope_mg_cm3_per_hu > beam_line(120, 22.0).slope_mg_cm3_per_hu
    assert 0.003 < beam_line(120, 28.0).relative_per_cm < 0.009


def test_tissues_lie_where_textbooks_put_them():
    hu = expected_tissue_hu(120, 28.0)
    assert -110 < hu["fat"] < -80
    assert 40 < hu["muscle"] < 60
    assert 35 < hu["blood"] < 55
    assert hu["air"] == pytest.approx(-1000, abs=2)


def test_a_voltage_that_is_not_tabulated_is_an_error():
    with pytest.raises(KeyError):
        beam_line(90, 28.0)


def test_beyond_the_table_the_line_is_that_of_its_edge_and_size_still_matters():
    edge, beyond, inside = (beam_line(120, path) for path in (40.0, 48.0, 39.0))
    assert beyond == edge
    # One-sided: the change over the last centimetre of the table.
    slopes = [beam_line(120, path).slope_mg_cm3_per_hu for path in (39.0, 40.0)]
    assert edge.relative_per_cm == pytest.approx((slopes[1] - slopes[0]) / slopes[1])
    assert edge.relative_per_cm == pytest.approx(inside.relative_per_cm, rel=0.25)
    assert beam_line(120, 10.0).relative_per_cm == pytest.approx(beam_line(120, 17.0).relative_per_cm, rel=0.35)
