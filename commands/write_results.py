"""Writes one result: into a store as parts, or into a folder as the files of ``process``."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from commands.analysis_job import Job
from db.parts import MEDIA, write_parts
from db.rows import process_tables, result_tables
from osteo_core.imaging.nifti import is_nifti, write_labels_like, write_nifti
from osteo_core.imaging.resample import resample_labels
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.records import LabelArray, Segmentation, Series, SeriesResult, Volume
from osteo_core.review import pictures
from osteo_core.terms import MASK_LEVELS
from osteo_core.whole_files import HALF_WRITTEN, writing

MASKS = "masks"
#: Results of single series inside the folder of ``process``, so that a stopped run can resume.
PIECES = ".pieces"
_SUFFIX = ".nii.gz"
#: Bytes that a file's name may have, and what is kept of a longer one, with the digits that tell it from others.
_LONGEST_NAME, _CUT_BYTES, _CUT_DIGITS = 255, 180, 8
KINDS = ("series", "exclusions", "measurements", "cautions")


def to_store(result: SeriesResult, job: Job) -> None:
    """Write the mask into ``media/``, then one part per kind into ``inbox/``."""
    if result.segmentation is not None:
        write_mask(job.out_dir / MEDIA / result.mask_file, result.segmentation)
    rows_to_store(result, job)


def rows_to_store(result: SeriesResult, job: Job) -> None:
    """Write one part per kind into ``inbox/``, for a result whose mask is in the store."""
    write_parts(job.out_dir, result_tables(result))


def pictures_to_store(job: Job, volume: Volume, result: SeriesResult) -> None:
    """Write the files of the reader's screen for a series that will be read, so that it opens at once.

    They can be made again at any time: if the disk is full the analysis goes on without them.
    """
    outlined, found = result.segmentation, result.assessment
    folder, stem = job.out_dir / pictures.FOLDER, pictures.stem_of(result.series.series_key, result.model_hash)
    pictures.forget(folder, stem)  # of files that have changed since
    if outlined is None or found is None or not (found.is_flagged or found.review_reasons):
        return
    with contextlib.suppress(OSError):
        shown = pictures.segmentation_of(released_labels(outlined.labels), volume.geometry)
        pictures.write_pictures(folder, stem, volume, shown)
        pictures.bound(folder, limit_mb=job.settings.media_limit_mb, keep=result.series.series_key)


def to_folder(result: SeriesResult, job: Job) -> None:
    """Write the mask into ``masks/``, then the rows of this series, the one that marks it done last."""
    _forget_earlier(result.series, job)
    mask = job.out_dir / MASKS / mask_name(result.series.series_instance_uid)
    if result.segmentation is not None:
        _write_source_mask(mask, result)
    else:
        mask.unlink(missing_ok=True)  # of earlier models or settings
    tables = process_tables([result])
    for kind in reversed(KINDS):
        with writing(piece(job, result.series, kind)) as temporary:
            parquet.write_table(tables[kind], temporary)


def piece(job: Job, series: Series, kind: str) -> Path:
    """File of the rows of one series, under this run's models and settings and the current state of its files."""
    return _pieces(job) / f"{series.series_key}_{series.files_stamp}.{kind}.parquet"


def _pieces(job: Job) -> Path:
    return job.out_dir / PIECES / f"{job.models.run_hash[:12]}_{job.setup.settings_hash}_{MEASURING_VERSION}"


def _forget_earlier(series: Series, job: Job) -> None:
    """Remove rows of an earlier state of the files before their mask, so that the two never describe different
    scans.
    """
    own = {piece(job, series, kind) for kind in KINDS}
    for path in _pieces(job).glob(f"{series.series_key}_*.parquet"):
        if path not in own:
            path.unlink(missing_ok=True)


def forget_left_out(series: Iterable[Series], job: Job) -> None:
    """Remove rows and masks of series that no longer count, as once the preferred series of their study is measured."""
    given = names_given(job)
    for one in series:
        if one.series_key in given:
            for path in _pieces(job).glob(f"{one.series_key}_*.parquet"):
                path.unlink(missing_ok=True)
            (job.out_dir / MASKS / mask_name(given[one.series_key])).unlink(missing_ok=True)


def remove_leftovers(job: Job) -> None:
    """Remove half-written files of killed runs from the folder of ``process``; for a run that is alone there."""
    for folder in (job.out_dir, job.out_dir / MASKS, *(job.out_dir / PIECES).glob("*")):
        for path in folder.glob(HALF_WRITTEN):
            path.unlink(missing_ok=True)


def names_given(job: Job) -> dict[str, str]:
    """Output name of each finished series of this folder, by series key."""
    columns = ["series_key", "series_instance_uid"]
    rows = (
        row
        for path in _pieces(job).glob("*.series.parquet")
        for row in parquet.read_table(path, columns=columns).to_pylist()
    )
    return {row["series_key"]: row["series_instance_uid"] for row in rows}


def mask_name(series_instance_uid: str) -> str:
    """File name of a mask; separators in an identifier cannot escape the folder, and long names are cut."""
    name = series_instance_uid.replace("/", "_").replace("\\", "_").lstrip(".")
    whole = name.encode()
    if len(whole) + len(_SUFFIX) > _LONGEST_NAME:
        digest = hashlib.sha256(whole).hexdigest()[:_CUT_DIGITS]
        name = f"{whole[:_CUT_BYTES].decode(errors='ignore')}_{digest}"
    return name + _SUFFIX


def write_mask(path: Path, segmentation: Segmentation) -> None:
    """Write the bodies T12-L5 as uint8 on the grid of the volume; the file gets its name only once complete."""
    with writing(path) as temporary:
        write_nifti(temporary, released_labels(segmentation.labels), segmentation.geometry)


def _write_source_mask(path: Path, result: SeriesResult) -> None:
    """The same on the grid of the source files, also if a gantry tilt was corrected; for NIfTI with the source's
    forms.
    """
    segmentation, target = result.segmentation, result.source_geometry
    if segmentation is None:
        return
    labels = released_labels(segmentation.labels)
    if target is not None:
        labels = resample_labels(labels, segmentation.geometry, target)
    source = result.series.files[0]
    with writing(path) as temporary:
        if is_nifti(source):
            write_labels_like(temporary, labels, source)
        else:
            write_nifti(temporary, labels, target or segmentation.geometry)


def released_labels(labels: LabelArray) -> LabelArray:
    """``labels`` with only the levels that a released mask may hold."""
    table = np.zeros(256, dtype=np.uint8)
    for level in MASK_LEVELS:
        table[level] = level
    released: LabelArray = table[labels]
    return released
