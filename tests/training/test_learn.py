"""The loss: plain cross-entropy and Dice if all is known, and a surface midway if only bodies are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from training.learn import IGNORE, NOT_BODY, Pace, Recipe, dice_and_entropy, resume, soft_dice, total_steps

CLASSES = 3


def test_where_all_is_known_it_is_weighted_cross_entropy() -> None:
    torch.manual_seed(1)
    logits, target = torch.randn(1, CLASSES, 4, 4, 4), torch.randint(0, CLASSES, (1, 4, 4, 4))
    target[0, 0, 0, 0] = IGNORE
    weights = (0.5, 1.0, 2.0)
    entropy = torch.nn.functional.cross_entropy(logits, target, weight=torch.tensor(weights), ignore_index=IGNORE)
    found = dice_and_entropy((), weights, bodies=(1,))(logits, target)
    assert float(found) == pytest.approx(float(entropy), rel=1e-5)


def test_soft_dice_of_crisp_masks_is_one_less_dice() -> None:
    a, b, known = torch.zeros(3, 2, 4, 4)
    a[0], b[:, :2] = 1, 1
    assert float(soft_dice(a, b, torch.ones_like(known))) == pytest.approx(1 - (2 * 8 + 1) / (16 + 16 + 1))


def test_a_voxel_that_is_a_body_as_often_as_not_is_given_one_half() -> None:
    """Many voxels that look alike, half of them body and half known only not to be body."""
    target = torch.tensor([1, NOT_BODY] * 32).reshape(1, 4, 4, 4)
    logits = torch.zeros(1, CLASSES, 1, 1, 1, requires_grad=True)
    loss = dice_and_entropy((), (0.5, 1.0, 1.0), bodies=(1,))
    optimiser = torch.optim.Adam([logits], lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        loss(logits.expand(1, CLASSES, 4, 4, 4), target).backward()
        optimiser.step()
    assert float(logits.softmax(1)[0, 1].detach()) == pytest.approx(0.5, abs=0.02)


def test_a_sample_of_which_nothing_is_known_teaches_nothing() -> None:
    logits = torch.randn(1, CLASSES, 2, 2, 2, requires_grad=True)
    loss_of = dice_and_entropy(((1,),), (1.0, 1.0, 1.0), bodies=(1,))
    loss = loss_of(logits, torch.full((1, 2, 2, 2), IGNORE))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert not logits.grad.any()


def test_a_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    def made(value: float) -> tuple[torch.nn.Module, torch.nn.Module, torch.optim.Optimizer]:
        net, mean = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        for part in (net, mean):
            torch.nn.init.constant_(part.weight, value)
        return net, mean, torch.optim.AdamW(net.parameters(), lr=value)

    path = tmp_path / "one.pt"
    assert resume(path, *made(0.5)) == 0
    net, mean, optimiser = made(0.5)
    state = {"net": net.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict(), "step": 300}
    torch.save(state, path)
    others = made(0.1)
    assert resume(path, *others) == 300
    assert torch.equal(others[0].weight, net.weight)
    assert torch.equal(others[1].weight, mean.weight)
    assert others[2].param_groups[0]["lr"] == 0.5


def test_a_slow_first_step_does_not_end_the_schedule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    recipe = Recipe(name="one", steps=100_000, batch=1, peak_rate=1e-3, folder=tmp_path, finish_at=1200.0)
    pace, step, total = Pace(), 0, recipe.steps
    while step < total:
        total = total_steps(recipe, step, pace.of_next_step())
        clock[0] += 60.0 if step == 0 else 0.5
        step += 1
    assert 1199.0 <= clock[0] <= 1201.0
    assert step == pytest.approx(1 + 140 / 0.5, abs=2)
