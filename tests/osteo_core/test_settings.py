"""Settings come from a file and the environment, and faults in them are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteo_core.errors import SettingsError
from osteo_core.settings import Settings, read_settings


def test_environment_comes_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    file = tmp_path / "osteo.toml"
    file.write_text('workers = 3\nstore = "from-file"\n')
    found = read_settings(file, environment={"OSTEO_STORE": "from-environment"})
    assert (found.workers, found.store, found.media_limit_mb) == (3, Path("from-environment"), 2000)


def test_a_pacs_is_a_table_of_its_own_or_names_with_a_prefix(tmp_path: Path) -> None:
    file = tmp_path / "osteo.toml"
    file.write_text('[pacs]\nhost = "pacs.example"\nport = 11112\nae_title = "ARCHIVE"\n')
    found = read_settings(file, environment={"OSTEO_PACS_CALLING_AE_TITLE": "BONE"})
    assert (found.pacs_host, found.pacs_port, found.pacs_ae_title) == ("pacs.example", 11112, "ARCHIVE")
    assert found.pacs_calling_ae_title == "BONE"
    assert found.hash == Settings().hash


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("workers = ", "osteo.toml is not valid TOML"),
        ("wokers = 2", r"unknown settings \['wokers'\]"),
        ('workers = "two"', "setting workers must be int, found 'two'"),
        ("workers = 0", "setting workers must be at least 1, found 0"),
        ("worker_memory_gb = 0.9", "setting worker_memory_gb must be at least 1, found 0.9"),
        ("worker_memory_gb = nan", "setting worker_memory_gb must be at least 1, found nan"),
        ("osteoporosis_below_mg_cm3 = nan", "must be a number up to normal_above_mg_cm3, found nan and 120"),
        ("normal_above_mg_cm3 = 79", "must be a number up to normal_above_mg_cm3, found 80 and 79"),
        ("category_age_from_years = -1", "setting category_age_from_years must be a number from 0, found -1"),
        ("thickness_maximum_mm = inf", "setting thickness_maximum_mm must be above 0, found inf"),
        ("media_limit_mb = -1", "setting media_limit_mb must be at least 0, found -1"),
        ('engine = "best"', "setting engine must be one of own, totalsegmentator, found 'best'"),
        (
            'mask_tool = "mine"',
            "setting mask_tool must be one of names, totalsegmentator, verse, spineps, found 'mine'",
        ),
        ('masks = "nowhere"', "setting masks must be a folder, but there is none at nowhere"),
        ('masks = "/tmp"\nengine = "totalsegmentator"', "setting masks can only be used with engine = own"),
        ('calibration_table = "none.csv"', "calibration_table must be a CSV file, but there is none at none.csv"),
        ('phantom_table = "none.csv"', "phantom_table must be a CSV file, but there is none at none.csv"),
        ('calibration_order = "phantom, guess"', "calibration_order must list some of .*; found phantom, guess"),
        ('calibration_order = "phantom,phantom"', "each once; found phantom, phantom"),
        ('pacs = "pacs.example"', r"setting pacs must be a table \[pacs\] with host"),
        ('[pacs]\nhots = "a"', r"unknown settings \['pacs_hots'\]"),
        ('[pacs]\nhost = "a"', "setting pacs_host needs pacs_ae_title"),
        (
            f'[pacs]\ntls_certificate = "{__file__}"',
            "setting pacs_tls_certificate needs pacs_tls_ca, which turns TLS on",
        ),
        ("[pacs]\nport = 0", "setting pacs_port must be 1 to 65535, found 0"),
        ('pacs_ae_title = "SEVENTEENLETTERS1"', "setting pacs_ae_title must be a title of 1 to 16 characters"),
        ('pacs_calling_ae_title = ""', "setting pacs_calling_ae_title must be a title"),
        ('[pacs]\ntls_ca = "none.pem"', "setting pacs_tls_ca must be a text file, but there is none at none.pem"),
        ('calibration_order = ""', "calibration_order must list some of"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "osteo.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_settings(file, environment={})


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no settings file at"):
        read_settings(tmp_path / "none.toml", environment={})


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="settings must be a file, but"):
        read_settings(tmp_path, environment={})


def test_only_settings_that_change_results_change_the_hash() -> None:
    assert Settings(workers=7).hash == Settings().hash
    assert Settings(normal_above_mg_cm3=110.0).hash != Settings().hash
    assert Settings(calibration_order="published").hash != Settings().hash
