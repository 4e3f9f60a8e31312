"""Phantom scans: the fit to handmade rods, refusals in words, validity, drift."""

from datetime import date

import numpy as np
import pytest

from osteo_core.density.calibration.phantom import COLUMNS, OPTIONAL_COLUMNS, read_phantom_lines
from osteo_core.errors import TableError
from osteo_core.terms import Mineral, Vendor

ROD = {
    "scan_date": "2024-03-01",
    "vendor": "GE",
    "manufacturer_model_name": "LightSpeed VCT",
    "kvp": "120",
    "kernel_group": "",
    "phantom": "ESP",
    "mineral": "HA",
}


def _scan(densities, hu, **changes):
    return [{**ROD, **changes, "density_mg_cm3": str(d), "mean_hu": str(h)} for d, h in zip(densities, hu, strict=True)]


def _read(tmp_path, *rows):
    columns = [*COLUMNS, *(name for name in OPTIONAL_COLUMNS if any(name in row for row in rows))]
    path = tmp_path / "phantom.csv"
    lines = [",".join(columns)] + [",".join(row.get(c, "") for c in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_phantom_lines(path)


def test_the_line_is_the_inverse_of_hu_on_density(tmp_path):
    (line,) = _read(tmp_path, *_scan((0, 50, 100, 200), (2.0, 67.0, 132.0, 262.0)))
    assert line.slope_mg_cm3_per_hu == pytest.approx(1 / 1.3)
    assert line.intercept_mg_cm3 == pytest.approx(-2.0 / 1.3)
    assert line.r2 == pytest.approx(1.0)
    assert (line.mineral, line.n_rods, line.refusal, line.drift_mg_cm3) == (Mineral.HA, 4, "", None)
    assert (line.scan_date, line.valid_to) == (date(2024, 3, 1), date(2025, 3, 1))
    calibration = line.calibration
    assert (calibration.kind, calibration.vendor, calibration.mineral) == ("phantom", Vendor.GE, Mineral.HA)
    assert calibration.vbmd_mg_cm3(132.0) == pytest.approx(100.0)


def test_the_error_of_the_fit_covers_the_truth_as_often_as_it_says(tmp_path):
    # A simulation: 5 rods with noise of 3 HU; 95 % of the intervals at 100 mg/cm3 contain the true line.
    rng = np.random.default_rng(4)
    densities = np.array([0.0, 50.0, 100.0, 150.0, 200.0])
    held = 0
    for _ in range(400):
        (line,) = _read(tmp_path, *_scan(densities, 1.3 * densities + 2.0 + rng.normal(0, 3.0, 5)))
        read = line.slope_mg_cm3_per_hu * 132.0 + line.intercept_mg_cm3
        held += abs(read - 100.0) <= 1.959964 * line.error_at_100_mg_cm3
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (_scan((0, 100), (0, 130)), "different densities: 2, at least 3 are needed"),
        (_scan((0, 100, 100), (0, 130, 131)), "different densities: 2, at least 3 are needed"),
        (_scan((0, 100, 200), (0, 190, 260)), "R2 0.9337, at least 0.99 is needed"),
        (_scan((0, 100, 200), (260, 130, 0)), "HU do not rise with density"),
        (_scan((0, 0.1, 0.2), (0, 130, 260)), "slope 0.000769 mg/cm3 per HU, 0.4 to 1.15 is plausible"),
        # stored values, without the rescale intercept
        (_scan((0, 50, 100, 200), (1000, 1060, 1122, 1244)), "intercept -818 mg/cm3, -150 to 150 is plausible"),
        # HU and density exchanged
        (_scan((2, 67, 132, 262), (0, 50, 100, 200)), "slope 1.3 mg/cm3 per HU, 0.4 to 1.15 is plausible"),
        (_scan((2, 100, 200), (2, 100, 200)), "mean_hu repeats density_mg_cm3"),
        (_scan((0, 100), (0, 130)) + _scan((200,), (260,), mineral="K2HPO4"), "rods of two minerals in one scan"),
    ],
)
def test_a_poor_scan_gives_no_line_but_a_reason(tmp_path, rows, reason):
    (line,) = _read(tmp_path, *rows)
    assert line.refusal == reason


def test_a_line_ends_where_the_next_sound_one_begins_and_tells_its_drift(tmp_path):
    lines = _read(
        tmp_path,
        *_scan((0, 100, 200), (0, 130, 260)),
        *_scan((0, 100, 200), (-2.6, 127.4, 257.4), scan_date="2024-09-01"),
        *_scan((0, 100), (0, 130), scan_date="2024-10-01"),
        *_scan((0, 100, 200), (0, 130, 260), kvp="100"),
    )
    of_120 = [line for line in lines if line.scanner.kvp == 120.0]
    assert [line.valid_to for line in of_120[:2]] == [date(2024, 8, 31), date(2025, 9, 1)]
    assert [bool(line.refusal) for line in of_120] == [False, False, True]
    # HU fell by 2.6, so the previous line would give values 2 mg/cm3 too low.
    assert of_120[1].drift_mg_cm3 == pytest.approx(-2.0)
    assert next(line for line in lines if line.scanner.kvp == 100.0).drift_mg_cm3 is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kvp": "low"}, "row 2: kvp: expected a number from 60 to 160 kV, found 'low'"),
        ({"kvp": "1200"}, "row 2: kvp: expected a number from 60 to 160 kV, found '1200'"),
        ({"kvp": "-120"}, "row 2: kvp: expected a number from 60 to 160 kV, found '-120'"),
        ({"mean_hu": "nan"}, "row 2: mean_hu: expected a number from -300 to 3071 HU, found 'nan'"),
        ({"mean_hu": "inf"}, "row 2: mean_hu: expected a number .*, found 'inf'"),
        ({"mean_hu": "1e999"}, "row 2: mean_hu: expected a number .*, found '1e999'"),
        ({"density_mg_cm3": "1_00"}, "row 2: density_mg_cm3: expected a number .*, found '1_00'"),
        ({"scan_date": "31.4.2024"}, "row 2: scan_date: expected a day as YYYY-MM-DD or DD.MM.YYYY, found '31.4.2024'"),
        (
            {"scan_date": "1/3/2024"},
            "row 2: scan_date: expected a day as YYYY-MM-DD or DD.MM.YYYY, since day and month may be exchanged "
            "otherwise, found '1/3/2024'",
        ),
        ({"mineral": "chalk"}, "row 2: mineral: expected one of HA, K2HPO4, found 'chalk'"),
        ({"phantom": ""}, "row 2: phantom must be given, found a blank cell"),
        ({"water_path_cm": "900"}, "row 2: water_path_cm: expected a number from 0 to 70 cm, found '900'"),
    ],
)
def test_a_bad_row_is_named(tmp_path, change, message):
    rows = _scan((0, 100, 200), (0, 130, 260))
    with pytest.raises(TableError, match=message):
        _read(tmp_path, {**rows[0], **change}, *rows[1:])


def test_a_missing_table_or_column_is_named(tmp_path):
    with pytest.raises(TableError, match="cannot be read: No such file"):
        read_phantom_lines(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("scan_date,kvp\n2024-03-01,120\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"lacks the columns .*'mineral'"):
        read_phantom_lines(tmp_path / "short.csv")


REAL = ((-51.83, -69.549), (-53.40, -35.378), (58.88, 176.712), (157.05, 345.738), (375.83, 462.936))


def test_a_qct_pro_phantom_is_read_by_its_own_arithmetic(tmp_path):
    """A real scan of its rods (a public program's test data)."""
    densities, hu = zip(*REAL, strict=True)
    (line,) = _read(tmp_path, *_scan(densities, hu, phantom="MINDWAYS model 3", mineral="K2HPO4"))
    assert line.refusal == ""
    assert line.slope_mg_cm3_per_hu == pytest.approx(0.800283, abs=1e-6)
    assert line.intercept_mg_cm3 == pytest.approx(8.1229, abs=1e-3)
    assert line.r2 > 0.9997


def test_a_rod_that_the_phantom_does_not_have_is_refused_and_its_own_water_helps(tmp_path):
    densities, hu = zip(*REAL, strict=True)
    about = {"phantom": "Mindways Model 3", "mineral": "K2HPO4"}
    (line,) = _read(tmp_path, *_scan((*densities[:4], 300.0), hu, **about))
    assert line.refusal == "Mindways Model 3 has no rod of 300 mg/cm3; mend it or give its water_mg_cm3"
    water = (1012.25, 1056.95, 1103.57, 1119.52, 923.20)
    taken_off = [h - w for h, w in zip(hu, water, strict=True)]  # as in tables of version 0.1: never fitted twice
    with pytest.raises(TableError, match="mean_hu: expected a number from -300"):
        _read(tmp_path, *_scan(densities, taken_off, **about))
    rows = [
        {**row, "phantom": "of our own", "water_mg_cm3": str(one)}
        for row, one in zip(_scan(densities, hu, **about), water, strict=True)
    ]
    (own,) = _read(tmp_path, *rows)
    assert (own.refusal, own.slope_mg_cm3_per_hu) == ("", pytest.approx(0.800283, abs=1e-6))
