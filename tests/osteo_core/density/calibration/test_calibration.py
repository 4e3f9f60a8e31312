"""Choice of a calibration, lines shipped and the site's own, and the interval around a value."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from osteo_core.density.calibration.apply import interval_parts, mean_vbmd, vbmd_of_level
from osteo_core.density.calibration.choose import calibration_cautions, choose_calibration
from osteo_core.density.calibration.known_phantoms import QCT_PRO, known_phantoms
from osteo_core.density.calibration.lines import shipped_kvps, usual_line
from osteo_core.density.calibration.setup import read_setup
from osteo_core.density.calibration.site import COLUMNS, read_site_lines
from osteo_core.density.contrast import contrast_correction
from osteo_core.errors import SettingsError, TableError
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Calibration, CalibrationTissues, Measurement, Series, TissueSample, Uncertainty
from osteo_core.settings import Settings
from osteo_core.terms import ContrastPhase, KernelGroup, Level, Mineral, Vendor

PORTAL = contrast_correction(ContrastPhase.PORTAL_VENOUS, 120.0)
UNCORRECTED = contrast_correction(ContrastPhase.ENHANCED, 120.0)
SERIES = Series(
    series_key="s",
    study_key="t",
    patient_key="p",
    series_instance_uid="1.2",
    files=(Path("a"),),
    kvp=120.0,
    vendor=Vendor.GE,
    manufacturer_model_name="LightSpeed VCT",
    kernel_group=KernelGroup.STANDARD,
    study_date=date(2024, 5, 1),
)
NO_TISSUES = CalibrationTissues()
PUBLISHED = Settings(calibration_order="published")
SHIPPED = "usual body 120 kVp"
LINE = Calibration(
    name="a line",
    kind="site",
    slope_mg_cm3_per_hu=0.7,
    intercept_mg_cm3=17.8,
    residual_sd_mg_cm3=10.0,
    kvp=120.0,
    mineral=Mineral.K2HPO4,
    source="test",
)
ROW = {
    "name": "own line",
    "vendor": "GE",
    "manufacturer_model_name": "",
    "kvp": "120",
    "kernel_group": "",
    "slope_mg_cm3_per_hu": "0.75",
    "intercept_mg_cm3": "5",
    "residual_sd_mg_cm3": "4",
    "mineral": "K2HPO4",
    "source": "phantom 2024",
    "valid_from": "",
    "valid_to": "",
}


def _level(median_hu: float, *, level: Level = Level.L1, sd_hu: float = 30.0) -> Measurement:
    return Measurement(
        level=level,
        voxels=9000,
        volume_ml=30.0,
        roi_voxels=3000,
        roi_volume_ml=5.4,
        mean_hu=median_hu,
        median_hu=median_hu,
        sd_hu=sd_hu,
    )


def _table(tmp_path: Path, *rows: dict[str, str]) -> Settings:
    lines = [",".join(COLUMNS)] + [",".join({**ROW, **row}.get(c, "") for c in COLUMNS) for row in rows]
    path = tmp_path / "lines.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Settings(calibration_table=str(path), calibration_order="site, published")


def test_every_shipped_line_names_mineral_source_and_its_own_voltage():
    assert shipped_kvps() == (80.0, 100.0, 110.0, 120.0, 130.0, 140.0)
    lines = [choose_calibration(replace(SERIES, kvp=kvp), read_setup(PUBLISHED), NO_TISSUES) for kvp in shipped_kvps()]
    assert {line.mineral for line in lines} == {Mineral.K2HPO4}
    assert all(QCT_PRO in line.source and line.residual_sd_mg_cm3 >= 8.8 for line in lines)
    slopes = [line.slope_mg_cm3_per_hu for line in lines]
    assert slopes == sorted(slopes)


def test_the_line_of_the_same_voltage_is_chosen_and_cautioned():
    line = choose_calibration(SERIES, read_setup(PUBLISHED), NO_TISSUES)
    own = usual_line(120, known_phantoms()[QCT_PRO])
    assert (
        (line.name, line.slope_mg_cm3_per_hu)
        == (own.name, own.slope_mg_cm3_per_hu)
        == (SHIPPED, pytest.approx(0.819, abs=1e-3))
    )
    assert [c.code for c in calibration_cautions(line, None)] == [CautionCode.PUBLISHED_LINE]


@pytest.mark.parametrize("way", ["tissues", "published"])
def test_a_general_line_is_as_uncertain_as_such_methods_were_found_to_be(way):
    """8.8 mg/cm3 in 114 clinical scans (Bartenschlager 2023), filter and shift of the scanner included."""
    samples = (TissueSample(name="air", mean_hu=-1000.0, sd_hu=9.0, area_mm2=900.0),)
    tissues = CalibrationTissues(samples=samples, water_path_cm=28.0)
    line = choose_calibration(SERIES, read_setup(Settings(calibration_order=way)), tissues)
    assert 8.6 < line.residual_sd_mg_cm3 < 9.3
    part = next(u for u in line.uncertainties if u.name == "no phantom of this scanner")
    assert part.offset_sd_mg_cm3 == 8.0
    assert "Bartenschlager 2023" in part.source
    estimate = vbmd_of_level(_level(120.0), line, None)
    assert 8.0 * 1.96 < estimate.high - estimate.value < 10.0 * 1.96
    assert "no phantom of this scanner" in estimate.method


def test_a_setting_names_another_phantom_to_aim_at():
    on_ha = choose_calibration(SERIES, read_setup(replace(PUBLISHED, qct_phantom="ha water equivalent")), NO_TISSUES)
    assert on_ha.mineral is Mineral.HA
    assert on_ha.vbmd_mg_cm3(100.0) > choose_calibration(SERIES, read_setup(PUBLISHED), NO_TISSUES).vbmd_mg_cm3(100.0)
    with pytest.raises(SettingsError, match=r"qct_phantom names 'Mindy'; known are .*Mindways Model 3"):
        choose_calibration(SERIES, read_setup(replace(PUBLISHED, qct_phantom="Mindy")), NO_TISSUES)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"kvp": None}, ExclusionCode.NO_CALIBRATION, "the file does not say its tube voltage"),
        ({"kvp": 90.0}, ExclusionCode.NO_CALIBRATION, "90 kVp; lines exist for 80, 100, 110, 120, 130, 140 kVp"),
        (
            {"kernel_group": KernelGroup.SHARP, "convolution_kernel": "Br64f\\3"},
            ExclusionCode.SHARP_KERNEL,
            "Kernel Br64f is sharp",
        ),
    ],
)
def test_no_line_means_no_number_but_a_reason(change, code, words):
    found = choose_calibration(replace(SERIES, **change), read_setup(PUBLISHED), NO_TISSUES)
    assert isinstance(found, Exclusion)
    assert found.code is code
    assert words in found.sentence


def test_a_site_line_comes_before_the_shipped_one(tmp_path):
    line = choose_calibration(SERIES, read_setup(_table(tmp_path, {})), NO_TISSUES)
    assert (line.name, line.kind, line.mineral) == ("own line", "site", Mineral.K2HPO4)
    assert calibration_cautions(line, None) == ()


def test_the_most_specific_and_latest_site_line_wins(tmp_path):
    settings = _table(
        tmp_path,
        {"name": "any", "vendor": ""},
        {"name": "vendor"},
        {"name": "model old", "manufacturer_model_name": "lightspeed vct", "valid_from": "2020-01-01"},
        {"name": "model new", "manufacturer_model_name": "LightSpeed VCT", "valid_from": "2023-01-01"},
        {"name": "model future", "manufacturer_model_name": "LightSpeed VCT", "valid_from": "2025-01-01"},
    )
    assert choose_calibration(SERIES, read_setup(settings), NO_TISSUES).name == "model new"


def test_two_lines_for_one_scanner_from_one_day_are_refused(tmp_path):
    model = {"manufacturer_model_name": "LightSpeed VCT", "valid_from": "2020-01-01"}
    other = {**model, "manufacturer_model_name": "lightspeed vct", "slope_mg_cm3_per_hu": "0.9"}
    with pytest.raises(TableError, match="row 4: row 2 holds for the same scanner from the same day"):
        read_setup(_table(tmp_path, model, {**other, "valid_from": "2021-01-01"}, other))
    with pytest.raises(TableError, match="row 3: row 2 holds for the same scanner from the same day"):
        read_setup(_table(tmp_path, model, {**other, "mineral": "HA"}))
    read_setup(_table(tmp_path, model, {**other, "kvp": "100"}))


@pytest.mark.parametrize(
    "row",
    [
        {"vendor": "Siemens"},
        {"kvp": "100"},
        {"kernel_group": "smooth"},
        {"valid_to": "2023-12-31"},
        {"manufacturer_model_name": "Revolution CT"},
    ],
)
def test_a_site_line_for_something_else_is_not_used(tmp_path, row):
    assert choose_calibration(SERIES, read_setup(_table(tmp_path, row)), NO_TISSUES).name == SHIPPED


def test_a_dated_line_does_not_cover_a_scan_without_a_date(tmp_path):
    settings = _table(tmp_path, {"valid_from": "2020-01-01"})
    assert choose_calibration(replace(SERIES, study_date=None), read_setup(settings), NO_TISSUES).name == SHIPPED


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kvp": "low"}, "row 2: kvp: expected a number from 60 to 160 kV, found 'low'"),
        ({"kvp": "12"}, "row 2: kvp: expected a number from 60 to 160 kV, found '12'"),
        ({"mineral": "chalk"}, "row 2: mineral: expected one of HA, K2HPO4, found 'chalk'"),
        ({"valid_from": "02-2024"}, "row 2: valid_from: expected a day as YYYY-MM-DD or DD.MM.YYYY, found '02-2024'"),
        (
            {"valid_from": "2024-02-01", "valid_to": "2023-02-01"},
            "row 2: expected valid_from no later than valid_to, found 2024-02-01 and 2023-02-01",
        ),
        ({"slope_mg_cm3_per_hu": "75"}, "row 2: slope_mg_cm3_per_hu: expected a number from 0.4 to 1.15 mg/cm3 per HU"),
        ({"slope_mg_cm3_per_hu": "1.25"}, "row 2: slope_mg_cm3_per_hu: expected a number from 0.4 .*, found '1.25'"),
        ({"slope_mg_cm3_per_hu": "-0.8"}, "row 2: slope_mg_cm3_per_hu: expected a number from 0.4 .*, found '-0.8'"),
        ({"slope_mg_cm3_per_hu": "nan"}, "row 2: slope_mg_cm3_per_hu: expected a number .*, found 'nan'"),
        ({"intercept_mg_cm3": "inf"}, "row 2: intercept_mg_cm3: expected a number from -150 to 150 .*, found 'inf'"),
        ({"intercept_mg_cm3": "9999"}, "row 2: intercept_mg_cm3: expected a number from -150 to 150 .*, found '9999'"),
        ({"residual_sd_mg_cm3": "0"}, "row 2: residual_sd_mg_cm3: expected a number from 0.1 to 100 mg/cm3, found '0'"),
        ({"source": ""}, "row 2: source must be given, found a blank cell"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, message):
    with pytest.raises(TableError, match=message):
        choose_calibration(SERIES, read_setup(_table(tmp_path, row)), NO_TISSUES)


def test_the_range_of_the_pairs_may_be_left_out_and_must_be_one(tmp_path):
    old = [name for name in COLUMNS if not name.endswith("est_mg_cm3")]
    cells = ["a", "GE", "", "120", "", "0.7", "5", "4", "K2HPO4", "QCT", "", ""]
    table = tmp_path / "lines.csv"

    def read(*reach):
        names = [*old, "lowest_mg_cm3", "highest_mg_cm3"][: len(old) + len(reach)]
        table.write_text(f"{','.join(names)}\n{','.join([*cells, *reach])}\n", encoding="utf-8")
        (line,) = read_site_lines(table)
        return line.calibration.lowest_mg_cm3, line.calibration.highest_mg_cm3

    assert read() == read("", "") == (None, None)
    assert read("41.5", "180") == (41.5, 180.0)
    with pytest.raises(TableError, match=r"row 2: expected lowest_mg_cm3 below highest_mg_cm3, found 180 and 41.5"):
        read("180", "41.5")


def test_a_missing_table_or_column_is_named(tmp_path):
    with pytest.raises(TableError, match="cannot be read: No such file"):
        read_site_lines(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("name,kvp\na,120\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"lacks the columns .*'mineral'"):
        read_site_lines(tmp_path / "short.csv")


def test_a_level_lies_on_the_line_with_an_interval_round_it():
    estimate = vbmd_of_level(_level(100.0), LINE, None)
    assert estimate.value == pytest.approx(87.8)
    # 1.96 * sqrt(10^2 + (0.7 * 1.2533 * 30 / sqrt(200))^2 + (0.013 * 87.8)^2)
    assert estimate.high - estimate.value == pytest.approx(20.06, abs=0.02)
    assert estimate.value - estimate.low == pytest.approx(20.06, abs=0.02)


def test_each_part_of_the_interval_is_named_and_their_squares_add_up():
    parts = {
        "beam filter": Uncertainty(name="beam filter", relative_sd=0.03),
        "scanner shift": Uncertainty(name="scanner shift", offset_sd_mg_cm3=2.0),
    }
    line = replace(LINE, uncertainties=tuple(parts.values()))
    found = {part.name: part.offset_sd_mg_cm3 for part in interval_parts((_level(100.0),), line, PORTAL)}
    value = 17.8 + 0.7 * (100.0 - 18.2)
    assert found == pytest.approx(
        {
            "phase": 0.7 * 19.2,
            "scanner shift": 2.0,
            "beam filter": 0.03 * value,
            "noise": 0.7 * 1.2533 * 30 / np.sqrt(200),
            "region": 0.013 * value,
        },
        rel=1e-3,
    )
    assert list(found) == sorted(found, key=lambda name: -found[name])
    estimate = vbmd_of_level(_level(100.0), line, PORTAL)
    assert estimate.high - estimate.value == pytest.approx(1.959964 * np.sqrt(sum(sd**2 for sd in found.values())))
    assert "phase 13.4" in estimate.method


def test_an_interval_does_not_reach_below_no_mineral_at_all():
    low = vbmd_of_level(_level(-20.0), LINE, PORTAL)
    assert low.value == pytest.approx(17.8 - 0.7 * 38.2)
    assert low.low == low.value
    assert vbmd_of_level(_level(10.0), LINE, PORTAL).low == 0.0


def test_a_parabola_is_followed_with_its_own_slope():
    line = replace(LINE, curvature_mg_cm3_per_hu2=0.001, uncertainties=(Uncertainty(name="none"),))
    estimate = vbmd_of_level(_level(100.0), line, None)
    assert estimate.value == pytest.approx(97.8)
    noise = next(p for p in interval_parts((_level(100.0),), line, None) if p.name == "noise")
    assert noise.offset_sd_mg_cm3 == pytest.approx(0.9 * 1.2533 * 30 / np.sqrt(200))


def test_calibration_error_is_not_averaged_away_over_levels():
    levels = [_level(100.0 + 10 * i, level=level) for i, level in enumerate((Level.L1, Level.L2, Level.L3))]
    mean = mean_vbmd(levels, LINE, None)
    assert mean.value == pytest.approx(17.8 + 0.7 * 110.0)
    assert mean.n == 3
    assert mean.high - mean.value > 1.96 * LINE.residual_sd_mg_cm3
    assert mean.high - mean.value < vbmd_of_level(levels[0], LINE, None).high - 87.8


def test_portal_venous_phase_lowers_the_value_and_widens_the_interval():
    plain = vbmd_of_level(_level(120.0), LINE, None)
    portal = vbmd_of_level(_level(120.0), LINE, PORTAL)
    assert plain.value - portal.value == pytest.approx(0.7 * 18.2)
    assert portal.high - portal.low > 1.5 * (plain.high - plain.low)


def test_contrast_of_unknown_phase_widens_the_low_side_only_by_its_bias():
    unsure = vbmd_of_level(_level(120.0), LINE, UNCORRECTED)
    below, above = unsure.value - unsure.low, unsure.high - unsure.value
    assert unsure.value == pytest.approx(17.8 + 0.7 * 120.0)
    assert below - above == pytest.approx(0.7 * 18.2)


def test_a_level_without_hu_has_no_vbmd():
    empty = Measurement(level=Level.L1, voxels=10, volume_ml=0.1)
    assert vbmd_of_level(empty, LINE, None) is None
    with pytest.raises(ValueError, match="no level with HU"):
        mean_vbmd([empty], LINE, None)


def test_editing_the_table_changes_the_hash_of_the_settings(tmp_path):
    settings = _table(tmp_path, {})
    before = settings.hash
    assert _table(tmp_path, {}).hash == before
    assert _table(tmp_path, {"intercept_mg_cm3": "6"}).hash != before


def test_the_first_way_that_can_gives_the_number_and_all_reasons_are_told(tmp_path):
    settings = replace(_table(tmp_path, {"kvp": "100"}), calibration_order="precalibrated, site, two_tissue, published")
    assert choose_calibration(SERIES, read_setup(settings), NO_TISSUES).name == SHIPPED
    found = choose_calibration(replace(SERIES, kvp=90.0), read_setup(settings), NO_TISSUES)
    assert isinstance(found, Exclusion)
    assert found.found.startswith("90 kVp; lines exist for 80, 100, 110, 120, 130, 140 kVp")
    assert isinstance(
        choose_calibration(SERIES, read_setup(Settings(calibration_order="precalibrated")), NO_TISSUES), Exclusion
    )


def test_by_default_the_scan_s_own_tissues_come_before_the_published_line():
    samples = (TissueSample(name="air", mean_hu=-1000.0, sd_hu=9.0, area_mm2=900.0),)
    found = choose_calibration(SERIES, read_setup(Settings()), CalibrationTissues(samples=samples, water_path_cm=28.0))
    assert isinstance(found, Calibration)
    assert (found.kind, found.mineral) == ("tissues", Mineral.K2HPO4)
    assert [c.code for c in calibration_cautions(found, 28.0)] == [CautionCode.PUBLISHED_LINE]
    assert found.vbmd_mg_cm3(100.0) == pytest.approx(82.2, abs=1.0)
