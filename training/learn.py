"""The training loop of both networks: painted samples in, averaged weights out; resumable."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.ahead import Sample, ahead

log = logging.getLogger("training.learn")
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

#: Voxels without a target, and voxels known only not to be vertebral body.
IGNORE, NOT_BODY = 255, 254
_FIRST_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings for training one network."""

    name: str
    steps: int
    batch: int
    peak_rate: float
    folder: Path
    seed: int = 1
    warm_steps: int = 100
    averaging: float = 0.998
    finish_at: float = 0.0
    start_from: dict[str, torch.Tensor] | None = None


def scaled(hu: np.ndarray) -> np.ndarray:
    """HU to the network's input."""
    return (hu - 100.0) / 300.0


def seconds_until(clock: str) -> float:
    """Epoch seconds of the next HH:MM or HH:MM:SS; 0 for an empty text."""
    if not clock:
        return 0.0
    now = datetime.now()
    then = datetime.combine(now, time_of_day.fromisoformat(clock))
    return (then if then > now else then + timedelta(days=1)).timestamp()


class Pace:
    """Seconds per step, known after the first ten steps, which load data and choose algorithms and are not typical."""

    def __init__(self) -> None:
        self._steps, self._began = 0, 0.0

    def of_next_step(self) -> float:
        """Called before each step; 0 until it is known."""
        self._steps += 1
        if self._steps <= _FIRST_STEPS:
            self._began = time.time()
            return 0.0
        return (time.time() - self._began) / (self._steps - _FIRST_STEPS)


def total_steps(recipe: Recipe, step: int, seconds: float) -> int:
    """Total number of steps: as requested, or what fits before ``finish_at`` at this pace once it is known."""
    if not recipe.finish_at or not seconds:
        return recipe.steps
    return min(recipe.steps, step + int(max(0.0, recipe.finish_at - time.time()) / seconds))


def rate_at(recipe: Recipe, step: int, total: int) -> float:
    """Learning rate: linear warm-up, then cosine to 2 % of the peak."""
    if step < recipe.warm_steps:
        return recipe.peak_rate * (step + 1) / recipe.warm_steps
    share = min(1.0, (step - recipe.warm_steps) / max(1, total - recipe.warm_steps))
    return recipe.peak_rate * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share)))


@torch.no_grad()
def _average(mean: nn.Module, net: nn.Module, *, keep: float) -> None:
    for a, b in zip(mean.parameters(), net.parameters(), strict=True):
        a.lerp_(b, 1 - keep)


def _save(path: Path, state: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _batch(samples: Iterator[Sample], size: int) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = [next(samples) for _ in range(size)]
    x = torch.from_numpy(np.stack([scaled(p[0]) for p in pairs]).astype(np.float32))[:, None]
    y = torch.from_numpy(np.stack([p[1] for p in pairs]).astype(np.int64))
    return x.to(memory_format=torch.channels_last_3d), y


def _step(
    net: nn.Module, optimiser: torch.optim.Optimizer, batch: tuple[torch.Tensor, torch.Tensor], loss: Loss
) -> float:
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(batch[0])
    value = loss(logits.float(), batch[1])
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    norm = nn.utils.clip_grad_norm_(net.parameters(), 3.0)
    if torch.isfinite(norm):  # bfloat16 convolutions occasionally return a NaN gradient
        optimiser.step()
    return float(value.detach())


def resume(path: Path, net: nn.Module, mean: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Restore all three from a checkpoint; returns the step to resume at, 0 without a checkpoint."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=False)
    net.load_state_dict(state["net"])
    mean.load_state_dict(state["mean"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def learn(
    build: Callable[[], nn.Module], samples: Callable[[int], Iterator[Sample]], loss: Loss, recipe: Recipe
) -> None:
    """Train until the steps are done, saving every 100; a second call resumes where the first stopped."""
    torch.manual_seed(recipe.seed)
    net, mean = build().to(memory_format=torch.channels_last_3d), build()
    if recipe.start_from is not None:
        net.load_state_dict(recipe.start_from)
    mean.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.peak_rate, weight_decay=1e-4)
    path = recipe.folder / f"{recipe.name}.pt"
    first = resume(path, net, mean, optimiser)
    stream, recent, pace = ahead(samples, recipe.seed + first), [], Pace()
    for step in range(first, recipe.steps):
        seconds = pace.of_next_step()
        total = total_steps(recipe, step, seconds)
        for group in optimiser.param_groups:
            group["lr"] = rate_at(recipe, step, total)
        recent.append(_step(net, optimiser, _batch(stream, recipe.batch), loss))
        _average(mean, net, keep=min(recipe.averaging, (step + 1) / (step + 10)))
        if (step + 1) % 50 == 0:
            _note(recipe, step + 1, float(np.nanmean(recent[-50:])), seconds, optimiser.param_groups[0]["lr"])
        if (step + 1) % 100 == 0 or step + 1 >= total:
            state = {"net": net.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict()}
            _save(path, {**state, "step": step + 1})
        if step + 1 >= total:
            return


def _note(recipe: Recipe, step: int, loss: float, seconds: float, rate: float) -> None:
    log.info("%s step %d loss %.4f %.2f s/step", recipe.name, step, loss, seconds)
    with (recipe.folder / f"{recipe.name}_log.csv").open("a", newline="") as file:
        csv.writer(file).writerow([step, f"{loss:.4f}", f"{seconds:.2f}", f"{rate:.2e}"])


def soft_dice(probability: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """1 - Dice of one class over a batch (N, I, J, K)."""
    p, t = probability * known, truth * known
    return 1 - (2 * (p * t).sum() + 1.0) / (p.sum() + t.sum() + 1.0)


def dice_and_entropy(groups: tuple[tuple[int, ...], ...], weights: tuple[float, ...], bodies: tuple[int, ...]) -> Loss:
    """Weighted cross-entropy over all classes plus soft Dice of groups of classes that are present.

    For NOT_BODY voxels, only the probability of ``bodies`` is known to be wrong and pushed down. Such a voxel has the
    same weight as a body voxel, so that the two are equally likely at a body's surface.
    """
    weight = torch.tensor(weights)

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        vague = target == NOT_BODY
        crisp = torch.where(vague, IGNORE, target)
        entropy = nn.functional.cross_entropy(logits, crisp, weight=weight, ignore_index=IGNORE, reduction="sum")
        total = weight[crisp[crisp != IGNORE]].sum() + vague.sum()
        probability = logits.softmax(1)
        outside = (1 - sum(probability[:, c] for c in bodies)).clamp_min(1e-4)
        entropy = (entropy - outside[vague].log().sum()) / total.clamp_min(1.0)
        terms = []
        for group in groups:
            truth = sum((target == c).float() for c in group)
            known = (target != IGNORE) & (~vague if group != bodies else torch.ones_like(vague))
            if float(truth.sum()) > 20:
                terms.append(soft_dice(sum(probability[:, c] for c in group), truth, known.float()))
        return entropy + torch.stack(terms).mean() if terms else entropy

    return loss
