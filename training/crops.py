"""Stage 4a: crops around single bodies of simulated patients, for bmd_regression. ``python -m training.crops``.

Each patient gives one level, so that every crop shows another body in another scan. Only the slices around that body
are rendered. Seeds come from the simulator's CROP_SEEDS, whose scanners occur in neither the demo nor the benchmarks.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bmd_regression.prepare import crop
from osteo_core.records import Volume
from osteo_core.simulate.curve import place_spine
from osteo_core.simulate.patient import CROP_SEEDS, draw_patient, stream
from osteo_core.simulate.reading import true_vbmd
from osteo_core.simulate.render import render_scene, scene_geometry
from osteo_core.simulate.scene import make_scene
from osteo_core.simulate.truth import SimulatedPatient
from osteo_core.terms import MEASURED_LEVELS, ContrastPhase, Level
from osteo_core.whole_files import writing
from training.workplace import WORKPLACE

log = logging.getLogger("training.crops")
CROPS = WORKPLACE / "crops"
#: Voxels stored beyond the network's crop on every side, so that training can shift it.
MARGIN = 3
_HALF_HEIGHT_MM = 42.0
_SEEDS_A_FILE = 25


@dataclass(frozen=True, kw_only=True, eq=False)
class Crops:
    """N crops: HU int16 and body fraction uint8 (0-200), (N, I, J, K) each; the others (N,), vBMD in mg/cm3."""

    hu: NDArray[np.int16]
    body: NDArray[np.uint8]
    kvp: NDArray[np.float32]
    vbmd: NDArray[np.float32]
    is_enhanced: NDArray[np.bool_]
    seed: NDArray[np.int64]


def level_of(patient: SimulatedPatient) -> Level | None:
    """The level taken from a patient: one of its sound ones, or None."""
    sound = [n for n in MEASURED_LEVELS if patient.level(n).fracture is None and not patient.level(n).screws]
    rng = stream(patient.seed, "crop")
    return sound[int(rng.integers(len(sound)))] if sound else None


def rendered(patient: SimulatedPatient, level: Level) -> tuple[Volume, NDArray[np.uint8]] | None:
    """CT and bodies (x, y, z) of the slices around one level; None if the field of view does not cover them."""
    scene = make_scene(patient)
    middle = float(place_spine(patient).at(level).frame.origin[2])
    z = scene.grid.z[np.abs(scene.grid.z - middle) <= _HALF_HEIGHT_MM]
    if not len(z) or z[-1] < middle + 20 or z[0] > middle - 20:
        return None
    part = replace(scene, grid=replace(scene.grid, z=z))
    hu, labels = render_scene(patient, part)
    return Volume(voxels_hu=hu.transpose(2, 1, 0), geometry=scene_geometry(part)), labels.transpose(2, 1, 0)


def crops_of(seeds: Iterable[int]) -> Crops:
    """One crop for each simulated patient of these seeds; patients without a sound level in view give none."""
    hu, body, kvp, vbmd, is_enhanced, seed = zip(*(row for one in seeds if (row := _one(one))), strict=True)
    return Crops(
        hu=np.stack(hu),
        body=np.stack(body),
        kvp=np.float32(kvp),
        vbmd=np.float32(vbmd),
        is_enhanced=np.array(is_enhanced),
        seed=np.array(seed),
    )


def _one(seed: int) -> tuple[NDArray, NDArray, float, float, bool, int] | None:
    patient = draw_patient(seed, situations=False)
    level = level_of(patient)
    found = rendered(patient, level) if level is not None else None
    if level is None or found is None:
        return None
    hu, body = crop(found[0], found[1], level, margin=MARGIN)
    kvp, vbmd = float(patient.acquisition.kvp), true_vbmd(patient, patient.level(level))
    is_enhanced = patient.contrast.phase is not ContrastPhase.NATIVE
    return hu.astype(np.int16), np.rint(body * 200).astype(np.uint8), kvp, vbmd, is_enhanced, seed


def load(folder: Path = CROPS) -> Crops:
    """All stored crops; raises FileNotFoundError if there are none."""
    files = sorted(folder.glob("crops_*.npz"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no crops; python -m training.crops makes them")
    parts = [np.load(file) for file in files]
    return Crops(**{one.name: np.concatenate([part[one.name] for part in parts]) for one in fields(Crops)})


def make(seeds: range) -> None:
    """Write the crops of a range of seeds to one file, unless it exists."""
    path = CROPS / f"crops_{seeds[0]}.npz"
    if path.exists():
        return
    found = crops_of(seeds)
    with writing(path) as partial:
        np.savez(partial, **vars(found))


def main() -> None:
    """Render the crops that do not exist yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=CROP_SEEDS.start)
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    seeds = range(arguments.first, arguments.first + arguments.count)
    if seeds[0] not in CROP_SEEDS or seeds[-1] not in CROP_SEEDS:
        raise SystemExit(f"seeds {seeds[0]} to {seeds[-1]} are not all of {CROP_SEEDS.start} to {CROP_SEEDS[-1]}")
    CROPS.mkdir(parents=True, exist_ok=True)
    files = [seeds[first : first + _SEEDS_A_FILE] for first in range(0, len(seeds), _SEEDS_A_FILE)]
    with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(make, files), start=1):
            log.info("%d of %d files", done, len(files))


if __name__ == "__main__":
    main()
