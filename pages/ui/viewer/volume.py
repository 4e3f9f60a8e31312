"""The CT of a series as one NIfTI file for the viewer, made in a process of its own.

    python -m pages.ui.viewer.volume     with JSON on standard input, so that no path shows among the processes
    {"files": ["..."], "stack": "" or which of several, "mask": "..._mask.nii.gz" or null, "out": "..._ct.nii.gz"}

Values are HU on the source grid, cut to the outlined spine with what lies around it (all slices are kept);
a grid still too large for a browser is averaged in pairs along its finest axes. What is measured never
passes through here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from osteo_core.dicom.volume import read_volume
from osteo_core.imaging.nifti import read_nifti_labels, write_nifti
from osteo_core.outcomes import Exclusion
from osteo_core.records import Geometry, Series

#: More voxels than this are averaged: about 48 MB of int16.
LARGEST = 24_000_000
#: What is shown around the outlined bodies, across the body.
MARGIN_MM = 70.0


def cut_to_spine(
    voxels: NDArray[np.generic], geometry: Geometry, labels: NDArray[np.uint8]
) -> tuple[NDArray[np.generic], Geometry]:
    """The part of (I, J, K) ``voxels`` within 70 mm of the outlined bodies; the axis from foot to head stays whole."""
    if labels.shape != voxels.shape or not labels.any():
        return voxels, geometry
    box = []
    for axis, (code, step_mm) in enumerate(zip(geometry.axis_codes, geometry.spacing_mm, strict=True)):
        around = 0 if code in "SI" else MARGIN_MM / step_mm
        held = np.flatnonzero(labels.any(axis=tuple({0, 1, 2} - {axis})))
        first, last = (0, labels.shape[axis]) if code in "SI" else (held[0] - around, held[-1] + 1 + around)
        box.append(slice(max(0, int(first)), min(labels.shape[axis], int(last))))
    cut = voxels[box[0], box[1], box[2]]
    affine = np.array(geometry.affine_lps)
    affine[:3, 3] = geometry.to_world_mm(np.array([part.start for part in box]))
    return cut, Geometry(shape=cut.shape, affine_lps=affine)


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


def make_volume(files: tuple[Path, ...], out: Path, *, stack_label: str = "", mask: Path | None = None) -> str:
    """Read the files (of several stacks the one named) and write ``out``; gives '' or why there is no volume."""
    series = Series(
        series_key="", study_key="", patient_key="", series_instance_uid="", files=files, stack_label=stack_label
    )
    volume = read_volume(series)
    if isinstance(volume, Exclusion):
        return volume.sentence
    voxels, geometry = volume.voxels_hu, volume.geometry
    if mask is not None:
        voxels, geometry = cut_to_spine(voxels, geometry, read_nifti_labels(mask)[0])
    voxels, geometry = shrink(voxels, geometry)
    temporary = out.with_name(f".writing-{out.name}")
    write_nifti(temporary, voxels, geometry)
    temporary.replace(out)
    return ""


def main() -> int:
    """Carry out what standard input asks; the reason of a refusal goes to standard output."""
    asked = json.load(sys.stdin)
    mask = Path(asked["mask"]) if asked.get("mask") else None
    files, out = tuple(Path(file) for file in asked["files"]), Path(asked["out"])
    sys.stdout.write(make_volume(files, out, stack_label=asked.get("stack", ""), mask=mask))
    return 0


if __name__ == "__main__":
    sys.exit(main())
