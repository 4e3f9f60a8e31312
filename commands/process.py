"""``process PATH... --out DIR``: the pipeline over DICOM folders and NIfTI files, without a store."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from commands import analysis_job as jobs
from commands import write_results
from commands.analysis_job import Job, Models
from commands.analyze_many import RunSummary, analyze_many, summary_of
from commands.analyze_one import Outcome
from commands.cluster import pause, runs
from commands.cluster.progress import Listener
from commands.command import (
    Answer,
    Context,
    about_of,
    add_about_argument,
    add_engine_arguments,
    add_retry_argument,
    add_worker_arguments,
    existing_paths,
    not_used,
    path_argument,
    with_engine,
    with_workers,
    writable_folder,
)
from commands.find import find
from commands.progress_bar import Bar
from commands.sentences import run_sentence
from commands.summary_page import PAGE, write_summary
from db import rows
from osteo_core.archives import status_of
from osteo_core.density.calibration.setup import read_setup
from osteo_core.dicom.about import About
from osteo_core.dicom.prefer import next_of_study
from osteo_core.records import Found, Series, SeriesResult
from osteo_core.settings import Settings
from osteo_core.terms import Status
from osteo_core.whole_files import writing

#: Length of the digest of a series' files in the name of its pieces.
_STAMP_DIGITS = 12


def process(
    paths: Iterable[Path],
    out_dir: Path,
    *,
    settings: Settings,
    scheduler: str | None = None,
    retry: bool = False,
    listeners: tuple[Listener, ...] = (),
    models: Models | None = None,
    about: About | None = None,
) -> RunSummary:
    """Analyze every CT under ``paths``; write series, measurements and exclusions as Parquet, and the masks.

    Series that an earlier run over the same folder finished, from the same files and under the same models and
    settings, are skipped; with ``retry``, failed ones are repeated. If the preferred series of a study cannot be
    measured, the next one is analyzed too. Output of earlier runs is not input. ``about``: a
    table of what files other than DICOM cannot say. Raises UsageError if a named scheduler does not answer, an engine
    is not installed, or another run writes to the same folder.
    """
    job = Job(
        run_id=uuid.uuid4().hex[:12],
        out_dir=out_dir.resolve(),
        settings=settings,
        setup=read_setup(settings),
        models=jobs.naming_files(models or jobs.models_of(settings)),
        deliver=write_results.to_folder,
    )
    paths = list(paths)
    without = (*_own_paths(out_dir), *_masks_below(paths, settings), *((about.path,) if about and about.path else ()))
    with runs.joined(job.out_dir, job.run_id, alone=True):
        write_results.remove_leftovers(job)
        found = find(paths, settings=settings, listeners=listeners, without=without, into_store=False, about=about)
        found, job = _ready(found, job)
        outcomes: list[Outcome] = []
        statuses: dict[str, Status | None] = {}
        pause.lift(job.out_dir)  # of an earlier run; one requested from here on holds for the next series too
        while new := [one for one in found.series if one.series_key not in statuses]:
            again = (None, Status.FAILED) if retry else (None,)
            left = [one for one in new if _status(one, job) in again]
            outcomes += analyze_many(left, found.cautions, job, scheduler=scheduler, listeners=listeners)
            statuses.update({one.series_key: _status(one, job) for one in new})
            found, job = _ready(next_of_study(found, statuses), job)
        _write_tables(found, job)
        write_results.forget_left_out((one for one, _ in found.excluded), job)
    return summary_of(outcomes, found=found, skipped=len(found.series) - len(outcomes))


def _ready(found: Found, job: Job) -> tuple[Found, Job]:
    """The series with names and digests of their own, and the job with the models of each."""
    job = replace(job, own=jobs.own_models(found.series, job.models, job.own))
    stamped = tuple(one if one.files_stamp else _stamped(one, job) for one in found.series)
    return _named_apart(replace(found, series=stamped), job), job


def _status(series: Series, job: Job) -> Status | None:
    """What an earlier or this run found under the job's models and settings; None for a series not analyzed."""
    path = write_results.piece(job, series, "series")
    if not path.exists():
        return None
    (status,) = parquet.read_table(path, columns=["status"]).column("status").to_pylist()
    return Status(status)


def _own_paths(out_dir: Path) -> tuple[Path, ...]:
    """Files that ``process`` itself writes below the output, which may be the input folder or its parent."""
    folders = (write_results.PIECES, write_results.MASKS, runs.RUNNING)
    return tuple(out_dir / name for name in (*folders, PAGE, *(f"{kind}.parquet" for kind in write_results.KINDS)))


def _masks_below(paths: list[Path], settings: Settings) -> tuple[Path, ...]:
    """The folder of masks if it lies in a folder of CT: masks are not CT."""
    masks = Path(settings.masks).resolve()
    return (masks,) if settings.masks and any(path.resolve() in masks.parents for path in paths) else ()


def _stamped(series: Series, job: Job) -> Series:
    """The series with a digest of its files' paths, sizes and times of change: a changed series is analyzed again.

    The same applies to an external mask.
    """
    seen = hashlib.sha256(job.of(series).models.mask_hash.encode())
    seen.update(_facts(series).encode())
    for file in sorted(series.files):
        try:
            size_bytes, mtime_ns = status_of(file)
        except OSError:  # gone since it was found; reading it will report this
            continue
        seen.update(os.fsencode(f"{file.absolute()}\0{size_bytes}\0{mtime_ns}\0"))
    return replace(series, files_stamp=seen.hexdigest()[:_STAMP_DIGITS])


def _facts(series: Series) -> str:
    """Facts from a JSON file or a table beside the files that a result depends on."""
    said = (series.kvp, series.manufacturer, series.manufacturer_model_name, series.convolution_kernel)
    person = (series.patient_sex, series.patient_age_years, series.study_date, series.patient_key)
    return repr((*said, series.slice_thickness_mm, series.contrast_bolus_agent, *person))


def _named_apart(found: Found, job: Job) -> Found:
    """Two files of one stem, or two stacks of one SeriesInstanceUID, get '_2' and so on: no mask is overwritten.

    Names given by an earlier run over the same folder are kept, whatever files were added since.
    """
    given = write_results.names_given(job)
    taken = {write_results.mask_name(name) for name in given.values()}

    def named(series: Series) -> Series:
        own = series.series_instance_uid
        name = given.get(series.series_key, own)
        number = 1
        while series.series_key not in given and write_results.mask_name(name) in taken:
            number += 1
            name = f"{own}_{number}"
        taken.add(write_results.mask_name(name))
        return replace(series, series_instance_uid=name)

    return replace(found, series=tuple(named(series) for series in found.series))


def _write_tables(found: Found, job: Job) -> None:
    """One file per kind over all series found by this call, in the order found; and the summary page."""
    left_out = rows.process_tables(_left_out(found, job))
    written = {}
    for kind in write_results.KINDS:
        tables = [parquet.read_table(write_results.piece(job, series, kind)) for series in found.series]
        written[kind] = pa.concat_tables([*tables, left_out[kind]])
        with writing(job.out_dir / f"{kind}.parquet") as temporary:
            parquet.write_table(written[kind], temporary)
    write_summary(job.out_dir, found.series, written)


def _left_out(found: Found, job: Job) -> list[SeriesResult]:
    """The series excluded by ``find``, as results, so that every series found has a row and a reason."""
    series = {one.series_key: one for one, _ in found.excluded}
    return [
        SeriesResult(
            series=one,
            status=Status.EXCLUDED,
            model_hash=job.models.result_hash,
            settings_hash=job.setup.settings_hash,
            exclusions=tuple(exclusion for other, exclusion in found.excluded if other.series_key == key),
            cautions=found.cautions.get(key, ()),
        )
        for key, one in series.items()
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument(
        "paths", nargs="+", type=path_argument, metavar="PATH", help="folder of DICOM, or NIfTI file or folder"
    )
    parser.add_argument(
        "--out", type=path_argument, required=True, metavar="DIR", help="where Parquet files and masks go"
    )
    add_about_argument(parser)
    add_worker_arguments(parser)
    add_engine_arguments(parser)
    add_retry_argument(parser)


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Write series, measurements and exclusions as Parquet, and masks/*.nii.gz."""
    paths, settings = existing_paths(arguments.paths), with_workers(context.settings, arguments)
    settings = with_engine(settings, arguments)
    about = about_of(arguments)
    writable_folder(arguments.out, "--out")
    with contextlib.closing(Bar()) as bar:
        summary = process(
            paths,
            arguments.out,
            settings=settings,
            scheduler=arguments.scheduler,
            retry=arguments.retry,
            listeners=(bar,),
            about=about,
        )
    return Answer(
        document={"out": str(arguments.out), **summary.as_dict()},
        sentences=(
            run_sentence(summary),
            f"Tables and masks are in {arguments.out}; begin with {PAGE}.",
            *not_used(about, summary.rows_without_file),
        ),
    )
