"""Lines: the shipped ones against their source, the site's own first, never a substitute."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from osteo_core.density.calibration.apply import mean_vbmd, vbmd_of_level
from osteo_core.density.calibration.choose import calibration_cautions, choose_calibration
from osteo_core.density.calibration.lines import SCHROEDER_120, SHIPPED_LINES, TRABECULAR_HU_BY_KVP, physics_line
from osteo_core.density.calibration.site import COLUMNS, read_site_lines
from osteo_core.density.contrast import contrast_correction
from osteo_core.errors import SettingsError
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Measurement, Series
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
    lines = [",".join(COLUMNS)] + [",".join({**ROW, **row}[c] for c in COLUMNS) for row in rows]
    path = tmp_path / "lines.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Settings(calibration_table=str(path))


@pytest.mark.parametrize("kvp", sorted(TRABECULAR_HU_BY_KVP))
def test_physics_lines_return_the_table_in_ha_within_one_mg(kvp):
    # HA = 1.15 * K2HPO4 - 7.32 (Faulkner 1993) undoes the conversion.
    line = physics_line(kvp)
    k2hpo4 = line.slope_mg_cm3_per_hu * np.array(TRABECULAR_HU_BY_KVP[kvp]) + line.intercept_mg_cm3
    assert 1.15 * k2hpo4 - 7.32 == pytest.approx(np.array([60.0, 80.0, 120.0, 180.0]), abs=1.0)


def test_published_line_and_physics_agree_at_120_kvp():
    physics = physics_line(120.0)
    for hu in (50.0, 100.0, 150.0, 200.0):
        published = 17.8 + 0.7 * hu
        assert physics.slope_mg_cm3_per_hu * hu + physics.intercept_mg_cm3 == pytest.approx(published, abs=6.0)


def test_every_shipped_line_names_mineral_source_and_its_own_voltage():
    assert [line.kvp for line in SHIPPED_LINES] == [80.0, 100.0, 120.0, 140.0]
    assert {line.mineral for line in SHIPPED_LINES} == {Mineral.K2HPO4}
    assert all(line.source and line.residual_sd_mg_cm3 >= 10.0 for line in SHIPPED_LINES)
    slopes = [line.slope_mg_cm3_per_hu for line in SHIPPED_LINES]
    assert slopes == sorted(slopes)


def test_the_line_of_the_same_voltage_is_chosen_and_cautioned():
    line = choose_calibration(SERIES, Settings())
    assert line == SCHROEDER_120
    assert [c.code for c in calibration_cautions(line)] == [CautionCode.PUBLISHED_LINE]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"kvp": None}, ExclusionCode.NO_CALIBRATION, "the file does not say its tube voltage"),
        ({"kvp": 130.0}, ExclusionCode.NO_CALIBRATION, "130 kVp; lines exist for 80, 100, 120, 140 kVp"),
        (
            {"kernel_group": KernelGroup.SHARP, "convolution_kernel": "Br64f\\3"},
            ExclusionCode.SHARP_KERNEL,
            "Kernel Br64f is sharp",
        ),
    ],
)
def test_no_line_means_no_number_but_a_reason(change, code, words):
    found = choose_calibration(replace(SERIES, **change), Settings())
    assert isinstance(found, Exclusion)
    assert found.code is code
    assert words in found.sentence


def test_a_site_line_comes_before_the_shipped_one(tmp_path):
    line = choose_calibration(SERIES, _table(tmp_path, {}))
    assert (line.name, line.kind, line.mineral) == ("own line", "site", Mineral.K2HPO4)
    assert calibration_cautions(line) == ()


def test_the_most_specific_and_latest_site_line_wins(tmp_path):
    settings = _table(
        tmp_path,
        {"name": "any", "vendor": ""},
        {"name": "vendor"},
        {"name": "model old", "manufacturer_model_name": "lightspeed vct", "valid_from": "2020-01-01"},
        {"name": "model new", "manufacturer_model_name": "LightSpeed VCT", "valid_from": "2023-01-01"},
        {"name": "model future", "manufacturer_model_name": "LightSpeed VCT", "valid_from": "2025-01-01"},
    )
    assert choose_calibration(SERIES, settings).name == "model new"


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
    assert choose_calibration(SERIES, _table(tmp_path, row)) == SCHROEDER_120


def test_a_dated_line_does_not_cover_a_scan_without_a_date(tmp_path):
    settings = _table(tmp_path, {"valid_from": "2020-01-01"})
    assert choose_calibration(replace(SERIES, study_date=None), settings) == SCHROEDER_120


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kvp": "low"}, "row 2: kvp cannot be 'low'"),
        ({"mineral": "chalk"}, "row 2: mineral cannot be 'chalk'"),
        ({"valid_from": "01.02.2024"}, "row 2: valid_from cannot be '01.02.2024'"),
        ({"slope_mg_cm3_per_hu": "75"}, "slope 75 is outside 0.1 to 3"),
        ({"residual_sd_mg_cm3": "0"}, "residual_sd_mg_cm3 must be above 0"),
        ({"source": ""}, "name and source must be given"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, message):
    with pytest.raises(SettingsError, match=message):
        choose_calibration(SERIES, _table(tmp_path, row))


def test_a_missing_table_or_column_is_named(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_site_lines(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("name,kvp\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"lacks the columns .*'mineral'"):
        read_site_lines(tmp_path / "short.csv")


def test_a_level_lies_on_the_line_with_an_interval_round_it():
    estimate = vbmd_of_level(_level(100.0), SCHROEDER_120, None)
    assert estimate.value == pytest.approx(87.8)
    # 1.96 * sqrt(10^2 + (0.7 * 1.2533 * 30 / sqrt(200))^2)
    assert estimate.high - estimate.value == pytest.approx(19.94, abs=0.02)
    assert estimate.value - estimate.low == pytest.approx(19.94, abs=0.02)


def test_calibration_error_is_not_averaged_away_over_levels():
    levels = [_level(100.0 + 10 * i, level=level) for i, level in enumerate((Level.L1, Level.L2, Level.L3))]
    mean = mean_vbmd(levels, SCHROEDER_120, None)
    assert mean.value == pytest.approx(17.8 + 0.7 * 110.0)
    assert mean.n == 3
    assert mean.high - mean.value > 1.96 * SCHROEDER_120.residual_sd_mg_cm3
    assert mean.high - mean.value < vbmd_of_level(levels[0], SCHROEDER_120, None).high - 87.8


def test_portal_venous_phase_lowers_the_value_and_widens_the_interval():
    plain = vbmd_of_level(_level(120.0), SCHROEDER_120, None)
    portal = vbmd_of_level(_level(120.0), SCHROEDER_120, PORTAL)
    assert plain.value - portal.value == pytest.approx(0.7 * 18.2)
    assert portal.high - portal.low > 1.5 * (plain.high - plain.low)


def test_contrast_of_unknown_phase_widens_the_low_side_only_by_its_bias():
    unsure = vbmd_of_level(_level(120.0), SCHROEDER_120, UNCORRECTED)
    below, above = unsure.value - unsure.low, unsure.high - unsure.value
    assert unsure.value == pytest.approx(17.8 + 0.7 * 120.0)
    assert below - above == pytest.approx(0.7 * 18.2)


def test_a_level_without_hu_has_no_vbmd():
    empty = Measurement(level=Level.L1, voxels=10, volume_ml=0.1)
    assert vbmd_of_level(empty, SCHROEDER_120, None) is None
    with pytest.raises(ValueError, match="no level with HU"):
        mean_vbmd([empty], SCHROEDER_120, None)


def test_editing_the_table_changes_the_hash_of_the_settings(tmp_path):
    settings = _table(tmp_path, {})
    before = settings.hash
    assert _table(tmp_path, {}).hash == before
    assert _table(tmp_path, {"intercept_mg_cm3": "6"}).hash != before
