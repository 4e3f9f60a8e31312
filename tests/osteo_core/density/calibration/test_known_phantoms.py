"""Known phantoms: their tables, the arithmetic of each kind, and what a site's own file must not contain."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteo_core.density.calibration.known_phantoms import (
    COLUMNS,
    QCT_PRO,
    Rod,
    fit_rods,
    known_phantoms,
    phantom_named,
)
from osteo_core.errors import TableError
from osteo_core.terms import Mineral

PRO = known_phantoms()[QCT_PRO]
ROW = {
    "phantom": "Own",
    "mineral": "HA",
    "rod": "1",
    "density_mg_cm3": "0",
    "water_mg_cm3": "",
    "source": "certificate 12",
}


def _file(tmp_path, *rows):
    lines = [",".join(COLUMNS)]
    lines += [",".join(f'"{({**ROW, **row})[column]}"' for column in COLUMNS) for row in rows]
    path = tmp_path / "phantoms.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_qct_pro_gives_back_what_its_rods_were_made_of():
    """HU = water + 1.445 K - 1000: sigma_ref 1.445, beta_ref -1000."""
    line = fit_rods(PRO.rods, [rod.water_mg_cm3 + 1.445 * rod.density_mg_cm3 - 1000.0 for rod in PRO.rods])
    assert line.slope_mg_cm3_per_hu == pytest.approx(1.0 / (1.445 - 0.2174))
    assert line.intercept_mg_cm3 == pytest.approx(0.4 / (1.445 - 0.2174))
    assert (line.r2, line.residual_sd_mg_cm3) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-9))


def test_a_real_scan_of_qct_pro_rods_is_read_as_it_was():
    """A public program's test data, rods A to E: 0.800283 HU + 8.1229, r 0.999853."""
    line = fit_rods(PRO.rods, [-69.549, -35.378, 176.712, 345.738, 462.936])
    assert line.slope_mg_cm3_per_hu == pytest.approx(0.800283, abs=1e-6)
    assert line.intercept_mg_cm3 == pytest.approx(8.1229, abs=1e-3)
    assert np.sqrt(line.r2) == pytest.approx(0.999853, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(slope=st.floats(0.3, 3.0), offset=st.floats(-30, 30), shift=st.floats(-20, 20))
def test_an_ha_phantom_is_a_plain_line_and_follows_a_shift_of_hu(slope, offset, shift):
    rods = known_phantoms()["HA water equivalent"].rods
    hu = [slope * rod.density_mg_cm3 + offset for rod in rods]
    line = fit_rods(rods, hu)
    assert [line.reading_mg_cm3(x) for x in hu] == pytest.approx([rod.density_mg_cm3 for rod in rods], abs=1e-6)
    moved = fit_rods(rods, [x + shift for x in hu])
    assert moved.reading_mg_cm3(50.0 + shift) == pytest.approx(line.reading_mg_cm3(50.0), abs=1e-6)
    low, high = hu[0], hu[-1]
    assert line.reading_mg_cm3(40.0) == pytest.approx(200.0 * (40.0 - low) / (high - low), abs=1e-6)


@pytest.mark.parametrize(
    ("rods", "hu", "words"),
    [
        ((Rod(name="1", density_mg_cm3=100, water_mg_cm3=None),) * 3, (1, 2, 3), "rods of 2 densities"),
        (PRO.rods, (462.9, 345.7, 176.7, -35.4, -69.5), "HU do not rise"),
        ((*PRO.rods[:2], Rod(name="x", density_mg_cm3=100, water_mg_cm3=None)), (0, 1, 100), "others have none"),
    ],
)
def test_rods_that_make_no_line_are_refused(rods, hu, words):
    with pytest.raises(ValueError, match=words):
        fit_rods(rods, hu)


def test_every_shipped_phantom_has_a_source_and_at_least_two_densities():
    found = known_phantoms()
    assert {QCT_PRO, "Mindways Model 3 QA", "OSTEO", "European Spine Phantom", "QRM-BDC 6", "B-MAS 200"} <= set(found)
    for phantom in found.values():
        assert phantom.source
        assert phantom.has_own_water == (phantom.mineral is Mineral.K2HPO4)
    assert phantom_named(" mindways  model 3 ") == PRO
    assert phantom_named("unheard of") is None


def test_a_site_adds_a_phantom_as_a_file(tmp_path):
    own = _file(tmp_path, {}, {"rod": "2", "density_mg_cm3": "150"})
    found = phantom_named("own", own)
    assert [rod.density_mg_cm3 for rod in found.rods] == [0.0, 150.0]
    assert QCT_PRO in known_phantoms(own)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (({"density_mg_cm3": "1,020"},), r"row 2: density_mg_cm3: expected a number .*, found '1,020'"),
        (({"density_mg_cm3": "dense"},), "density_mg_cm3: expected a number from -200 to 1500 mg/cm3, found 'dense'"),
        (({"density_mg_cm3": "nan"},), "expected a number from -200 to 1500 mg/cm3, found 'nan'"),
        (({"water_mg_cm3": "1.01"},), "water_mg_cm3: expected a number from 500 to 1500 mg/cm3, found '1.01'"),
        (({"mineral": "chalk"},), "mineral: expected one of HA, K2HPO4, found 'chalk'"),
        (({"source": ""},), "row 2: source must be given"),
        (({},), "found 1 rods of one density"),
        (({}, {"density_mg_cm3": "100"}), "two rods have the same name"),
        (({}, {"rod": "2", "density_mg_cm3": "100", "water_mg_cm3": "1000"}), "for some rods only"),
        (
            tuple(
                {"rod": f"{mineral}{d}", "density_mg_cm3": d, "mineral": mineral}
                for mineral in ("HA", "K2HPO4")
                for d in ("0", "100")
            ),
            "phantom Own: rods of two minerals",
        ),
    ],
)
def test_a_definition_that_cannot_be_meant_is_refused_with_row_and_reason(tmp_path, rows, words):
    with pytest.raises(TableError, match=words):
        known_phantoms(_file(tmp_path, *rows))


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_file_is_phantoms_or_one_sentence(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "phantoms.csv"
    path.write_bytes(",".join(COLUMNS).encode() + b"\n" + content)
    with contextlib.suppress(TableError):
        assert all(phantom.rods for phantom in known_phantoms(str(path)).values())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TableError, match="cannot be read: No such file"):
        known_phantoms(str(tmp_path / "none.csv"))


@pytest.mark.parametrize("name", ["Image Analysis QCT-3D Plus", "HA water equivalent", "B-MAS 200", QCT_PRO])
@pytest.mark.parametrize("vbmd", [0.0, 60.0, 150.0, 300.0])
def test_the_error_of_a_fit_holds_the_truth_as_often_as_it_says_beyond_the_rods_too(name, vbmd):
    """A simulation: rods with noise of 3 HU; at any density 95 % of the intervals contain the reading of exact rods."""
    rng, rods = np.random.default_rng(7), known_phantoms()[name].rods
    exact = [1.3 * rod.density_mg_cm3 + (rod.water_mg_cm3 or 1000.0) - 1000.0 for rod in rods]
    true = fit_rods(rods, exact)
    hu, held = (vbmd - true.intercept_mg_cm3) / true.slope_mg_cm3_per_hu, 0
    for _ in range(2000):
        line = fit_rods(rods, (np.array(exact) + rng.normal(0, 3.0, len(rods))).tolist())
        held += abs(line.reading_mg_cm3(hu) - vbmd) <= 1.959964 * line.error_sd_mg_cm3(vbmd)
    assert 0.935 <= held / 2000 <= 0.965


def test_two_rods_do_not_say_how_well_they_fit():
    assert np.isnan(fit_rods(known_phantoms()["OSTEO"].rods, [0.0, 260.0]).error_sd_mg_cm3(100.0))
