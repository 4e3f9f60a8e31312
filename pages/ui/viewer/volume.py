"""The CT of a series as one NIfTI file for the viewer, made in a process of its own.

    python -m pages.ui.viewer.volume     with JSON on standard input, so that no path shows among the processes
    {"files": ["..."], "out": "..._ct.nii.gz"}

Values are HU on the source grid; a grid too large for a browser is averaged in pairs along its finest axes.
What is measured never passes through here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from osteo_core.dicom.volume import read_volume

from osteo_core.imaging.nifti import write_nifti
from osteo_core.outcomes import Exclusion
from osteo_core.records import Geometry, Series

#: More voxels than this are averaged: about 48 MB of int16.
LARGEST = 24_000_000


def halve(voxels: NDArray[np.generic], geometry: Geometry, *, axis: int) -> tuple[NDArray[np.generic], Geometry]:
    """Average neighbours in pairs along ``axis``; an odd last plane is dropped."""
    pairs = voxels.shape[axis] // 2
    kept = np.take(voxels, range(2 * pairs), axis=axis)
    split = kept.reshape(*kept.shape[:axis], pairs, 2, *kept.shape[axis + 1 :])
    affine = np.array(geometry.affine_lps)
    affine[:3, 3] += affine[:3, axis] / 2
    affine[:3, axis] *= 2
    averaged = split.mean(axis=axis + 1)
    return averaged, Geometry(shape=averaged.shape, affine_lps=affine)


def shrink(
    voxels: NDArray[np.generic], geometry: Geometry, *, largest: int = LARGEST
) -> tuple[NDArray[np.int16], Geometry]:
    """HU (I, J, K) as int16 on a grid of at most ``largest`` voxels, halved along the finest axis until it fits."""
    while voxels.size > largest:
        voxels, geometry = halve(voxels, geometry, axis=int(np.argmin(geometry.spacing_mm)))
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(voxels), limits.min, limits.max).astype(np.int16), geometry


def make_volume(files: tuple[Path, ...], out: Path) -> str:
    """Read the files, write ``out``; gives '' or the reason in words why there is no volume."""
    series = Series(series_key="", study_key="", patient_key="", series_instance_uid="", files=files)
    volume = read_volume(series)
    if isinstance(volume, Exclusion):
        return volume.sentence
    voxels, geometry = shrink(volume.voxels_hu, volume.geometry)
    temporary = out.with_name(f".writing-{out.name}")
    write_nifti(temporary, voxels, geometry)
    temporary.replace(out)
    return ""


def main() -> int:
    """Carry out what standard input asks; the reason of a refusal goes to standard output."""
    asked = json.load(sys.stdin)
    sys.stdout.write(make_volume(tuple(Path(file) for file in asked["files"]), Path(asked["out"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
