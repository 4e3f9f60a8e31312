"""From sharp tissue to a scanner's image: blur, slices, kernel, noise, metal, table, field of view."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from training.fields import FloatVolume, between, blobs, chance, white

HU_LOW, HU_HIGH = -1000.0, 2000.0


def _slices(rng: np.random.Generator, hu: FloatVolume, *, axis: int, step_mm: float) -> FloatVolume:
    """Average over the slice thickness along one axis, sample at the slice step, interpolate back."""
    thickness = float(np.exp(rng.uniform(np.log(0.6), np.log(6.0))))
    every = thickness * between(rng, 0.5, 1.0)
    hu = ndimage.uniform_filter1d(hu, max(1, round(thickness / step_mm)), axis=axis, mode="nearest")
    if every <= step_mm:
        return hu
    n = hu.shape[axis]
    at = (np.arange(n) * step_mm) / every + between(rng, 0, 1)
    low = np.floor(at)
    share = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    start = at[0] * every / step_mm
    index = [np.clip(np.rint(k * every / step_mm - start), 0, n - 1).astype(int) for k in (low, low + 1)]
    below, above = (np.take(hu, i, axis) for i in index)
    return below + share * (above - below)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], *, step_mm: float) -> FloatVolume:
    """Correlated noise, SD 3-90 HU."""
    grain = between(rng, 0.2, 1.1) / step_mm
    noise = ndimage.gaussian_filter(white(rng, shape), [grain, grain, grain * between(rng, 0.3, 1.2)])
    return noise * np.float32(np.exp(rng.uniform(np.log(3), np.log(90))) / max(float(noise.std()), 1e-3))


def _metal(rng: np.random.Generator, hu: FloatVolume) -> None:
    """A sphere or rod of metal and crude streaks in its slices."""
    grid = np.ogrid[tuple(slice(0, n) for n in hu.shape)]
    centre = [between(rng, 0, n) for n in hu.shape]
    along = rng.normal(0, 1, 3)
    along /= np.linalg.norm(along)
    rel = [g - c for g, c in zip(grid, centre, strict=True)]
    t = sum(r * a for r, a in zip(rel, along, strict=True))
    reach = between(rng, 3, 25)
    away = sum(r**2 for r in rel) - t**2 + np.maximum(np.abs(t) - reach, 0) ** 2
    angle = np.arctan2(rel[0], rel[1] + 1e-3)
    waves = np.sin(angle * int(rng.integers(3, 12)) + between(rng, 0, 6)) * np.exp(
        -np.abs(rel[2]) / between(rng, 2, 12)
    )
    hu += (between(rng, 30, 350) * waves).astype(np.float32) * (1 + blobs(rng, hu.shape, cell=6)).clip(0, 2)
    hu[away < between(rng, 1.5, 6) ** 2] = between(rng, 1500, 3000)


def _field_of_view(rng: np.random.Generator, hu: FloatVolume) -> np.ndarray:
    """True inside the scanner's field of view: planes and a circle may cut the patch."""
    seen = np.ones(hu.shape, dtype=bool)
    for axis in range(3):
        if chance(rng, 0.10):
            cut = int(hu.shape[axis] * between(rng, 0.05, 0.45))
            lost = slice(0, cut) if chance(rng, 0.5) else slice(hu.shape[axis] - cut, None)
            seen[tuple(lost if a == axis else slice(None) for a in range(3))] = False
    if chance(rng, 0.06):
        x, y = np.ogrid[: hu.shape[0], : hu.shape[1]]
        radius = between(rng, 0.5, 0.8) * min(hu.shape[:2])
        circle = (x - hu.shape[0] / 2) ** 2 + (y - between(rng, 0.3, 0.7) * hu.shape[1]) ** 2 < radius**2
        seen &= circle[..., None]
    return seen


def degrade(rng: np.random.Generator, hu: FloatVolume, *, step_mm: float) -> tuple[FloatVolume, np.ndarray]:
    """One reconstruction of sharp HU (I, J, K), clipped to the value range, and a mask of the field of view."""
    if chance(rng, 0.06):
        _metal(rng, hu)
    sigma = between(rng, 0.5, 1.1) / step_mm
    hu = ndimage.gaussian_filter(hu, sigma)
    if chance(rng, 0.25):
        hu = hu + between(rng, 0.3, 1.6) * (hu - ndimage.gaussian_filter(hu, between(rng, 0.6, 1.4) / step_mm))
    noise = _noise(rng, hu.shape, step_mm=step_mm)
    after = chance(rng, 0.5)
    hu = hu if after else hu + noise
    if chance(rng, 0.85):
        hu = _slices(rng, hu, axis=int(rng.choice(3, p=[0.25, 0.1, 0.65])), step_mm=step_mm)
    hu = hu + noise if after else hu
    hu = hu * between(rng, 0.93, 1.07) + between(rng, -25, 25)
    seen = _field_of_view(rng, hu)
    hu[~seen] = HU_LOW
    return np.clip(hu, HU_LOW, HU_HIGH).astype(np.float32), seen


def rescan(rng: np.random.Generator, hu: FloatVolume, *, step_mm: float) -> tuple[FloatVolume, np.ndarray]:
    """A real or simulated image (I, J, K) varied: HU scale and shift, blur, noise, field of view."""
    if chance(rng, 0.4):
        hu = ndimage.gaussian_filter(hu, between(rng, 0.2, 0.8) / step_mm)
    elif chance(rng, 0.3):
        hu = hu + between(rng, 0.2, 1.0) * (hu - ndimage.gaussian_filter(hu, 1.0 / step_mm))
    if chance(rng, 0.6):
        hu = hu + _noise(rng, hu.shape, step_mm=step_mm) * between(rng, 0.2, 0.6)
    hu = hu * between(rng, 0.9, 1.1) + between(rng, -25, 25)
    seen = _field_of_view(rng, hu)
    hu = np.where(seen, hu, HU_LOW)
    return np.clip(hu, HU_LOW, HU_HIGH).astype(np.float32), seen
