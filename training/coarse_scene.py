"""Surroundings of the patient in a whole volume, and the limits of the scanner's field of view (coarse samples)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from training.degrade import HU_HIGH, HU_LOW
from training.fields import FloatVolume, between, blobs, chance, white
from training.materials import Material
from training.sample import Patch

Millimetres = tuple[float, float, float]


def field_of_view_mm(rng: np.random.Generator, levels: list[int]) -> tuple[Millimetres, int, np.ndarray]:
    """Size of the volume, the level near its middle, and the shift of its middle from that level."""
    kind = rng.random()
    if kind < 0.30:  # crop around the spine, as in VerSe and lumbar reconstructions
        size = (between(rng, 70, 160), between(rng, 90, 190), between(rng, 90, 330))
        shift = np.array([rng.normal(0, 8), rng.normal(0, 12), rng.normal(0, 15)])
    elif kind < 0.75:  # abdomen or chest of any length
        size = (between(rng, 260, 430), between(rng, 210, 330), between(rng, 60, 420))
        shift = np.array([rng.normal(0, 20), between(rng, -80, 0), rng.normal(0, 25)])
    else:  # whole torso
        size = (between(rng, 320, 430), between(rng, 240, 330), between(rng, 360, 560))
        shift = np.array([rng.normal(0, 20), between(rng, -80, 0), rng.normal(0, 30)])
    here = [n for n in range(15, 25) if n in levels]
    return size, int(rng.choice(here)), shift


def furnish(rng: np.random.Generator, patch: Patch) -> Patch:
    """Add a table below the back, and in some samples a metal hip or screws."""
    material = patch.material.copy()
    if chance(rng, 0.7):
        y = np.arange(material.shape[1])[None, :, None]
        x = np.arange(material.shape[0])[:, None, None] - material.shape[0] / 2
        body = material != Material.OUTSIDE
        back = int(np.flatnonzero(body.any(axis=(0, 2))).max()) if body.any() else 0
        top = back + between(rng, 0, 8) + (x / material.shape[0]) ** 2 * between(rng, -60, 20)
        shell = ((y >= top) & (y < top + 2)) | ((y >= top + between(rng, 8, 25)) & (y < top + 30) & chance(rng, 0.3))
        material[np.broadcast_to(shell, material.shape) & ~body] = Material.TABLE
    if chance(rng, 0.08):
        bone = np.argwhere((material == Material.BONE) & (patch.part == 0))
        if len(bone):
            centre = bone[rng.integers(len(bone))]
            grid = np.ogrid[tuple(slice(0, n) for n in material.shape)]
            ball = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) < between(rng, 3, 13) ** 2
            material[ball] = Material.METAL
    return replace(patch, material=material)


def _pooled(hu: FloatVolume, factor: int) -> FloatVolume:
    i, j, k = (n // factor for n in hu.shape)
    return hu.reshape(i, factor, j, factor, k, factor).mean(axis=(1, 3, 5))


def _seen(rng: np.random.Generator, shape: tuple[int, ...], *, size_mm: Millimetres, grid_mm: float) -> np.ndarray:
    """Box of the requested size within the padded grid, sometimes with a circular field."""
    seen = np.zeros(shape, dtype=bool)
    keep = [min(n, round(s / grid_mm)) for n, s in zip(shape, size_mm, strict=True)]
    start = [int(rng.integers(0, n - k + 1)) for n, k in zip(shape, keep, strict=True)]
    seen[tuple(slice(s, s + k) for s, k in zip(start, keep, strict=True))] = True
    if chance(rng, 0.3) and keep[0] > 50:
        x, y = np.ogrid[: shape[0], : shape[1]]
        mid = [s + k / 2 for s, k in zip(start, keep, strict=True)]
        radius = between(rng, 0.5, 0.62) * keep[0]
        seen &= ((x - mid[0]) ** 2 + (y - mid[1]) ** 2 < radius**2)[..., None]
    return seen


def finish(
    rng: np.random.Generator, hu: FloatVolume, *, size_mm: Millimetres, factor: int, grid_mm: float
) -> tuple[FloatVolume, np.ndarray]:
    """Coarse image (I, J, K) from HU painted ``factor`` times finer, and a mask of the field of view."""
    if chance(rng, 0.5):
        hu = ndimage.uniform_filter1d(hu, int(rng.integers(1, 4)), axis=int(rng.choice(3, p=[0.2, 0.1, 0.7])))
    hu = _pooled(hu, factor)
    if chance(rng, 0.4):
        hu = ndimage.gaussian_filter(hu, between(rng, 0.1, 0.6))
    noise = ndimage.gaussian_filter(white(rng, hu.shape), between(rng, 0, 0.7))
    hu = hu + noise * (np.exp(rng.uniform(np.log(2), np.log(60))) / max(float(noise.std()), 1e-3))
    hu = hu * between(rng, 0.93, 1.07) + between(rng, -25, 25)
    if chance(rng, 0.1):
        hu = hu + between(rng, 10, 60) * blobs(rng, hu.shape, cell=8)
    seen = _seen(rng, hu.shape, size_mm=size_mm, grid_mm=grid_mm)
    hu[~seen] = HU_LOW
    return np.clip(hu, HU_LOW, HU_HIGH).astype(np.float32), seen
