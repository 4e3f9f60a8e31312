"""``corrections --out DIR``: readers' corrections as a training set, written completely or not at all."""

from __future__ import annotations

import argparse
import csv
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from commands import store_access
from commands.cluster.processes import is_alive
from commands.command import Answer, Context, path_argument
from commands.sentences import counted
from commands.store_access import Query
from db.columns import path_of
from db.parts import MEDIA
from db.records import series_of
from osteo_core.archives import is_there
from osteo_core.dicom.volume import read_volume
from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import read_nifti_labels, write_nifti
from osteo_core.imaging.resample import resample_labels
from osteo_core.outcomes import Exclusion
from osteo_core.records import Geometry, HuArray, LabelArray, Series
from osteo_core.review.corrections import SignedSeries, signed_series
from osteo_core.review.mask import changes_between
from osteo_core.review.reads import Read, Verdict
from osteo_core.review.shown import cut_grid, show_part
from osteo_core.tables.formulas import guarded

MANIFEST = "manifest.csv"
#: One row per case and level of either mask.
COLUMNS = (
    "case",
    "level",
    "change",
    "dice",
    "model_voxels",
    "reader_voxels",
    "added_voxels",
    "removed_voxels",
    "reason",
    "words",
    "verdict",
    "role",
    "reader",
    "vendor",
    "manufacturer_model_name",
    "kvp",
    "kernel_group",
    "slice_thickness_mm",
    "contrast_phase",
    "is_simulated",
    "model_hash",
    "mask_version",
)
_MARGIN_MM = 30.0


@dataclass(frozen=True, kw_only=True)
class Exported:
    """How many cases and levels were written, and why signed corrections were left out."""

    cases: int
    levels: int
    left_out: Mapping[str, int] = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--out", type=path_argument, required=True, metavar="DIR", help="a new folder for the set")
    parser.add_argument(
        "--with-words",
        action="store_true",
        help="include readers' comments, which may name a person: read them first",
    )


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Write the set; pseudonyms only."""
    store = context.settings.store
    with store_access.store_to_read(store) as reader:
        done = write_set(arguments.out, reader.query, store / MEDIA, with_words=arguments.with_words)
    return Answer(
        document={"out": str(arguments.out), "cases": done.cases, "levels": done.levels, "left_out": done.left_out},
        sentences=(
            f"{counted(done.cases, 'case', 'cases')} with {counted(done.levels, 'level', 'levels')} "
            f"written to {arguments.out}.",
            *(f"Left out, {why}: {n}." for why, n in done.left_out.items()),
        ),
    )


def corrections_in(query: Query) -> list[tuple[SignedSeries, Read]]:
    """Signed series whose counting read changes the model's outlines or leaves levels out."""
    found = []
    for one in signed_series(query("corrections").to_pylist()):
        read = one.reading.counts
        if read is None or read.verdict is Verdict.REJECT:
            continue
        if read.version != read.model_hash or read.decisions.left_out:
            found.append((one, read))
    return found


def write_set(out: Path, query: Query, media: Path, *, with_words: bool = False) -> Exported:
    """Write the set to ``out``, which must be missing or empty: it appears there only once complete.

    Each export renumbers the cases. Raises UsageError if there is nothing to write.
    """
    chosen = corrections_in(query)
    if not chosen:
        raise UsageError("no reader has signed a correction in this store; there is nothing to write")
    left_out: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    readers: dict[str, str] = {}
    with _whole_folder(out) as folder:
        cases = 0
        for one, read in chosen:
            found = _case_of(one.series_key, read, query, media)
            if isinstance(found, str):
                left_out[found] += 1
                continue
            cases += 1
            name = f"case_{cases:04d}"
            _write_case(folder / name, found)
            reader = readers.setdefault(read.reader, f"reader {len(readers) + 1}")
            rows += _rows(name, found, read, reader=reader, with_words=with_words)
        if not cases:
            why = "; ".join(f"{why}: {n}" for why, n in left_out.items())
            raise UsageError(f"none of the signed corrections can be written ({why})")
        with (folder / MANIFEST).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({name: guarded(value) for name, value in row.items()} for row in rows)
    return Exported(cases=cases, levels=len(rows), left_out=dict(left_out))


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` to write to, renamed to ``out`` in one step; removes leftovers of killed exports."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty; name a new folder, so that no earlier set is overwritten")
    out.parent.mkdir(parents=True, exist_ok=True)
    for left in out.parent.glob(f".{out.name}.[0-9]*.writing"):
        if not is_alive(int(left.name.split(".")[-2])):
            shutil.rmtree(left, ignore_errors=True)
    folder = out.with_name(f".{out.name}.{os.getpid()}.writing")
    folder.mkdir()
    try:
        yield folder
        folder.replace(out)  # an empty folder is replaced too
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """CT and both masks on one grid, and the headers that say how it was scanned."""

    voxels_hu: HuArray
    model: LabelArray
    reader: LabelArray
    geometry: Geometry
    series: Series
    contrast_phase: str


def _case_of(series_key: str, read: Read, query: Query, media: Path) -> _Case | str:
    """The case, or why it cannot be written."""
    (header,) = query("series_header", series_key=series_key).to_pylist()
    (row,) = query("patient", series_key=series_key).to_pylist()
    (own,) = query("model_result", series_key=series_key).to_pylist()
    files = tuple(path_of(file) for file in row["files"] or ())
    model_file = media / (own["mask_file"] or "")
    reader_file = media / f"{series_key}_{read.version}_reader.nii.gz"
    is_corrected = read.version != read.model_hash
    if not files or not all(map(is_there, files)):
        return "source files are missing"
    if own["model_hash"] != read.model_hash:
        return "analyzed by another model since"
    if not model_file.is_file() or (is_corrected and not reader_file.is_file()):
        return "a mask is no longer in the store"
    volume = read_volume(series_of({**header, "files": row["files"]}))
    if isinstance(volume, Exclusion):
        return "the CT cannot be read"
    model, grid = read_nifti_labels(model_file)
    if not grid.is_close(volume.geometry, tolerance_mm=0.1):
        return "the mask and the CT have different grids"
    shown = show_part(volume.voxels_hu, model, volume.geometry)
    reader = _on(read_nifti_labels(reader_file), shown.geometry) if is_corrected else shown.labels
    box = _around((shown.labels > 0) | (reader > 0), shown.geometry)
    return _Case(
        voxels_hu=shown.voxels_hu[box],
        model=shown.labels[box],
        reader=reader[box],
        geometry=cut_grid(shown.geometry, box),
        series=series_of({**header, "files": []}),
        contrast_phase=own["contrast_phase"] or "",
    )


def _on(given: tuple[LabelArray, Geometry], target: Geometry) -> LabelArray:
    labels, grid = given
    return labels if grid.is_close(target) else resample_labels(labels, grid, target)


def _around(outlined: np.ndarray, geometry: Geometry) -> tuple[slice, slice, slice]:
    box = ndimage.find_objects(outlined.astype(np.uint8))[0]
    parts = []
    for part, step_mm, size in zip(box, geometry.spacing_mm, outlined.shape, strict=True):
        margin = round(_MARGIN_MM / step_mm)
        parts.append(slice(max(0, part.start - margin), min(size, part.stop + margin)))
    return parts[0], parts[1], parts[2]


def _write_case(folder: Path, case: _Case) -> None:
    folder.mkdir()
    is_whole = case.voxels_hu.dtype.kind in "iu"
    write_nifti(folder / "ct.nii.gz", case.voxels_hu.astype(np.int16 if is_whole else np.float32), case.geometry)
    write_nifti(folder / "model_mask.nii.gz", case.model, case.geometry)
    write_nifti(folder / "reader_mask.nii.gz", case.reader, case.geometry)


def _rows(name: str, case: _Case, read: Read, *, reader: str, with_words: bool) -> Iterator[dict[str, Any]]:
    """One row per level, without dates, ages and keys."""
    before, after = (np.bincount(labels.ravel(order="K"), minlength=256) for labels in (case.model, case.reader))
    series = case.series
    for change in changes_between(case.model, case.reader):
        level = change.level
        reason = read.decisions.left_out.get(level)
        yield {
            "case": name,
            "level": level.name,
            "change": _change(change.dice, int(before[level]), int(after[level])),
            "dice": f"{change.dice:.4f}",
            "model_voxels": int(before[level]),
            "reader_voxels": int(after[level]),
            "added_voxels": change.added_voxels,
            "removed_voxels": change.removed_voxels,
            "reason": reason.why.value if reason else "",
            "words": reason.words if reason and with_words else "",
            "verdict": read.verdict.value,
            "role": read.role.value,
            "reader": reader,
            "vendor": series.vendor.value,
            "manufacturer_model_name": series.manufacturer_model_name or "",
            "kvp": "" if series.kvp is None else f"{series.kvp:g}",
            "kernel_group": series.kernel_group.value,
            "slice_thickness_mm": "" if series.slice_thickness_mm is None else f"{series.slice_thickness_mm:g}",
            "contrast_phase": case.contrast_phase,
            "is_simulated": series.is_simulated,
            "model_hash": read.model_hash,
            "mask_version": read.version,
        }


def _change(dice: float, before: int, after: int) -> str:
    if not before or not after:
        return "outlined anew" if after else "taken out"
    return "as the model" if dice == 1.0 else "corrected"
