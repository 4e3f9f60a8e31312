"""A small CT with five bright bodies and its mask as files, for tests of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from osteo_core.terms import Level

_SPACING_MM = 2.0
_SHAPE = (80, 72, 120)
_LEVELS = (Level.L5, Level.L4, Level.L3, Level.L2, Level.L1)


@dataclass(frozen=True, kw_only=True)
class ViewerCase:
    """The files, and the centre of each body in LPS mm."""

    ct: Path
    mask: Path
    centres_lps_mm: dict[Level, tuple[float, float, float]]


def build_viewer_case(folder: Path) -> ViewerCase:
    """Write ``phantom_ct.nii.gz`` (HU, int16) and ``phantom_mask.nii.gz`` (VerSe numbers, uint8) into ``folder``."""
    x, y, z = np.meshgrid(*(np.arange(n) * _SPACING_MM for n in _SHAPE), indexing="ij")
    voxels = np.where(((x - 80) / 74) ** 2 + ((y - 72) / 66) ** 2 < 1, 45, -1000).astype(np.int16)
    labels = np.zeros(_SHAPE, dtype=np.uint8)
    centres: dict[Level, tuple[float, float, float]] = {}
    for k, level in enumerate(_LEVELS):
        middle = (80.0, 84.0, 30.0 + 42.0 * k)
        radius = np.hypot((x - middle[0]) / 23.0, (y - middle[1]) / 17.0)
        body = (radius < 1) & (np.abs(z - middle[2]) < 14)
        core = (radius < 0.85) & (np.abs(z - middle[2]) < 11)
        voxels[body], voxels[core] = 420, 150
        labels[body] = level
        centres[level] = middle
    rng = np.random.default_rng(4)
    voxels += rng.normal(0, 12, _SHAPE).astype(np.int16)
    paths = {"ct": folder / "phantom_ct.nii.gz", "mask": folder / "phantom_mask.nii.gz"}
    for name, array in (("ct", voxels), ("mask", labels)):
        image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
        image.SetSpacing((_SPACING_MM,) * 3)
        sitk.WriteImage(image, str(paths[name]))
    return ViewerCase(ct=paths["ct"], mask=paths["mask"], centres_lps_mm=centres)
