"""Stage 4b: train bmd_regression on crops of simulated patients. ``python -m training.bmd``.

One patient in ten is held out: the errors on these are logged, and determine the factors on the stated SDs.
"""

from __future__ import annotations

import argparse
import csv
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models.bmd_regression.network import TARGET_MEAN_MG_CM3, TARGET_SD_MG_CM3, build
from models.bmd_regression.prepare import channels
from models.bmd_regression.regress import BmdRegressor
from models.registry import load as released
from models.registry import load_regressor
from osteo_core.statistics.intervals import Z_95
from training.crops import MARGIN, Crops, load
from training.fields import between, chance
from training.learn import Pace, Recipe, rate_at, resume, seconds_until, total_steps
from training.workplace import WORKPLACE

log = logging.getLogger("training.bmd")
_JUDGES_EVERY = 10
#: Differences between scanners that the network cannot see: gain and offset of the HU scale.
_GAIN_SD, _OFFSET_SD_HU = 0.008, 2.0
_SETTLING_BATCHES, _FITTING_BATCHES = 60, 300
#: Penalty that keeps the weights of the variance near their trained values: there are too few crops to fit all of them.
_STAY = 0.02
_JUDGED_AT_ONCE = 64


def seen_again(rng: np.random.Generator, hu: NDArray, body: NDArray) -> tuple[NDArray, NDArray]:
    """A stored crop, moved, mirrored, rescaled in HU, with more noise and with a varied mask."""
    first = rng.integers(0, 2 * MARGIN + 1, 3)
    box = tuple(slice(int(f), int(f) + n - 2 * MARGIN) for f, n in zip(first, hu.shape, strict=True))
    hu, body = hu[box].astype(np.float32), body[box].astype(np.float32) / 200
    if chance(rng, 0.5):
        hu, body = hu[::-1], body[::-1]
    hu = hu * float(rng.normal(1, _GAIN_SD)) + float(rng.normal(0, _OFFSET_SD_HU))
    hu = hu + rng.normal(0, between(rng, 0, 8), hu.shape)
    if chance(rng, 0.6):
        body = ndimage.shift(body, rng.normal(0, 0.4, 3), order=1, mode="nearest")
        body = np.clip(body + between(rng, -0.6, 0.6) * 4 * body * (1 - body), 0, 1)
    return hu, body


class SeenAgain(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless batches of inputs (N, 3, I, J, K) and standardised vBMD (N,); rare vBMD values are drawn more often."""

    def __init__(self, crops: Crops, seed: int, size: int) -> None:
        self._crops, self._seed, self._size = crops, seed, size
        self._taught = np.flatnonzero(crops.seed % _JUDGES_EVERY != 0)
        counts, edges = np.histogram(crops.vbmd[self._taught], bins=12)
        weight = 1 / np.sqrt(counts[np.clip(np.digitize(crops.vbmd[self._taught], edges) - 1, 0, 11)])
        self._weight = weight / weight.sum()

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Each process of a DataLoader draws its own batches."""
        worker = get_worker_info()
        rng = np.random.default_rng([self._seed, worker.id if worker else 0])
        crops = self._crops
        while True:
            chosen = rng.choice(self._taught, self._size, p=self._weight)
            x = [channels(*seen_again(rng, crops.hu[n], crops.body[n]), float(crops.kvp[n])) for n in chosen]
            y = (crops.vbmd[chosen] - TARGET_MEAN_MG_CM3) / TARGET_SD_MG_CM3
            yield torch.from_numpy(np.stack(x)), torch.from_numpy(y.astype(np.float32))


def batches(
    crops: Crops, seed: int, size: int, *, workers: int = 0, device: str = "cpu"
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of `SeenAgain` on a device, made ahead by ``workers`` processes, or in this process if 0."""
    loader = DataLoader(SeenAgain(crops, seed, size), batch_size=None, num_workers=workers)
    for x, y in loader:
        yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


def loss_of(out: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Gaussian negative log likelihood, weighted by the SD so that hard crops still count (Seitzer 2022)."""
    mean, log_variance = out[:, 0], out[:, 1].clamp(-8, 3)
    terms = 0.5 * (log_variance + (truth - mean) ** 2 / log_variance.exp())
    return (terms * (0.5 * log_variance).exp().detach()).mean()


@torch.no_grad()
def judge(net: nn.Module, crops: Crops) -> dict[str, float]:
    """Errors in mg/cm3 on the held-out patients."""
    net.eval()
    kept = np.flatnonzero(crops.seed % _JUDGES_EVERY == 0)
    device = next(net.parameters()).device
    rows = []
    for some in np.array_split(kept, range(_JUDGED_AT_ONCE, len(kept), _JUDGED_AT_ONCE)):
        x = np.stack([_as_it_lies(crops, int(n)) for n in some])
        rows.append(net(torch.from_numpy(x).to(device)).cpu().numpy())
    out = np.concatenate(rows)
    net.train()
    sd = np.exp(0.5 * np.clip(out[:, 1], -8, 3)) * TARGET_SD_MG_CM3
    return judged(out[:, 0] * TARGET_SD_MG_CM3 + TARGET_MEAN_MG_CM3, sd, crops.vbmd[kept], crops.is_enhanced[kept])


def _as_it_lies(crops: Crops, n: int) -> NDArray[np.float32]:
    """The input (3, I, J, K) of one stored crop: its middle, unchanged."""
    inner = tuple(slice(MARGIN, -MARGIN) for _ in range(3))
    hu, body = crops.hu[n][inner].astype(np.float32), crops.body[n][inner] / np.float32(200)
    return channels(hu, body, float(crops.kvp[n]))


def judge_release(crops: Crops, regressor: BmdRegressor) -> dict[str, float]:
    """Errors in mg/cm3 of a released regression on all crops, and the factors that its stated SDs need."""
    found = np.array([regressor.read(_as_it_lies(crops, n)) for n in range(len(crops.kvp))])
    return judged(found[:, 0], found[:, 1], crops.vbmd, crops.is_enhanced)


def judged(vbmd: NDArray, sd: NDArray, truth: NDArray, is_enhanced: NDArray[np.bool_]) -> dict[str, float]:
    """Errors of readings (N,) with stated SDs (N,) against the truth (N,), and the factors that the SDs need.

    Native and enhanced scans each have a factor: with a common one, the easy native crops would hide intervals that are
    too narrow on enhanced scans.
    """
    error = vbmd - truth
    return {
        "n": len(truth),
        "bias": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "r": float(np.corrcoef(vbmd, truth)[0, 1]),
        "sd_factor_native": stretch(error[~is_enhanced], sd[~is_enhanced]),
        "sd_factor_enhanced": stretch(error[is_enhanced], sd[is_enhanced]),
    }


def stretch(error: NDArray, sd: NDArray) -> float:
    """The factor on stated SDs (N,) with which 95 % intervals cover 95 % of the errors (N,)."""
    return float(np.quantile(np.abs(error) / sd, 0.95) / Z_95)


def teach(recipe: Recipe, crops: Crops, *, device: str = "cpu", workers: int = 0) -> None:
    """Train until the steps are done, judging and saving every 500; a second call resumes where the first stopped."""
    torch.manual_seed(recipe.seed)
    net, mean = build().to(device), build().to(device)
    if recipe.start_from is not None:
        net.load_state_dict(recipe.start_from)
    mean.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.peak_rate, weight_decay=1e-3)
    path = recipe.folder / f"{recipe.name}.pt"
    first = resume(path, net, mean, optimiser)
    stream, pace = batches(crops, recipe.seed + first, recipe.batch, workers=workers, device=device), Pace()
    step, total = first, recipe.steps
    while step < total:
        total = total_steps(recipe, step, pace.of_next_step())
        for group in optimiser.param_groups:
            group["lr"] = rate_at(recipe, step, total)
        x, y = next(stream)
        value = loss_of(net(x), y)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 3.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            keep = min(recipe.averaging, step / (step + 9))
            for a, b in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                a.lerp_(b, 1 - keep) if a.is_floating_point() else a.copy_(b)
        if step % 500 == 0 and step < total:
            _keep(recipe, step, (net, mean, optimiser), crops)
    settle(mean, stream)
    _keep(recipe, step, (net, mean, optimiser), crops)


def settle(mean: nn.Module, stream: Iterator[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Recompute the batch statistics for the averaged weights, then refit the last layer to them.

    Izmailov 2018. Training uses the statistics of batches of eight; with fixed ones, values are 2 mg/cm3 lower.
    """
    for norm in mean.modules():
        if isinstance(norm, nn.BatchNorm3d):
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
    last, until_last = mean.class_layers[-1], mean.class_layers[:-1]
    features, truths = [], []
    with torch.no_grad():
        mean.train()
        for _ in range(_SETTLING_BATCHES):
            mean(next(stream)[0])
        mean.eval()
        for _ in range(_FITTING_BATCHES):
            x, y = next(stream)
            features.append(until_last(mean.features(x)))
            truths.append(y)
        seen = torch.cat(features)
        error = last(seen)[:, 0] - torch.cat(truths)
        last.bias[0] -= error.mean()
    fit_spread(last, seen, (error - error.mean()) ** 2)


def fit_spread(last: nn.Linear, features: torch.Tensor, squares: torch.Tensor) -> None:
    """Fit only the log variance (second row of ``last``) to squared errors (N,), by unweighted normal likelihood.

    ``features`` is (N, F). In training the errors are weighted by the SD; once the mean is fixed this is not needed.
    """
    first = torch.cat([last.weight[1], last.bias[1:]]).detach()
    row = first.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([row], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        log_variance = (features @ row[:-1] + row[-1]).clamp(-8, 3)
        likelihood = 0.5 * (log_variance + squares / log_variance.exp()).mean()
        value = likelihood + _STAY * (row - first)[:-1].square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        last.weight[1], last.bias[1] = row[:-1], row[-1]


def _keep(recipe: Recipe, step: int, taught: tuple[nn.Module, nn.Module, torch.optim.Optimizer], crops: Crops) -> None:
    """Judge, log and save."""
    found = judge(taught[1], crops)
    _note(recipe, step, found)
    names = ("net", "mean", "optimiser")
    state = {name: one.state_dict() for name, one in zip(names, taught, strict=True)}
    torch.save({**state, "step": step, "judged": found}, recipe.folder / f"{recipe.name}.pt")


def _note(recipe: Recipe, step: int, found: dict[str, float]) -> None:
    log.info("step %d %s", step, {name: round(value, 3) for name, value in found.items()})
    with (recipe.folder / f"{recipe.name}_log.csv").open("a", newline="") as file:
        csv.writer(file).writerow([step, *(f"{value:.4f}" for value in found.values())])


def main() -> None:
    """Train the regression; run again to resume."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--folder", type=Path, default=WORKPLACE)
    parser.add_argument("--finish-at", default="", help="HH:MM[:SS] by which the schedule ends, at any pace")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--judge-release", action="store_true", help="teach nothing: judge the released weights on the stored crops"
    )
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=0, help="processes that change crops ahead; 0: none")
    parser.add_argument("--peak-rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--from-release", action="store_true", help="begin with the released weights, not at random")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    if arguments.judge_release:
        log.info("released weights: %s", judge_release(load(), cast("BmdRegressor", load_regressor())))
        return
    recipe = Recipe(
        name="bmd",
        steps=arguments.steps,
        batch=arguments.batch,
        averaging=0.996,
        peak_rate=arguments.peak_rate,
        folder=arguments.folder,
        finish_at=seconds_until(arguments.finish_at),
        seed=arguments.seed,
        start_from=released("bmd_regression").state_dict() if arguments.from_release else None,
    )
    teach(recipe, load(), device=arguments.device, workers=arguments.workers)


if __name__ == "__main__":
    main()
