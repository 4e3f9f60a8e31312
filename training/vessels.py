"""Aorta and vena cava as in clinical CT: full, enhanced, lying on the spine (the phantoms' vessels are collapsed)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.cases import SACRUM
from training.fields import between, chance
from training.materials import Material
from training.sample import Patch

_SOFT = (
    Material.FAT,
    Material.MUSCLE,
    Material.BLOOD,
    Material.BOWEL,
    Material.BOWEL_CONTENT,
    Material.ORGAN,
    Material.FLUID,
    Material.CARTILAGE,
    Material.LUNG,
)


def _front_line(patch: Patch) -> tuple[np.ndarray, np.ndarray] | None:
    """Mid x and foremost y of the bodies at each z, as straight lines, in voxels."""
    bodies = (patch.part > 0) & (patch.part < SACRUM)
    heights = np.flatnonzero(bodies.any(axis=(0, 1)))
    if len(heights) < 8:
        return None
    x = np.array([np.flatnonzero(bodies[:, :, k].any(1)).mean() for k in heights])
    y = np.array([np.flatnonzero(bodies[:, :, k].any(0)).min() for k in heights])
    degree = 2 if len(heights) > 30 else 1
    z = np.arange(patch.part.shape[2])
    return np.polyval(np.polyfit(heights, x, degree), z), np.polyval(np.polyfit(heights, y, degree), z)


def lay_vessels(rng: np.random.Generator, patch: Patch, *, step_mm: float) -> Patch:
    """One or two tubes of blood along the front of the bodies in half the patches."""
    line = _front_line(patch) if chance(rng, 0.5) else None
    if line is None:
        return patch
    material = patch.material.copy()
    soft = np.isin(material, _SOFT)
    x, y = np.ogrid[: material.shape[0], : material.shape[1]]
    for side in (1, -1) if chance(rng, 0.5) else (1 if chance(rng, 0.5) else -1,):
        radius = between(rng, 6, 16) / step_mm
        beside = side * between(rng, 0, 22) / step_mm
        away = radius + between(rng, -4, 6) / step_mm
        swing = between(rng, -5, 5) / step_mm * np.sin(np.arange(len(line[0])) * step_mm / between(rng, 25, 80))
        cx, cy = line[0] + beside + swing, line[1] - away + abs(beside) * between(rng, 0.1, 0.5)
        tube = (x[..., None] - cx) ** 2 + (y[..., None] - cy) ** 2 * between(rng, 0.8, 1.6) < radius**2
        material[tube & soft] = Material.BLOOD
    return replace(patch, material=material)
