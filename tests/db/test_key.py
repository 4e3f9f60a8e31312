"""A store keeps its pseudonym key's fingerprint: a lost or different key never duplicates the cohort."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from db.key import KEY_FILE, pseudonyms_beside, pseudonyms_of
from osteo_core.errors import SettingsError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings
from tests.builders.cohort import build_cohort
from tests.builders.store import write_results


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=tmp_path / "store")


def with_data(settings: Settings) -> Settings:
    pseudonyms_of(settings)
    write_results(settings.store, build_cohort(1))
    return settings


def test_the_default_key_lies_beside_the_store_wherever_one_stands(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pseudonyms_of(settings)
    assert settings.key_path == tmp_path / "pseudonym.key"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pseudonyms_of(settings).patient("A") == first.patient("A")
    assert not list((tmp_path / "elsewhere").iterdir())
    assert pseudonyms_of(replace(settings, store=Path("../store"))).patient("A") == first.patient("A")


def test_a_store_keeps_a_fingerprint_that_is_not_its_key(settings: Settings) -> None:
    pseudonyms = pseudonyms_of(settings)
    kept = (settings.store / KEY_FILE).read_text()
    assert pseudonyms.fingerprint in kept
    assert pseudonyms.key.hex() not in kept


def test_another_key_is_refused_and_nothing_changes(settings: Settings, tmp_path: Path) -> None:
    with_data(settings)
    kept = (settings.store / KEY_FILE).read_text()
    other = replace(settings, key_file=tmp_path / "other.key")
    Pseudonyms.from_key_file(other.key_file)
    for _ in range(2):
        with pytest.raises(SettingsError, match="made with another pseudonym key"):
            pseudonyms_of(other)
    assert (settings.store / KEY_FILE).read_text() == kept
    assert pseudonyms_of(settings).fingerprint in kept


def test_a_lost_key_is_never_made_anew_beside_a_store_that_has_data(settings: Settings) -> None:
    with_data(settings)
    settings.key_path.unlink()
    for ask in (pseudonyms_of, pseudonyms_beside):
        with pytest.raises(SettingsError, match="Restore the key file from its backup"):
            ask(settings)
    assert not settings.key_path.exists()


def test_an_empty_store_takes_the_key_that_is_there(settings: Settings) -> None:
    first = pseudonyms_of(settings)
    settings.key_path.unlink()
    assert pseudonyms_of(settings).fingerprint != first.fingerprint
    assert pseudonyms_of(settings).fingerprint in (settings.store / KEY_FILE).read_text()


def test_a_damaged_fingerprint_says_so(settings: Settings) -> None:
    with_data(settings)
    (settings.store / KEY_FILE).write_text("{")
    with pytest.raises(SettingsError, match=r"key.json is damaged"):
        pseudonyms_of(settings)
