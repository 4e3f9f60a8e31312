"""A folder of small NIfTI CTs of the analytic spine, for tests that need files and many series."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from osteo_core.imaging.nifti import write_nifti
from tests.builders.spines import SpineSpec, build_spine, grid

#: Coarse, so that a whole run of several series takes only seconds.
SPACING_MM = (2.0, 2.0, 3.0)


def write_ct(path: Path, *, mark_hu: int = -1000, seed: int = 0) -> Path:
    """One NIfTI CT of the default spine; ``mark_hu`` is the HU of its first voxel (see segmenters.py)."""
    volume, _ = build_spine(
        SpineSpec(noise_hu=8.0, seed=seed), grid(spacing_mm=SPACING_MM, extent_mm=(110.0, 120.0, 180.0))
    )
    voxels = np.rint(np.asarray(volume.voxels_hu)).astype(np.int16)
    voxels[0, 0, 0] = mark_hu
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(path, voxels, volume.geometry)
    return path


def write_many(folder: Path, number: int) -> list[Path]:
    """``number`` different patients, case_00.nii.gz and so on."""
    return [write_ct(folder / f"case_{n:02d}.nii.gz", seed=n) for n in range(number)]
