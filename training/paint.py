"""Paint a patch of tissue in Hounsfield units: random draws around physically plausible values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from training.cases import POSTERIOR, SACRUM
from training.fields import FloatVolume, between, blobs, chance, white
from training.materials import Material
from training.sample import Patch


@dataclass(frozen=True, kw_only=True)
class BoneDraw:
    """One patient's bone: trabecular HU, HU added by the cortex, and cortical thickness."""

    trabecular_hu: float
    cortex_hu: float
    cortex_mm: float
    texture_hu: float


def soft_table(rng: np.random.Generator) -> FloatVolume:
    """(256,) mean HU of each material for one patient; half the patients have contrast."""
    contrast = between(rng, 0.2, 1.0) if chance(rng, 0.5) else 0.0
    blood = between(rng, 30, 55) + contrast * between(rng, 60, 330)
    content = rng.choice([-900.0, between(rng, -50, 60), between(rng, -250, 100), between(rng, 120, 650)])
    means = {
        Material.OUTSIDE: -1000.0,
        Material.GAS: between(rng, -1000, -750),
        Material.LUNG: between(rng, -920, -600),
        Material.FAT: between(rng, -125, -65),
        Material.MUSCLE: between(rng, 5, 75) + contrast * between(rng, 0, 25),
        Material.SKIN: between(rng, -40, 70),
        Material.LIVER: between(rng, 10, 75) + contrast * between(rng, 20, 70),
        Material.SPLEEN: between(rng, 35, 60) + contrast * between(rng, 20, 120),
        Material.KIDNEY: between(rng, 20, 45) + contrast * between(rng, 60, 240),
        Material.BLOOD: blood,
        Material.HEART: 0.5 * blood + between(rng, 10, 30),
        Material.BOWEL: between(rng, 10, 60) + contrast * between(rng, 0, 60),
        Material.BOWEL_CONTENT: float(content),
        Material.ORGAN: between(rng, 20, 60) + contrast * between(rng, 10, 90),
        Material.FLUID: between(rng, -10, 25) + (between(rng, 0, 500) if chance(rng, 0.1) else 0.0),
        Material.CANAL: between(rng, 5, 50),
        Material.CARTILAGE: between(rng, 60, 220),
        Material.DISC: between(rng, 45, 125),
        Material.TABLE: between(rng, -300, 100),
        Material.METAL: between(rng, 1500, 3000),
    }
    table = np.zeros(256, dtype=np.float32)
    table[[int(m) for m in means]] = list(means.values())
    return table


def bone_draw(rng: np.random.Generator) -> BoneDraw:
    """One patient's bone, from severe osteoporosis to a young adult with contrast."""
    trabecular = between(rng, 0, 330) if chance(rng, 0.3) else float(np.clip(rng.normal(150, 65), -10, 340))
    return BoneDraw(
        trabecular_hu=trabecular,
        cortex_hu=between(rng, 100, 650),
        cortex_mm=between(rng, 0.7, 2.6),
        texture_hu=between(rng, 5, 55),
    )


def _level_factors(rng: np.random.Generator) -> FloatVolume:
    """(256,) trabecular factor for each part; one body in ten sclerotic or fatty."""
    factor = rng.normal(1.0, 0.10, 256)
    odd = rng.random(256) < 0.10
    factor[odd] *= rng.uniform(0.3, 1.9, int(odd.sum()))
    return factor.astype(np.float32)


def _bone_hu(rng: np.random.Generator, patch: Patch, *, step_mm: float) -> FloatVolume:
    """HU of bone everywhere (used only where there is bone)."""
    draw = bone_draw(rng)
    shape = patch.part.shape
    factor = _level_factors(rng)
    shift = np.zeros(256, dtype=np.float32)
    posterior = np.arange(256) > POSTERIOR
    shift[posterior] = between(rng, 20, 220)
    factor[0], shift[0] = between(rng, 0.5, 1.2), between(rng, -60, 150)
    factor[SACRUM] = between(rng, 0.5, 1.0)
    strong = np.where(posterior, between(rng, 1.0, 1.7), 1.0).astype(np.float32)
    strong[0] = between(rng, 0.9, 1.6)
    texture = ndimage.gaussian_filter(white(rng, shape), between(rng, 0.5, 1.6))
    texture *= draw.texture_hu / max(float(texture.std()), 1e-3)
    uneven = 1 + 0.25 * blobs(rng, shape, cell=8 / step_mm * 1.25)
    trabecular = draw.trabecular_hu * factor[patch.part] + shift[patch.part] + texture
    trabecular += 0.2 * draw.trabecular_hu * blobs(rng, shape, cell=14 / step_mm)
    wall = np.clip((draw.cortex_mm * strong[patch.part] - patch.depth_mm) / max(0.8, 0.5 * step_mm) + 0.5, 0, 1)
    return trabecular + wall * draw.cortex_hu * strong[patch.part] * uneven


def _disc_faults(rng: np.random.Generator, patch: Patch, hu: FloatVolume) -> None:
    """Vacuum and calcified discs."""
    if chance(rng, 0.15):
        spot = (patch.material == Material.DISC) & (blobs(rng, hu.shape, cell=9) > between(rng, 0.3, 1.2))
        hu[spot] = between(rng, -700, -100) if chance(rng, 0.7) else between(rng, 150, 400)


def _osteophytes(rng: np.random.Generator, patch: Patch, hu: FloatVolume) -> None:
    """Bone that bridges discs at their rim: bright, next to bodies, part of none."""
    if chance(rng, 0.25):
        disc = patch.material == Material.DISC
        rim = ndimage.binary_dilation(disc, iterations=int(rng.integers(2, 5))) & (patch.material != Material.BONE)
        rim &= patch.material != Material.CANAL
        deep = ndimage.binary_erosion(disc, iterations=int(rng.integers(1, 4)))
        spot = rim & ~deep & (blobs(rng, hu.shape, cell=between(rng, 6, 14)) > between(rng, -0.2, 1.0))
        hu[spot] = between(rng, 120, 600) + between(rng, 10, 80) * blobs(rng, hu.shape, cell=3)[spot]


def _vessel_plaque(rng: np.random.Generator, patch: Patch, hu: FloatVolume) -> None:
    if chance(rng, 0.3):
        blood = patch.material == Material.BLOOD
        wall = blood & ~ndimage.binary_erosion(blood) if chance(rng, 0.7) else blood
        spot = wall & (blobs(rng, hu.shape, cell=4) > between(rng, 0.2, 1.5))
        hu[spot] = between(rng, 200, 900)


def _bright_islands(rng: np.random.Generator, patch: Patch, hu: FloatVolume) -> None:
    """Contrast, clips, calcified nodes, gas: bright or dark islands that are not bone."""
    if chance(rng, 0.35):
        soft = (
            (patch.material != Material.BONE) & (patch.material != Material.DISC) & (patch.material != Material.OUTSIDE)
        )
        spot = soft & (blobs(rng, hu.shape, cell=between(rng, 4, 14)) > between(rng, 1.0, 2.0))
        hu[spot] = rng.choice([between(rng, 150, 700), -900.0, between(rng, -120, 60)])


def _filling(rng: np.random.Generator, patch: Patch, hu: FloatVolume) -> None:
    """Cement in a body, a Schmorl node, or a lytic hole: the label stays body."""
    if chance(rng, 0.12):
        bodies = (patch.part > 0) & (patch.part < SACRUM)
        spot = bodies & (blobs(rng, hu.shape, cell=between(rng, 5, 11)) > between(rng, 0.8, 1.6))
        hu[spot] = rng.choice([between(rng, 700, 2500), between(rng, 20, 120), between(rng, 300, 600)])


def paint(rng: np.random.Generator, patch: Patch, *, step_mm: float) -> FloatVolume:
    """HU (I, J, K) of one patch, sharp and without noise."""
    shape = patch.part.shape
    hu = soft_table(rng)[patch.material]
    hu += between(rng, 3, 20) * blobs(rng, shape, cell=between(rng, 4, 20) / step_mm)
    mixed = patch.material == Material.MUSCLE
    streaks = blobs(rng, shape, cell=between(rng, 4, 9) / step_mm) > between(rng, 1.0, 2.4)
    hu[mixed & streaks] = between(rng, -110, -40)
    bone = patch.material == Material.BONE
    hu[bone] = _bone_hu(rng, patch, step_mm=step_mm)[bone]
    for fault in (_disc_faults, _osteophytes, _vessel_plaque, _bright_islands, _filling):
        fault(rng, patch, hu)
    return hu
