"""Every model folder fulfils the same contract: a card, its fields, and weights that match the card."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models import registry
from models.registry import MODELS, WEIGHTS, card, checked_weights, code_hash, load, model_hash
from osteo_core.errors import UsageError, WeightsError

FOLDERS = sorted(p.parent.name for p in Path("models").glob("*/model.toml"))
RELEASED = [name for name, model in MODELS.items() if model.released]


def test_every_folder_is_in_the_table() -> None:
    assert sorted(MODELS) == FOLDERS


@pytest.mark.parametrize("name", sorted(MODELS))
def test_card_and_fields_agree_with_the_network(name: str) -> None:
    fields, network = card(name), importlib.import_module(f"models.{name}.network")
    assert fields["name"] == name
    assert fields["released"] is MODELS[name].released
    assert fields["input"]["spacing_mm"] == network.GRID_MM
    assert tuple(fields["output"]["classes"]) == network.CLASSES
    assert fields["output"]["channels"] == len(network.CLASSES)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_card_says_what_the_model_is_not(name: str) -> None:
    text = (MODELS[name].folder / "CARD.md").read_text(encoding="utf-8")
    assert "Not a medical device" in text
    if MODELS[name].released:
        wanted = ["## Data", "## Measured", "## Limits"]
        wanted += ["CC BY-SA 4.0"] if str(card(name)["licence"]).startswith("CC BY-SA 4.0") else []
        assert [words for words in wanted if words not in text] == []


@pytest.mark.parametrize("name", RELEASED)
def test_weights_are_those_of_the_card_and_fit_the_network(name: str) -> None:
    assert checked_weights(name).stat().st_size < 24e6  # DenseNet-121 has 22.7 MB in half precision
    assert sum(p.numel() for p in load(name).parameters()) > 1e5


def test_changed_weights_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "spine_localiser"
    folder.mkdir()
    (folder / "model.toml").write_bytes((MODELS["spine_localiser"].folder / "model.toml").read_bytes())
    (folder / WEIGHTS).write_bytes(b"not the weights")
    monkeypatch.setattr("models.registry._HERE", tmp_path)
    with pytest.raises(WeightsError, match=r"its card says .* restore the file"):
        load("spine_localiser")


def test_an_unreleased_model_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "bmd_regression", replace(MODELS["bmd_regression"], released=False))
    with pytest.raises(WeightsError, match="bmd_regression is not released"):
        load("bmd_regression")


def test_an_unknown_model_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="no model 'spine'; there are spine_localiser"):
        card("spine")


def test_the_engines_hash_covers_both_networks() -> None:
    assert len(model_hash("vertebra_segmentation")) == 12
    assert model_hash("vertebra_segmentation") != model_hash("spine_localiser")


def test_changed_code_is_another_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spine_localiser").mkdir()
    (tmp_path / "spine_localiser" / "locate.py").write_text("MULTIPLE = 16\n")
    monkeypatch.setattr(registry, "_HERE", tmp_path)
    before = code_hash("spine_localiser")
    (tmp_path / "spine_localiser" / "locate.py").write_text("MULTIPLE = 8\n")
    assert code_hash("spine_localiser") != before


def test_looking_at_the_registry_loads_no_torch() -> None:
    code = "import sys, models.registry as r; r.model_hash('vertebra_segmentation'); print('torch' in sys.modules)"
    assert subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True).stdout == "False\n"
