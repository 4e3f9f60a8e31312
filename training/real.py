"""Stage 1c: store a labelled real series as a training scan.

``python -m training.real NAME --ct FILE_OR_FOLDER --bodies FILE [--totalsegmentator]``

``--bodies`` is a label map of vertebral bodies (VerSe numbers) on the CT's own grid. With ``--totalsegmentator``
it contains whole vertebrae in TotalSegmentator's version 2 numbers, and the bodies are cut out of them here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK
from numpy.typing import NDArray

from osteo_core.records import Geometry, Volume
from osteo_core.segmentation.bodies import cut_body
from training.scans import store

#: The CT of these patients is used for reporting only.
HELD_OUT = ("verse005", "verse007", "verse014")
_TOTALSEGMENTATOR_L5, _TOTALSEGMENTATOR_C1, _L5 = 27, 50, 24
#: LPS and RAS differ in the sign of two axes; the matrix is its own inverse.
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_ct(path: Path) -> Volume:
    """Read a NIfTI file or a folder with one DICOM series; padding becomes air."""
    if path.is_dir():
        reader = SimpleITK.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        image = reader.Execute()
        voxels = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0)
        affine = np.eye(4)
        affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
    else:
        file = nibabel.load(path)
        voxels, affine = np.asarray(file.dataobj), TO_RAS @ file.affine
    voxels = np.clip(voxels, -1024, 3071).astype(np.int16)
    return Volume(voxels_hu=voxels, geometry=Geometry(shape=voxels.shape, affine_lps=affine))


def read_labels(path: Path, like: Geometry) -> NDArray[np.uint8]:
    """A label map reoriented to the CT's axes (flips and permutations only)."""
    file = nibabel.load(path)
    have = nibabel.orientations.io_orientation(TO_RAS @ file.affine)
    want = nibabel.orientations.io_orientation(like.affine_lps)
    turn = nibabel.orientations.ornt_transform(have, want)
    labels = nibabel.orientations.apply_orientation(np.asarray(file.dataobj), turn).astype(np.uint8)
    if labels.shape != like.shape:
        raise SystemExit(f"labels {labels.shape} do not fit the CT {like.shape}")
    return labels


def bodies_of_whole(labels: NDArray[np.uint8], geometry: Geometry) -> NDArray[np.uint8]:
    """Bodies (VerSe numbers) of whole vertebrae in TotalSegmentator's numbers, on the same LPS grid."""
    if geometry.axis_codes != "LPS":
        raise SystemExit(f"only LPS axes are cut here, got {geometry.axis_codes}")
    out = np.zeros_like(labels)
    least = min(geometry.spacing_mm)
    times = [max(1, round(s / least)) for s in geometry.spacing_mm]
    for number in range(_TOTALSEGMENTATOR_L5, _TOTALSEGMENTATOR_C1 + 1):
        whole = labels == number
        if whole.any():
            level = _L5 - (number - _TOTALSEGMENTATOR_L5)
            for axis, count in enumerate(times):
                whole = np.repeat(whole, count, axis)
            body = cut_body(whole, level=level, spacing_mm=least)
            out[body[tuple(slice(t // 2, None, t) for t in times)]] = level
    return out


def main() -> None:
    """Store one series."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--ct", type=Path, required=True)
    parser.add_argument("--bodies", type=Path, required=True)
    parser.add_argument("--totalsegmentator", action="store_true")
    arguments = parser.parse_args()
    if any(name in str(arguments.ct) for name in HELD_OUT):
        raise SystemExit(f"{arguments.ct} is for reporting alone and may not teach")
    volume = read_ct(arguments.ct)
    labels = read_labels(arguments.bodies, volume.geometry)
    bodies = bodies_of_whole(labels, volume.geometry) if arguments.totalsegmentator else labels
    store(f"real_{arguments.name}", volume, bodies)


if __name__ == "__main__":
    main()
