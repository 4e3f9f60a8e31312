"""A checkpoint becomes a model folder: weights in half precision, and a card that states their origin."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models import registry
from models.registry import WEIGHTS
from training.release import RELEASED, release


def checkpoint(folder: Path, name: str = "bmd", weight: float = 0.1) -> Path:
    """A checkpoint as training.bmd writes it, with a network of four numbers."""
    mean = {
        "conv.weight": torch.full((2, 2), weight),
        "norm.running_var": torch.tensor([0.25]),
        "norm.num_batches_tracked": torch.tensor(70_000),
    }
    path = folder / f"{name}.pt"
    torch.save(
        {"mean": mean, "step": 1400, "judged": {"n": 3.0, "sd_factor_native": 1.25, "sd_factor_enhanced": 1.5}}, path
    )
    (folder / f"{name}_log.csv").write_text("1400,3,0.1\n")
    return path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Model folders that may be overwritten."""
    monkeypatch.setattr(registry, "_HERE", tmp_path / "models")
    for name in RELEASED:
        (tmp_path / "models" / name).mkdir(parents=True)
    return tmp_path


def card_of(folders: Path, name: str) -> dict:
    return tomllib.loads((folders / "models" / name / "model.toml").read_text(encoding="utf-8"))


def test_the_regression_is_released_with_its_counters_and_its_factor(folders: Path) -> None:
    release("bmd_regression", checkpoint(folders), "0.1.0")
    folder, card = folders / "models" / "bmd_regression", card_of(folders, "bmd_regression")
    weights = load_file(folder / WEIGHTS)
    assert weights["conv.weight"].dtype is torch.float16
    assert weights["norm.running_var"].item() == 0.25
    assert weights["norm.num_batches_tracked"].item() == 70_000
    assert card["sha256"] == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert (card["released"], card["version"]) == (True, "0.1.0")
    assert (card["input"]["spacing_mm"], card["input"]["channels"]) == (2.0, 3)
    assert card["output"]["sd_factor"] == {"native": 1.25, "enhanced": 1.5}
    assert (card["training"]["recipe"], card["training"]["steps"]) == ("python -m training.bmd", 1400)
    assert (folder / "training_log.csv").read_text() == "1400,3,0.1\n"


def test_the_segmenters_state_no_factor(folders: Path) -> None:
    release("spine_localiser", checkpoint(folders, "localiser"), "0.6.0")
    card = card_of(folders, "spine_localiser")
    assert "sd_factor" not in card["output"]
    assert (card["input"]["channels"], card["input"]["scaling"]) == (1, "(HU - 100) / 300")
    assert card["licence"].startswith("CC BY-SA 4.0")


def test_a_number_beyond_half_precision_is_refused_and_nothing_is_written(folders: Path) -> None:
    with pytest.raises(ValueError, match=r"bmd_regression: conv\.weight cannot be written in half precision"):
        release("bmd_regression", checkpoint(folders, weight=1e6), "0.1.0")
    assert list((folders / "models" / "bmd_regression").iterdir()) == []
