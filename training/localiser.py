"""Stage 2a: train the coarse network on painted torsos with random fields of view. ``python -m training.localiser``."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.registry import load
from models.spine_localiser.network import CLASSES, GRID_MM, build
from training import scans
from training.cache import CACHE, COARSE_STEP
from training.cases import GRID_MM as MAP_MM
from training.cases import POSTERIOR, SACRUM
from training.coarse_scene import field_of_view_mm, finish, furnish
from training.fields import chance
from training.learn import Recipe, Sample, dice_and_entropy, learn, seconds_until
from training.materials import Material
from training.organs import move_organs, thin_ribs
from training.paint import paint
from training.sample import Patch, Pose, draw, positions_mm
from training.vessels import lay_vessels
from training.workplace import WORKPLACE

_FIRST, _LAST = 15, 24
_FINE = 2
_MULTIPLE = 16
_POSE = Pose(degrees=14.0, scale=(0.78, 1.15), elastic_mm=8.0, bend_mm=14.0, crush_share=0.3)
_SCAN_POSE = Pose(degrees=10.0, scale=(0.85, 1.15), elastic_mm=5.0, bend_mm=6.0, crush_share=0.2)
_RIB_ABOVE = "22"
#: Share of the volumes taken from stored scans (training/scans.py), if there are any.
SCAN_SHARE = 0.35
#: Share of the painted volumes with organs moved from the phantom's positions.
MOVED_SHARE = 0.6
#: Share of the painted volumes with ribs thinner than the phantom's.
THIN_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Torso:
    """One packed map with the centres of its bodies in mm."""

    packed: np.ndarray
    centres_mm: dict[str, list[float]]


def class_table() -> np.ndarray:
    """(256,) part -> class of the localiser; the class of other bone depends on its position."""
    table = np.zeros(256, dtype=np.uint8)
    table[1:_FIRST] = CLASSES.index("upper")
    table[_FIRST : _LAST + 1] = np.arange(_LAST - _FIRST + 1) + CLASSES.index("T8")
    table[SACRUM] = CLASSES.index("sacrum")
    table[POSTERIOR + 1 :] = CLASSES.index("posterior elements")
    return table


_TABLE = class_table()


def target(patch: Patch, *, height_mm: np.ndarray, divide_mm: float) -> np.ndarray:
    """Class of each voxel; non-vertebral bone is rib above ``divide_mm`` (source height) and pelvis below."""
    out = _TABLE[patch.part]
    other = (patch.part == 0) & (patch.material == Material.BONE)
    ribs = height_mm > divide_mm
    out[other & ribs] = CLASSES.index("rib or upper bone")
    out[other & ~ribs] = CLASSES.index("pelvis")
    return out


def _torsos() -> list[Torso]:
    names = sorted(p.stem for p in CACHE.glob("*.json"))
    return [
        Torso(
            packed=np.load(CACHE / f"{n}_coarse.npy", mmap_mode="r"),
            centres_mm=json.loads((CACHE / f"{n}.json").read_text())["coarse_centres_mm"],
        )
        for n in names
    ]


def one(rng: np.random.Generator, torso: Torso) -> Sample:
    """One painted volume with its own field of view: HU and classes on the 5 mm grid."""
    size_mm, level, shift_mm = field_of_view_mm(rng, [int(k) for k in torso.centres_mm])
    shape = tuple(int(np.ceil(s / GRID_MM / _MULTIPLE)) * _MULTIPLE * _FINE for s in size_mm)
    centre = np.array(torso.centres_mm[str(level)]) + shift_mm
    where = positions_mm(rng, shape, step_mm=GRID_MM / _FINE, pose=_POSE)
    patch = draw(torso.packed, centre_mm=centre, relative_mm=where, source_mm=MAP_MM * COARSE_STEP)
    if chance(rng, THIN_SHARE):
        patch = thin_ribs(rng, patch)
    divide = torso.centres_mm[_RIB_ABOVE][2] - centre[2]
    classes = target(patch, height_mm=where[2], divide_mm=divide)
    if chance(rng, MOVED_SHARE):
        patch = move_organs(
            rng, patch, torso.packed, centre_mm=centre, relative_mm=where, source_mm=MAP_MM * COARSE_STEP
        )
    patch = furnish(rng, lay_vessels(rng, patch, step_mm=GRID_MM / _FINE))
    hu = paint(rng, patch, step_mm=GRID_MM / _FINE)
    hu, seen = finish(rng, hu, size_mm=size_mm, factor=_FINE, grid_mm=GRID_MM)
    classes = classes[::_FINE, ::_FINE, ::_FINE].copy()
    classes[~seen] = 0
    return hu, classes


def from_scan(rng: np.random.Generator, scan: scans.Scan) -> Sample:
    """One volume cut from a real or simulated image with known bodies."""
    size_mm, level, shift_mm = field_of_view_mm(rng, list(scan.centres_mm))
    shape = tuple(int(np.ceil(s / GRID_MM / _MULTIPLE)) * _MULTIPLE * _FINE for s in size_mm)
    where = positions_mm(rng, shape, step_mm=GRID_MM / _FINE, pose=_SCAN_POSE)
    hu, bodies = scans.draw(scan, centre_mm=scan.centres_mm[level] + shift_mm, relative_mm=where)
    classes = scans.vague_target(hu, bodies, _TABLE)[::_FINE, ::_FINE, ::_FINE]
    hu, seen = finish(rng, hu, size_mm=size_mm, factor=_FINE, grid_mm=GRID_MM)
    return hu, np.where(seen, classes, 0).astype(np.uint8)


def samples(seed: int) -> Iterator[Sample]:
    """Endless volumes, a share of SCAN_SHARE from scans, the rest painted; each has its own shape (a batch is one)."""
    rng = np.random.default_rng(seed)
    torsos, known = _torsos(), scans.load("coarse")
    while True:
        if known and chance(rng, SCAN_SHARE):
            yield from_scan(rng, scans.pick(rng, known))
        else:
            yield one(rng, torsos[rng.integers(len(torsos))])


def main() -> None:
    """Train the coarse network; run again to resume."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--folder", type=Path, default=WORKPLACE)
    parser.add_argument("--name", default="localiser")
    parser.add_argument("--finish-at", default="", help="HH:MM by which the schedule ends, however slow the machine")
    parser.add_argument("--from-release", action="store_true", help="begin with the released weights, not at random")
    parser.add_argument("--seed", type=int, default=1, help="another one draws other samples")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    bodies = tuple(range(1, 12))
    weights = (0.15, *([2.0] * 11), 1.0, 0.7, 0.4, 0.4)
    loss = dice_and_entropy((bodies, (12,), (13,), (14,), (15,)), weights, bodies=bodies)
    recipe = Recipe(
        name=arguments.name,
        steps=arguments.steps,
        batch=1,
        peak_rate=1e-3,
        folder=arguments.folder,
        finish_at=seconds_until(arguments.finish_at),
        seed=arguments.seed,
        start_from=load("spine_localiser").state_dict() if arguments.from_release else None,
    )
    learn(build, samples, loss, recipe)


if __name__ == "__main__":
    main()
