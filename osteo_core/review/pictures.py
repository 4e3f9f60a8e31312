"""Files that a reader's screen needs for one series and model.

    STEM_ct.nii.gz       HU of the shown part (`shown.py`)
    STEM_mask.nii.gz     the model's outlines on it
    STEM_roi.nii.gz      trabecular regions on it, by level number
    STEM_mesh.bin        surfaces of the bodies and of the bone around them (`surfaces.py`)
    STEM_lines.json      where the heights were taken (`lines.py`), as indices of the shown grid
    STEM_tissue.nii.gz   regions in which the calibration tissues were measured, by TISSUE_NUMBERS
    STEM_context.json    source grid, calibration tissues; written last

A reader's outlines have their own mask, regions, surfaces and lines; tissues stay those of the model's result.
``analyze`` makes them for series that will be viewed. Otherwise they are made when a series is first opened, and for
the next patient in the worklist, by ``python -m osteo_core.review.pictures`` with the request as JSON on standard
input, so that no path appears in the process list. All can be recreated, so the folder has a size limit (`bound`).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteo_core.archives import count_changed
from osteo_core.density.region import MeasuredTissue, mark_regions
from osteo_core.density.rod_row import find_rod_row
from osteo_core.density.roi import trabecular_roi
from osteo_core.density.tissues import measure_tissues
from osteo_core.dicom.volume import read_volume
from osteo_core.imaging.nifti import read_nifti_labels, read_nifti_volume, write_nifti
from osteo_core.morphometry.frame import Body, find_bodies
from osteo_core.outcomes import Exclusion
from osteo_core.records import (
    CalibrationTissues,
    Geometry,
    LabelArray,
    Segmentation,
    SegmentedLevel,
    Series,
    TissueSample,
    Volume,
)
from osteo_core.review.lines import height_lines
from osteo_core.review.shown import Shown, show_part
from osteo_core.review.surfaces import write_surfaces
from osteo_core.terms import Anchor, ContrastPhase, Level
from osteo_core.whole_files import write_text, writing

#: Inside a store.
FOLDER = "pictures"
CT, MASK, CONTEXT, TISSUE = "_ct.nii.gz", "_mask.nii.gz", "_context.json", "_tissue.nii.gz"
ROI, MESH, LINES = "_roi.nii.gz", "_mesh.bin", "_lines.json"
#: Files derived from the outlines alone.
DERIVED = (ROI, MESH, LINES)
KINDS = (CT, MASK, *DERIVED, TISSUE, CONTEXT)
#: Numbers in STEM_tissue.nii.gz; fat around the spine replaces subcutaneous fat.
TISSUE_NUMBERS = {"air": 1, "fat": 2, "deep fat": 2, "muscle": 3, "blood": 4, "cortical": 5}


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """What ``STEM_context.json`` holds."""

    source: Geometry
    is_correctable: bool
    tissues: CalibrationTissues


def stem_of(series_key: str, model_hash: str) -> str:
    """The common prefix of all files of one series and model."""
    return f"{series_key}_{model_hash or 'none'}"


def write_pictures(folder: Path, stem: str, volume: Volume, segmentation: Segmentation | None) -> None:
    """Write all files of one series, mask and CT first, so that a waiting screen can start with them."""
    labels = segmentation.labels if segmentation is not None else None
    shown = show_part(volume.voxels_hu, labels, volume.geometry)
    folder.mkdir(parents=True, exist_ok=True)
    write_image(folder / (stem + MASK), shown.labels, shown.geometry)
    write_image(folder / (stem + CT), _whole_numbers(shown), shown.geometry)
    tissues, measured = (CalibrationTissues(), ()) if segmentation is None else _tissues(volume, segmentation)
    write_image(folder / (stem + TISSUE), mark_regions(measured, TISSUE_NUMBERS, shown.geometry), shown.geometry)
    write_derived(folder, stem, shown)
    context = {
        "source": _plain(volume.geometry),
        "is_correctable": shown.is_whole_resolution and segmentation is not None,
        "tissues": asdict(tissues),
    }
    write_text(folder / (stem + CONTEXT), json.dumps(context))


def _tissues(volume: Volume, segmentation: Segmentation) -> tuple[CalibrationTissues, tuple[MeasuredTissue, ...]]:
    """Tissues as found by the pipeline, excluding a phantom under the back."""
    bodies = find_bodies(segmentation)
    rods = find_rod_row(volume, bodies)
    return measure_tissues(volume, segmentation, bodies, without_mm=rods.box_mm if rods else None)


def write_derived(folder: Path, stem: str, shown: Shown) -> None:
    """Write regions, surfaces and lines of the shown outlines."""
    segmentation = segmentation_of(shown.labels, shown.geometry)
    roi = np.zeros(shown.labels.shape, dtype=np.uint8, order="F")
    for body in find_bodies(segmentation):
        _mark(roi, body)
    write_image(folder / (stem + ROI), roi, shown.geometry)
    write_text(folder / (stem + LINES), json.dumps(height_lines(segmentation)))
    with writing(folder / (stem + MESH)) as path:
        write_surfaces(path, shown)


def _mark(roi: LabelArray, body: Body) -> None:
    inside = trabecular_roi(body)
    roi[body.box][inside] = body.level


def read_context(path: Path) -> Context:
    """Read ``STEM_context.json``. Raises ValueError if it is damaged."""
    given = json.loads(path.read_text(encoding="utf-8"))
    tissues = given["tissues"]
    return Context(
        source=Geometry(shape=tuple(given["source"]["shape"]), affine_lps=np.array(given["source"]["affine_lps"])),
        is_correctable=bool(given["is_correctable"]),
        tissues=CalibrationTissues(
            samples=tuple(TissueSample(**one) for one in tissues["samples"]),
            contrast_phase=ContrastPhase(tissues["contrast_phase"]),
            water_path_cm=tissues["water_path_cm"],
        ),
    )


def segmentation_of(labels: LabelArray, geometry: Geometry) -> Segmentation:
    """A segmentation from labels alone, without further attributes of its levels."""
    present = [int(n) for n in np.flatnonzero(np.bincount(labels.ravel(order="K"), minlength=256)) if n]
    levels = tuple(SegmentedLevel(level=Level(n), confidence=None, voxels=0, centroid_mm=(0, 0, 0)) for n in present)
    return Segmentation(labels=labels, geometry=geometry, levels=levels, anchor=Anchor.STATED, engine="", model_hash="")


def forget(folder: Path, stem: str) -> None:
    """Remove the files of one series and model; they are recreated on request."""
    for kind in KINDS:
        with contextlib.suppress(OSError):
            (folder / (stem + kind)).unlink(missing_ok=True)


def bound(folder: Path, *, limit_mb: int, keep: str = "") -> int:
    """Remove the least recently opened files until the folder is within its limit; returns how many.

    Files whose name begins with ``keep`` stay.
    """
    seen = []
    for entry in os.scandir(folder) if folder.is_dir() else ():
        try:
            status = entry.stat()
        except FileNotFoundError:  # another process removed it
            continue
        seen.append((status.st_mtime, status.st_size, entry.path, entry.name))
    size, removed = sum(one[1] for one in seen), 0
    for _, bytes_, path, name in sorted(seen):
        if size <= limit_mb * 1_000_000:
            break
        if keep and name.startswith(keep):
            continue
        Path(path).unlink(missing_ok=True)
        size -= bytes_
        removed += 1
    return removed


def write_image(path: Path, array: np.ndarray, geometry: Geometry) -> None:
    """Write a NIfTI file atomically."""
    with writing(path) as temporary:
        write_nifti(temporary, array, geometry)


def _whole_numbers(shown: Shown) -> np.ndarray:
    """HU as int16 if already integers, else float32, so that shown and measured values are equal."""
    return np.asarray(shown.voxels_hu, dtype=np.int16 if shown.voxels_hu.dtype.kind in "iu" else np.float32)


def _plain(geometry: Geometry) -> dict[str, Any]:
    return {"shape": list(geometry.shape), "affine_lps": np.asarray(geometry.affine_lps).tolist()}


def main() -> int:
    """Carry out the request on standard input; the reason for a refusal goes to standard output.

    ``of``: a reader's outlines are already in the folder, on the CT of that stem; only derived files are made.
    """
    asked = json.load(sys.stdin)
    folder, stem = Path(asked["folder"]), asked["stem"]
    refusal = _derive(folder, stem, asked["of"]) if asked.get("of") else _make(folder, stem, asked)
    sys.stdout.write(refusal)
    return 0


def _derive(folder: Path, stem: str, of: str) -> str:
    volume = read_nifti_volume(folder / (of + CT))
    if isinstance(volume, Exclusion):
        return volume.sentence
    labels, geometry = read_nifti_labels(folder / (stem + MASK))
    shown = Shown(voxels_hu=volume.voxels_hu, labels=labels, geometry=geometry, is_whole_resolution=True)
    write_derived(folder, stem, shown)
    return ""


def _make(folder: Path, stem: str, asked: dict[str, Any]) -> str:
    files = tuple(Path(file) for file in asked["files"])
    series = Series(
        series_key="", study_key="", patient_key="", series_instance_uid="", files=files, stack_label=asked["stack"]
    )
    volume = read_volume(series)
    if count_changed(files, [(size, changed_ns) for size, changed_ns in asked["stamps"]]):
        return "Its files changed while they were read, and may be another patient's; index the folder again."
    if isinstance(volume, Exclusion):
        return volume.sentence
    segmentation = None
    if asked["mask"]:
        labels, geometry = read_nifti_labels(Path(asked["mask"]))
        if not geometry.is_close(volume.geometry, tolerance_mm=0.1):
            return "Its mask and its files have different grids; analyze the series again."
        segmentation = segmentation_of(labels, volume.geometry)
    write_pictures(folder, stem, volume, segmentation)
    return ""


if __name__ == "__main__":
    sys.exit(main())
