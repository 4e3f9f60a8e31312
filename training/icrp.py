"""The ICRP adult phantoms as hosts: further body shapes, one of them female, with their vertebrae replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.cases import GRID_MM, POSTERIOR, SACRUM, Body, nearest_to_grid, read_lps, smooth_to_grid, with_discs
from training.materials import Material, lookup

_BONES = (*range(13, 47), 47, 48, 49, 50, 51, 52, 53, 54, 55, 56)
ICRP: dict[Material, tuple[int, ...]] = {
    Material.OUTSIDE: (0,),
    Material.GAS: (7, 8, 140),
    Material.LUNG: (96, 97, 98, 99),
    Material.FAT: (62, 64, 117, 118, 119),
    Material.MUSCLE: (107, 108, 109, 133),
    Material.SKIN: (123, 124, 125),
    Material.LIVER: (95,),
    Material.SPLEEN: (127,),
    Material.KIDNEY: (89, 90, 92, 93),
    Material.BLOOD: (10, 11, 12, 88),
    Material.HEART: (87,),
    Material.BOWEL: (72, 74, 76, 78, 80, 82, 84, 86, 110),
    Material.BOWEL_CONTENT: (73, 75, 77, 79, 81, 83, 85),
    Material.FLUID: (71, 91, 94, 138),
    Material.CANAL: (126,),
    Material.CARTILAGE: (58, 59, 60),
    Material.BONE: _BONES,
}
#: Groups of vertebrae: their numbers in the phantom and the levels they hold.
_GROUPS = (((49, 50), range(8, 20), 5.0), ((51, 52), range(20, 25), 7.0))
#: Height of a level relative to the one above it.
_GROWTH = 1.04


def _slabs(group: NDArray[np.bool_], levels: range, *, core_mm: float) -> NDArray[np.uint8]:
    """Rough parts of a group of vertebrae: slabs along z, with the thick part of each as its body."""
    part = np.zeros(group.shape, dtype=np.uint8)
    deep = ndimage.distance_transform_edt(group, sampling=GRID_MM) > core_mm
    heights = np.flatnonzero(deep.any(axis=(0, 1)))
    share = _GROWTH ** np.arange(len(levels))
    edges = heights[-1] - np.concatenate([[0], np.cumsum(share) / share.sum()]) * (heights[-1] - heights[0])
    near = ndimage.distance_transform_edt(~deep, sampling=GRID_MM) <= core_mm + 1.5
    z = np.arange(group.shape[2])[None, None, :]
    for level, top, bottom in zip(levels, edges[:-1], edges[1:], strict=True):
        slab = group & (z <= top) & (z > bottom)
        part[slab] = POSTERIOR + level
        part[slab & near] = level
    return part


def icrp(labels: Path, name: str) -> Body:
    """One ICRP phantom on the 1.25 mm grid; its vertebrae are rough and must be planted over."""
    numbers, spacing = read_lps(labels / f"{name}.nii.gz")
    material = smooth_to_grid(lookup(ICRP)[numbers], spacing_mm=spacing)
    fine = nearest_to_grid(numbers, spacing_mm=spacing)
    part = np.zeros(material.shape, dtype=np.uint8)
    for ids, levels, core in _GROUPS:
        found = _slabs(np.isin(fine, ids), levels, core_mm=core)
        part[found > 0] = found[found > 0]
    sacrum = smooth_to_grid(np.isin(numbers, (53, 54)).astype(np.uint8), spacing_mm=spacing)
    part[sacrum > 0] = SACRUM
    return with_discs(material, part)
