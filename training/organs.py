"""Move organs along the spine and thin the ribs: a network that sees few bodies must count by bones.

The position of a kidney says little about the level, and the last ribs of the four phantoms are thicker than those of
many patients.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.materials import Material
from training.sample import Patch, draw

#: What is moved: everything inside the skin except the skeleton and what is attached to it.
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
#: Standard deviations of the shift to the left, back and head, mm: a level and a half along the spine.
_MOVE_MM = np.array([8.0, 8.0, 45.0])
#: Largest depth removed from the surface of ribs, mm; a last rib of the phantoms is about 8 mm thick.
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
    """The patch with its soft tissue shifted at random; bone, discs, canal and skin stay in place."""
    centre = centre_mm + rng.normal(0, _MOVE_MM)
    other = draw(packed, centre_mm=centre, relative_mm=relative_mm, source_mm=source_mm)
    moves = _SOFT[patch.material] & _SOFT[other.material] & (patch.part == 0) & (other.part == 0)
    return replace(patch, material=np.where(moves, other.material, patch.material).astype(np.uint8))


def thin_ribs(rng: np.random.Generator, patch: Patch) -> Patch:
    """The patch with non-vertebral bone (ribs, hips) eroded from its surface and replaced by muscle."""
    worn = (patch.material == Material.BONE) & (patch.part == 0) & (patch.depth_mm < rng.uniform(0.5, _THINNER_MM))
    return replace(patch, material=np.where(worn, np.uint8(Material.MUSCLE), patch.material))
