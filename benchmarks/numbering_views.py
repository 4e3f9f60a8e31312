"""Are levels rightly numbered however little of a spine is seen? ``python -m benchmarks.numbering_views``.

The real series of ../shared/data, whole and cut along the body axis into the views that scanners take: ribs and the
first lumbar levels without the sacrum, sacrum and the last lumbar levels without ribs, L1-L4 alone. A view is right
when something is outlined and every outlined body that lies where the reference has one carries its number. A level
that is not outlined does not count here (benchmarks.segmentation_real tells of outlines). Needs ../shared/data.

Numbers of the DICOM series were counted by eye, by one of the makers, from the sacrum (GE Discovery, Toshiba) or from
the last rib in axial slices (Siemens Sensation, GE Revolution); those of the others are the reference's. Of these
series only the CT of verse005, verse007 and verse014 taught the networks nothing (models/spine_localiser/CARD.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.real_series import DATA, WITH_REFERENCE, ct_path
from models.registry import load_segmenter
from osteo_core.records import Geometry, Volume
from osteo_core.terms import Level
from training.real import read_ct, read_labels

#: Height (LPS z, mm) of the bodies from the first to the last level that was counted by eye.
BY_EYE: dict[str, tuple[Level, tuple[int, ...]]] = {
    "ge_discovery_ls": (Level.T9, (-440, -466, -495, -526, -561, -595, -631, -668, -704)),
    "toshiba_aquilion": (Level.T11, (1414, 1384, 1355, 1323, 1290, 1255, 1223)),
    "siemens_sensation64": (Level.T9, (-131, -156, -177, -201, -233, -257)),
    "ge_revolution": (Level.T8, (-15, -40, -67, -92, -118, -146, -172)),
}
#: A view ends this far beyond the middle of its last body, so that body is whole and the next is not.
_HALF_LEVEL_MM = 22.0
_BEYOND_MM = 400.0
#: A found body is the one whose middle lies within this.
_SAME_MM = 12.0


@dataclass(frozen=True, kw_only=True)
class View:
    """A part of one series, and the height of each body in it."""

    name: str
    volume: Volume
    heights_mm: dict[Level, float]


def heights_of(name: str, geometry: Geometry) -> dict[Level, float]:
    """Height (LPS z, mm) of the middle of each body."""
    if name in BY_EYE:
        first, heights = BY_EYE[name]
        return {Level(first + n): float(z) for n, z in enumerate(heights)}
    labels = read_labels(DATA / "labels" / "bodies" / f"{name}.nii.gz", geometry)
    return {Level(n): float(geometry.to_world_mm(np.argwhere(labels == n).mean(0))[2]) for n in np.unique(labels) if n}


def cut(volume: Volume, low_mm: float, high_mm: float) -> Volume:
    """The slices between two heights (LPS z), across the axis that runs along the body."""
    geometry = volume.geometry
    axis = next(n for n, code in enumerate(geometry.axis_codes) if code in "SI")
    index = np.zeros((geometry.shape[axis], 3))
    index[:, axis] = np.arange(len(index))
    heights = geometry.to_world_mm(index)[:, 2]
    kept = np.flatnonzero((heights >= low_mm) & (heights <= high_mm))
    box = tuple(slice(kept.min(), kept.max() + 1) if n == axis else slice(None) for n in range(3))
    voxels = np.ascontiguousarray(np.asarray(volume.voxels_hu)[box])
    affine = np.array(geometry.affine_lps)
    affine[:3, 3] = geometry.to_world_mm(index[kept.min()])
    return Volume(voxels_hu=voxels, geometry=Geometry(shape=voxels.shape, affine_lps=affine))


def views(name: str, path: Path) -> Iterator[View]:
    """The whole series and its views."""
    volume = read_ct(path)
    at = heights_of(name, volume.geometry)
    yield View(name=name, volume=volume, heights_mm=at)
    top, bottom = max(at.values()) + _BEYOND_MM, min(at.values()) - _BEYOND_MM
    for level in (Level.L1, Level.L2, Level.L3):
        if level + 1 in at and Level.T12 in at and Level.L2 in at:
            low = at[level] - _HALF_LEVEL_MM
            yield View(name=f"{name}, ribs to {level.name}", volume=cut(volume, low, top), heights_mm=at)
        if level in at and Level.L5 in at:
            high = at[level] + _HALF_LEVEL_MM
            yield View(name=f"{name}, {level.name} to sacrum", volume=cut(volume, bottom, high), heights_mm=at)
    if Level.L1 in at and Level.L4 in at:
        part = cut(volume, at[Level.L4] - _HALF_LEVEL_MM, at[Level.L1] + _HALF_LEVEL_MM)
        yield View(name=f"{name}, L1 to L4 alone", volume=part, heights_mm=at)


def shifts(view: View) -> tuple[set[int], float, str]:
    """By how many levels the outlined bodies are off, the least confidence, and what they were counted from."""
    found = load_segmenter().segment(view.volume)
    off = set()
    for body in found.levels:
        nearest = min(view.heights_mm, key=lambda level: abs(view.heights_mm[level] - body.centroid_mm[2]))
        if abs(view.heights_mm[nearest] - body.centroid_mm[2]) < _SAME_MM:
            off.add(int(body.level) - int(nearest))
    return off, min((body.confidence for body in found.levels), default=0.0), found.anchor.value


def main() -> None:
    """Print the table."""
    paths = {name: DATA / "ct" / name for name in BY_EYE} | {name: ct_path(name) for name in WITH_REFERENCE}
    right = total = unsure = 0
    for name, path in paths.items():
        for view in views(name, path):
            off, confidence, anchor = shifts(view)
            total, right = total + 1, right + (off == {0})
            unsure += off != {0} and confidence < 0.5
            verdict = "right" if off == {0} else "WRONG"
            print(f"{verdict}  {view.name:36s} off by {sorted(off)}  {confidence:.2f}  {anchor}", flush=True)
    print(f"{right} of {total} views rightly numbered; of the others {unsure} are marked unsure or empty")


if __name__ == "__main__":
    main()
