"""Whole CT images with known bodies as training samples: simulated patients, and real series late in training.

A scan's labels cover vertebral bodies only; everything else is known only not to be body (learn.NOT_BODY).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.grids import Grid, grid_of, grid_over, sample
from osteo_core.records import Volume
from training.fields import FloatVolume
from training.learn import NOT_BODY
from training.workplace import WORKPLACE

SCANS = WORKPLACE / "scans"
FINE_MM, COARSE_MM = 1.25, 2.5
_MARGIN_MM = np.array([60.0, 60.0, 45.0])
_AIR_HU = -300.0
_REAL_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class Scan:
    """HU (I, J, K) int16 and VerSe numbers of bodies (uint8) on an isotropic LPS grid; centres on it in mm."""

    hu: NDArray[np.int16]
    bodies: NDArray[np.uint8]
    centres_mm: dict[int, NDArray[np.float64]]
    step_mm: float
    is_real: bool


def _labels_on(volume: Volume, labels: NDArray[np.uint8], grid: Grid) -> NDArray[np.uint8]:
    """Labels of the source grid on another grid, each level interpolated linearly."""
    out = np.zeros(grid.shape, dtype=np.uint8)
    best = np.full(grid.shape, 0.5, dtype=np.float32)
    for level in (int(n) for n in np.unique(labels) if n):
        mask = Volume(voxels_hu=(labels == level).astype(np.float32), geometry=volume.geometry)
        share = np.clip(sample(mask, grid), 0, 1)
        won = share > best
        out[won], best[won] = level, share[won]
    return out


def store(name: str, volume: Volume, labels: NDArray[np.uint8]) -> None:
    """Write the coarse map of a scan and the fine map around its bodies."""
    SCANS.mkdir(parents=True, exist_ok=True)
    world = volume.geometry.to_world_mm(np.argwhere(labels > 0))
    grids = {
        "coarse": grid_of(volume.geometry, step_mm=COARSE_MM),
        "fine": grid_over(world.min(0) - _MARGIN_MM, world.max(0) + _MARGIN_MM, step_mm=FINE_MM),
    }
    for kind, grid in grids.items():
        np.save(SCANS / f"{name}_{kind}_hu.npy", sample(volume, grid).astype(np.int16))
        np.save(SCANS / f"{name}_{kind}_bodies.npy", _labels_on(volume, labels, grid))
    (SCANS / f"{name}.json").write_text(json.dumps({"levels": [int(n) for n in np.unique(labels) if n]}))


def load(kind: str, *, names: list[str] | None = None) -> list[Scan]:
    """All stored scans, 'fine' or 'coarse'."""
    out = []
    for path in sorted(SCANS.glob("*.json")):
        if names is not None and path.stem not in names:
            continue
        if not (SCANS / f"{path.stem}_{kind}_bodies.npy").exists():  # unsure numbers train the fine network only
            continue
        bodies = np.load(SCANS / f"{path.stem}_{kind}_bodies.npy", mmap_mode="r")
        step = FINE_MM if kind == "fine" else COARSE_MM
        levels = [int(n) for n in np.unique(bodies) if n]
        centres = ndimage.center_of_mass(np.asarray(bodies) > 0, bodies, levels)
        where = {n: np.array(c) * step for n, c in zip(levels, centres, strict=True)}
        hu = np.load(SCANS / f"{path.stem}_{kind}_hu.npy", mmap_mode="r")
        out.append(Scan(hu=hu, bodies=bodies, centres_mm=where, step_mm=step, is_real=path.stem.startswith("real")))
    return out


def pick(rng: np.random.Generator, known: list[Scan]) -> Scan:
    """A random scan: one of the real ones in two of five draws (if there are any), otherwise any of them."""
    real = [scan for scan in known if scan.is_real]
    among = real if real and rng.random() < _REAL_SHARE else known
    return among[rng.integers(len(among))]


def draw(
    scan: Scan, *, centre_mm: NDArray[np.float64], relative_mm: list[NDArray[np.float32]]
) -> tuple[FloatVolume, NDArray[np.uint8]]:
    """HU (linear) and bodies (nearest) at the positions of a patch; air beyond the scan."""
    index = np.stack([(relative_mm[a] + np.float32(centre_mm[a])) / np.float32(scan.step_mm) for a in range(3)])
    low = np.clip(np.floor(index.min(axis=(1, 2, 3))) - 1, 0, np.array(scan.hu.shape) - 1).astype(int)
    high = np.clip(np.ceil(index.max(axis=(1, 2, 3))) + 2, low + 1, scan.hu.shape).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    index -= low.reshape(3, 1, 1, 1).astype(np.float32)
    hu = ndimage.map_coordinates(
        np.asarray(scan.hu[box], dtype=np.float32), index, order=1, mode="constant", cval=-1000.0
    )
    bodies = ndimage.map_coordinates(np.asarray(scan.bodies[box]), index, order=0, mode="constant", cval=0)
    return hu, bodies


def vague_target(hu: FloatVolume, bodies: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Classes of bodies by ``table`` (256,); background in air and fat; 'not a body' elsewhere."""
    out = np.where(hu < _AIR_HU, 0, NOT_BODY).astype(np.uint8)
    return np.where(bodies > 0, table[bodies], out)
