"""The materials that can be painted: one vocabulary for the tissue maps of different phantoms."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Material(IntEnum):
    """What fills a voxel. Bones of the spine have their level in a second map (``part``)."""

    OUTSIDE = 0
    GAS = 1
    LUNG = 2
    FAT = 3
    MUSCLE = 4
    SKIN = 5
    LIVER = 6
    SPLEEN = 7
    KIDNEY = 8
    BLOOD = 9
    HEART = 10
    BOWEL = 11
    BOWEL_CONTENT = 12
    ORGAN = 13
    FLUID = 14
    CANAL = 15
    CARTILAGE = 16
    DISC = 17
    BONE = 18
    TABLE = 19
    METAL = 20


#: AustinMan tissue number -> material; every number not listed here is soft organ.
AUSTINMAN: dict[Material, tuple[int, ...]] = {
    Material.OUTSIDE: (0,),
    Material.GAS: (2, 216),
    Material.LUNG: (128,),
    Material.FAT: (136, 110),
    Material.MUSCLE: (180, 181, 156, 192, 214, 215, 218, 219, 220),
    Material.SKIN: (204, 132),
    Material.LIVER: (108,),
    Material.SPLEEN: (188,),
    Material.KIDNEY: (88,),
    Material.BLOOD: (20, 28),
    Material.HEART: (27, 61, 62),
    Material.BOWEL: (4, 24, 164, 200),
    Material.BOWEL_CONTENT: (6, 25, 165, 201),
    Material.FLUID: (15, 16, 44),
    Material.CANAL: (80, 124, 184),
    Material.CARTILAGE: (111, 112),
    Material.BONE: (84, 92, 172),
}

#: XCAT label -> material; its undivided soft tissue (1) is filled from another phantom.
XCAT: dict[Material, tuple[int, ...]] = {
    Material.OUTSIDE: (0,),
    Material.GAS: (2, 4),
    Material.LIVER: (5,),
    Material.LUNG: (6,),
    Material.BONE: (7,),
    Material.MUSCLE: (1,),
}


def lookup(table: dict[Material, tuple[int, ...]]) -> NDArray[np.uint8]:
    """A (256,) table from a phantom's number to a material."""
    out = np.full(256, Material.ORGAN, dtype=np.uint8)
    for material, numbers in table.items():
        out[list(numbers)] = material
    return out
