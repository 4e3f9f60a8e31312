"""The regression is loaded as it was released, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from commands import analysis_job
from models import registry
from models.bmd_regression.network import build
from models.bmd_regression.prepare import channels, crop
from models.registry import MODELS, REGRESSION, load_regressor, model_hash
from osteo_core.errors import WeightsError
from osteo_core.terms import ContrastPhase, Level
from tests.models.bmd_regression.test_regress import outlined
from training.release import release


@pytest.fixture
def unreleased(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the regression not released."""
    monkeypatch.setitem(MODELS, REGRESSION, replace(MODELS[REGRESSION], released=False))
    load_regressor.cache_clear()
    yield
    load_regressor.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A released regression with random weights."""
    folder = tmp_path / "models" / REGRESSION
    folder.mkdir(parents=True)
    torch.manual_seed(3)
    drawn = build().state_dict()
    torch.save(
        {"mean": drawn, "step": 5, "judged": {"sd_factor_native": 1.25, "sd_factor_enhanced": 1.5}}, tmp_path / "bmd.pt"
    )
    monkeypatch.setattr(registry, "_HERE", tmp_path / "models")
    monkeypatch.setitem(MODELS, REGRESSION, replace(MODELS[REGRESSION], released=True))
    release(REGRESSION, tmp_path / "bmd.pt", "0.1.0")
    caches = (load_regressor, model_hash)
    for one in caches:
        one.cache_clear()
    yield folder
    for one in caches:
        one.cache_clear()


def test_without_a_release_there_is_no_regressor_and_a_run_is_as_before(unreleased: None) -> None:
    assert load_regressor() is None
    models = analysis_job.default_models()
    assert (models.regressor, models.result_hash) == ("", model_hash("vertebra_segmentation"))


def test_a_released_network_reads_what_it_read_before(folder: Path) -> None:
    found = load_regressor()
    assert found is not None
    assert (found.name, found.model_hash) == (REGRESSION, model_hash(REGRESSION))
    volume, segmentation = outlined()
    estimate = found.regress(volume, segmentation, kvp=120.0, levels=[Level.L2], phase=ContrastPhase.NATIVE)[Level.L2]
    torch.manual_seed(3)
    x = torch.from_numpy(channels(*crop(volume, segmentation.labels, Level.L2), 120.0))[None]
    with torch.inference_mode():
        mean, log_variance = build().eval()(x)[0]
    assert estimate.value == pytest.approx(110 + 40 * float(mean), abs=0.5)
    assert estimate.high - estimate.value == pytest.approx(
        1.96 * 1.25 * 40 * float((0.5 * log_variance).exp()), rel=0.02
    )


def test_another_factor_is_another_model(folder: Path) -> None:
    before = model_hash(REGRESSION)
    text = (folder / "model.toml").read_text(encoding="utf-8")
    (folder / "model.toml").write_text(text.replace("native = 1.25", "native = 1.3"), encoding="utf-8")
    model_hash.cache_clear()
    assert model_hash(REGRESSION) != before


@pytest.mark.parametrize("factor", ["nan", "-1.0", "'wide'"])
def test_a_card_without_a_usable_factor_is_refused(folder: Path, factor: str) -> None:
    text = (folder / "model.toml").read_text(encoding="utf-8")
    (folder / "model.toml").write_text(text.replace("enhanced = 1.5", f"enhanced = {factor}"), encoding="utf-8")
    with pytest.raises(WeightsError, match="must state a positive native and enhanced factor"):
        load_regressor()


def test_a_released_regression_joins_what_names_a_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SEGMENTATION", (REGRESSION,))
    models = analysis_job.default_models()
    assert models.regressor_hash == model_hash(REGRESSION)
    assert models.result_hash not in {models.model_hash, models.regressor_hash}
    analysis_job.load_regressor.cache_clear()
    assert analysis_job.load_regressor(models.regressor) is load_regressor()
    analysis_job.load_regressor.cache_clear()
