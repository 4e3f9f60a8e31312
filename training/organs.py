"""Organs moved along the spine and ribs made thin: a network that sees few bodies must count by bones.

Where a kidney lies says little of the level, and four phantoms' last ribs are thicker than many a patient's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.materials import Material
from training.sample import Patch, draw

#: What moves: everything inside the skin but the skeleton and what hangs on it.
_SOFT = np.isin(
    np.arange(256),
    [
        Material.GAS,
        Material.LUNG,
        Material.FAT,
        Material.MUSCLE,
        Material.LIVER,
        Material.SPLEEN,
        Material.KIDNEY,
        Material.BLOOD,
        Material.HEART,
        Material.BOWEL,
        Material.BOWEL_CONTENT,
        Material.ORGAN,
        Material.FLUID,
    ],
)
#: Standard deviations of the move to the left, the back and the head, mm: a level and a half along the spine.
_MOVE_MM = np.array([8.0, 8.0, 45.0])
#: What the surface of ribs loses at most, mm; a last rib of the phantoms is some 8 mm thick.
_THINNER_MM = 2.6


def move_organs(
    rng: np.random.Generator,
    patch: Patch,
    packed: NDArray[np.uint32],
    *,
    centre_mm: NDArray[np.float64],
    relative_mm: list[NDArray[np.float32]],
    source_mm: float,
) -> Patch:
    """The patch with the soft tissue that lies a random way off; bone, discs, canal and skin stay."""
    centre = centre_mm + rng.normal(0, _MOVE_MM)
    other = draw(packed, centre_mm=centre, relative_mm=relative_mm, source_mm=source_mm)
    moves = _SOFT[patch.material] & _SOFT[other.material] & (patch.part == 0) & (other.part == 0)
    return replace(patch, material=np.where(moves, other.material, patch.material).astype(np.uint8))


def thin_ribs(rng: np.random.Generator, patch: Patch) -> Patch:
    """The patch with bone of no vertebra (ribs, hips) worn down from its surface; muscle takes its place."""
    worn = (patch.material == Material.BONE) & (patch.part == 0) & (patch.depth_mm < rng.uniform(0.5, _THINNER_MM))
    return replace(patch, material=np.where(worn, np.uint8(Material.MUSCLE), patch.material))
