"""Stage 2b: train the fine network on painted patches. ``python -m training.vertebra``."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from models.registry import load
from models.vertebra_segmentation.network import CLASSES, GRID_MM, build
from training import scans
from training.cache import CACHE
from training.cases import POSTERIOR, SACRUM
from training.degrade import degrade, rescan
from training.fields import chance
from training.learn import Recipe, Sample, dice_and_entropy, learn, seconds_until
from training.materials import Material
from training.paint import paint
from training.sample import Patch, Pose, draw, positions_mm
from training.vessels import lay_vessels
from training.workplace import WORKPLACE

SHAPE = (72, 72, 88)
#: Share of the patches taken from stored scans (training/scans.py), if there are any.
SCAN_SHARE = 0.4
_SCAN_POSE = Pose(degrees=14.0, scale=(0.85, 1.18), elastic_mm=2.0, bend_mm=3.0, crush_share=0.1)
_BODY_TABLE = ((np.arange(256) > 0) & (np.arange(256) < SACRUM)).astype(np.uint8) * CLASSES.index("body")
_CENTRE_LEVELS = tuple(range(16, 25))
_CENTRE_WEIGHTS = np.array([1, 1, 2, 3, 4, 4, 4, 4, 4], dtype=float)


def target(patch: Patch) -> np.ndarray:
    """Class of each voxel (I, J, K), in the order of CLASSES."""
    out = np.zeros(patch.part.shape, dtype=np.uint8)
    out[patch.material == Material.BONE] = CLASSES.index("other bone")
    out[patch.material == Material.DISC] = CLASSES.index("disc")
    out[(patch.part > 0) & (patch.part < SACRUM)] = CLASSES.index("body")
    out[patch.part > POSTERIOR] = CLASSES.index("posterior elements")
    out[patch.part == SACRUM] = CLASSES.index("sacrum")
    return out


def _centre(rng: np.random.Generator, centres: dict[str, list[float]]) -> np.ndarray:
    levels = [n for n in _CENTRE_LEVELS if str(n) in centres]
    weights = np.array([_CENTRE_WEIGHTS[n - _CENTRE_LEVELS[0]] for n in levels])
    level = rng.choice(levels, p=weights / weights.sum())
    spread = (30, 30, 40) if chance(rng, 0.12) else (12, 14, 18)
    centre = np.array(centres[str(level)]) + rng.normal(0, spread)
    return centre - [0, 0, 45.0] if level == 24 and chance(rng, 0.3) else centre


def from_scan(rng: np.random.Generator, scan: scans.Scan) -> Sample:
    """One patch of a real or simulated image with known bodies."""
    level = int(rng.choice(list(scan.centres_mm)))
    centre = scan.centres_mm[level] + rng.normal(0, (12, 14, 18))
    where = positions_mm(rng, SHAPE, step_mm=GRID_MM, pose=_SCAN_POSE)
    hu, bodies = scans.draw(scan, centre_mm=centre, relative_mm=where)
    classes = scans.vague_target(hu, bodies, _BODY_TABLE)
    hu, seen = rescan(rng, hu, step_mm=GRID_MM)
    classes[~seen] = 0
    return hu, classes


def samples(seed: int) -> Iterator[Sample]:
    """Endless patches, a share of SCAN_SHARE from scans, the rest painted: HU and classes, both of SHAPE."""
    rng = np.random.default_rng(seed)
    known = scans.load("fine")
    names = sorted(p.stem for p in CACHE.glob("*.json"))
    maps = {n: np.load(CACHE / f"{n}_fine.npy", mmap_mode="r") for n in names}
    notes = {n: json.loads((CACHE / f"{n}.json").read_text())["fine_centres_mm"] for n in names}
    pose = Pose()
    while True:
        if known and chance(rng, SCAN_SHARE):
            yield from_scan(rng, scans.pick(rng, known))
            continue
        name = names[rng.integers(len(names))]
        where = positions_mm(rng, SHAPE, step_mm=GRID_MM, pose=pose)
        patch = draw(maps[name], centre_mm=_centre(rng, notes[name]), relative_mm=where, source_mm=GRID_MM)
        classes = target(patch)
        patch = lay_vessels(rng, patch, step_mm=GRID_MM)
        hu, seen = degrade(rng, paint(rng, patch, step_mm=GRID_MM), step_mm=GRID_MM)
        classes[~seen] = 0
        yield hu, classes


def main() -> None:
    """Train the fine network; run again to resume."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--folder", type=Path, default=WORKPLACE)
    parser.add_argument("--name", default="vertebra")
    parser.add_argument("--finish-at", default="", help="HH:MM by which the schedule ends, however slow the machine")
    parser.add_argument("--from-release", action="store_true", help="begin with the released weights, not at random")
    parser.add_argument("--seed", type=int, default=1, help="another one draws other samples")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    loss = dice_and_entropy(((1,), (2,), (3,), (4,), (5,)), (0.5, 1.0, 1.0, 1.0, 1.0, 1.0), bodies=(1,))
    recipe = Recipe(
        name=arguments.name,
        steps=arguments.steps,
        batch=2,
        peak_rate=1.5e-3,
        folder=arguments.folder,
        finish_at=seconds_until(arguments.finish_at),
        seed=arguments.seed,
        start_from=load("vertebra_segmentation").state_dict() if arguments.from_release else None,
    )
    learn(build, samples, loss, recipe)


if __name__ == "__main__":
    main()
