"""``analyze``: segment and measure indexed series that are not yet done."""

from __future__ import annotations

import argparse
import contextlib
import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path

from commands import analysis_job as jobs
from commands import store_access, write_results
from commands.analysis_job import Job, Models
from commands.analyze_many import RunSummary, analyze_many, summary_of
from commands.analyze_one import Outcome
from commands.cluster import pause, runs
from commands.cluster.progress import Listener, progress_file
from commands.command import (
    Answer,
    Context,
    add_engine_arguments,
    add_retry_argument,
    add_worker_arguments,
    with_engine,
    with_workers,
    writable_folder,
)
from commands.compare_scanners import compare_scanners
from commands.progress_bar import Bar
from commands.recalibrate import recalibrate
from commands.sentences import analyze_sentence
from db.leftovers import remove_old_images
from osteo_core.density.calibration.setup import read_setup
from osteo_core.records import Found
from osteo_core.settings import Settings, with_store_lines
from osteo_core.terms import Status


def analyze(
    store_dir: Path,
    *,
    settings: Settings,
    scheduler: str | None = None,
    retry: bool = False,
    listeners: tuple[Listener, ...] = (),
    models: Models | None = None,
) -> RunSummary:
    """Analyze the waiting series of the store under the current models and settings; results reach it as parts.

    With ``retry``, also those that failed before under these models and settings. It may be stopped at any time and run
    again; two runs at once share the series between them. Series that wait only because a setting changed are
    recalibrated from the store. If the preferred series of a study cannot be measured, the next one is analyzed too.
    At the end, series unlike the others of their scanner get a caution. Raises UsageError if a named scheduler does not
    answer or an engine is not installed.
    """
    job, listeners = store_job(store_dir, settings, models), (*listeners, progress_file(store_dir))
    job, waiting = _waiting(job, retry=retry)
    outcomes: list[Outcome] = []
    try:
        remove_old_images(store_dir)
        with runs.joined(job.out_dir, job.run_id):
            again = recalibrate(job, listeners=listeners)
            tried = {one.series_key for one in waiting.series}
            series = [one for one in waiting.series if one.series_key not in again]
            if series:
                pause.lift(store_dir)  # of an earlier run; one requested from here on holds for the next series too
            while series:
                done = analyze_many(series, waiting.cautions, job, scheduler=scheduler, listeners=listeners)
                outcomes += done
                if all(one.status is Status.MEASURED for one in done):
                    break
                job, waiting = _waiting(job, retry=retry)
                series = [one for one in waiting.series if one.series_key not in tried]
                tried.update(one.series_key for one in series)
    finally:
        store_access.hand_over(store_dir)
    if compare_scanners(job):
        store_access.hand_over(store_dir)
    return replace(summary_of(outcomes), found=len(tried), recalibrated=len(again))


def _waiting(job: Job, *, retry: bool) -> tuple[Job, Found]:
    """What waits under the job's models and settings, and the job with the models of each series."""
    waiting = partial(store_access.waiting, job.out_dir, settings=job.settings, retry=retry)
    found = waiting(job.models)
    if job.models.masks is None:
        return job, found
    job = replace(job, own=jobs.own_models(found.series, job.models, job.own))
    return job, waiting(job.models, own=job.own)


def store_job(store_dir: Path, settings: Settings, models: Models | None = None) -> Job:
    """A run whose results go into this store, with the calibration lines made in this store as well."""
    settings = with_store_lines(settings, store_dir)
    return Job(
        run_id=uuid.uuid4().hex[:12],
        out_dir=store_dir.resolve(),
        settings=settings,
        setup=read_setup(settings),
        models=models or jobs.models_of(settings),
        deliver=write_results.to_store,
        draw=write_results.pictures_to_store,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    add_worker_arguments(parser)
    add_engine_arguments(parser)
    add_retry_argument(parser)


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Analyze on the workers; results reach the store as parts."""
    settings = with_engine(with_workers(context.settings, arguments), arguments)
    writable_folder(settings.store, "the store")
    with contextlib.closing(Bar()) as bar:
        summary = analyze(
            settings.store,
            settings=settings,
            scheduler=arguments.scheduler,
            retry=arguments.retry,
            listeners=(bar,),
        )
    return Answer(
        document={"store": str(settings.store), **summary.as_dict()},
        sentences=(analyze_sentence(summary),),
    )
