"""The regression's loss finds mean and variance; varied crops keep their HU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from osteo_core.simulate.patient import draw_patient
from osteo_core.terms import MEASURED_LEVELS
from training.bmd import batches, fit_spread, loss_of, seen_again, stretch
from training.crops import MARGIN, Crops, level_of, rendered

SIDE = 8 + 2 * MARGIN


def crops(n: int = 40) -> Crops:
    """Blocks with HU equal to their vBMD."""
    vbmd = np.linspace(40, 200, n).astype(np.float32)
    hu = np.broadcast_to(vbmd[:, None, None, None], (n, SIDE, SIDE, SIDE)).astype(np.int16)
    return Crops(
        hu=hu,
        body=np.full(hu.shape, 200, np.uint8),
        kvp=np.full(n, 120, np.float32),
        vbmd=vbmd,
        is_enhanced=np.arange(n) % 2 == 0,
        seed=np.arange(n),
    )


def test_the_loss_is_least_at_the_mean_and_sd_of_the_truth() -> None:
    truth = torch.from_numpy(np.random.default_rng(1).normal(0.4, 0.3, 4000).astype(np.float32))
    out = torch.zeros(1, 2, requires_grad=True)
    optimiser = torch.optim.Adam([out], lr=0.02)
    for _ in range(600):
        optimiser.zero_grad()
        loss_of(out.expand(len(truth), 2), truth).backward()
        optimiser.step()
    mean, sd = float(out[0, 0].detach()), float((0.5 * out[0, 1]).exp().detach())
    assert mean == pytest.approx(0.4, abs=0.02)
    assert sd == pytest.approx(0.3, abs=0.02)


def test_what_is_seen_again_keeps_its_hu_but_for_the_scale() -> None:
    stored = crops()
    means = [seen_again(np.random.default_rng(seed), stored.hu[20], stored.body[20])[0].mean() for seed in range(200)]
    assert np.mean(means) == pytest.approx(stored.vbmd[20], abs=1.0)
    assert np.std(means) == pytest.approx(np.hypot(2.0, 0.008 * stored.vbmd[20]), rel=0.25)


def test_patients_kept_aside_are_never_taught() -> None:
    stored = crops()
    kept = {round(float(v), 1) for v in stored.vbmd[::10]}
    drawn = [y.numpy() * 40 + 110 for _, (_, y) in zip(range(20), batches(stored, 1, 8), strict=False)]
    seen = {round(float(v), 1) for v in np.concatenate(drawn)}
    assert not kept & seen
    assert seen <= {round(float(v), 1) for v in stored.vbmd}


def test_a_patient_gives_a_sound_level_that_is_in_its_slices() -> None:
    patient = draw_patient(810_001, situations=False)
    level = level_of(patient)
    assert level in MEASURED_LEVELS
    found = rendered(patient, level)
    assert found is not None
    volume, labels = found
    assert volume.voxels_hu.shape == labels.shape
    assert (labels == level).any()


def test_the_spread_is_fitted_to_the_errors_and_the_mean_stays() -> None:
    torch.manual_seed(3)
    features = torch.randn(4000, 4)
    true = (0.8 * features[:, 1] - 1.0).exp()
    errors = torch.randn(4000) * true
    last = torch.nn.Linear(4, 2)
    before = last(features)[:, 0].detach()
    fit_spread(last, features, errors**2)
    stated = (0.5 * last(features)[:, 1]).exp().detach()
    assert torch.equal(last(features)[:, 0].detach(), before)
    assert float((stated / true).log().abs().mean()) < 0.08


def test_stated_sds_are_stretched_to_hold_95_percent_of_the_errors() -> None:
    rng = np.random.default_rng(5)
    sd = rng.uniform(2, 20, 20_000)
    error = rng.normal(0, 1.3 * sd)
    factor = stretch(error, sd)
    assert factor == pytest.approx(1.3, abs=0.03)
    assert np.mean(np.abs(error) <= 1.96 * factor * sd) == pytest.approx(0.95, abs=0.001)
