"""``analyse``: every indexed series without a result, over the workers, into the store."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

from osteo_core.engine import deliver, store
from osteo_core.engine import job as jobs
from osteo_core.engine.job import Job, Models
from osteo_core.engine.progress import Listener, progress_file
from osteo_core.engine.series import RunSummary, analyse_many, summary_of
from osteo_core.settings import Settings


def analyse(
    store_dir: Path,
    *,
    settings: Settings,
    scheduler: str | None = None,
    retry: bool = False,
    listeners: tuple[Listener, ...] = (),
    models: Models | None = None,
) -> RunSummary:
    """Analyse what waits in the store under the present models and settings; results reach it as parts.

    With ``retry`` also what failed before under these models and settings. May be stopped at any time and run
    again. Raises UsageError when a scheduler was named and does not answer, or an engine is not installed.
    """
    job = store_job(store_dir, settings, models)
    waiting = store.waiting(store_dir, job.models, settings, retry=retry)
    if job.models.masks is not None:
        job = replace(job, own=jobs.own_models(waiting.series, job.models))
        waiting = store.waiting(store_dir, job.models, settings, retry=retry, own=job.own)
    try:
        outcomes = analyse_many(
            waiting.series,
            waiting.cautions,
            job,
            scheduler=scheduler,
            listeners=(*listeners, progress_file(store_dir)),
        )
    finally:
        store.hand_over(store_dir)
    return replace(summary_of(outcomes), found=len(waiting.series))


def store_job(store_dir: Path, settings: Settings, models: Models | None = None) -> Job:
    """A run whose results go into this store."""
    return Job(
        run_id=uuid.uuid4().hex[:12],
        out_dir=store_dir.resolve(),
        settings=settings,
        models=models or jobs.models_of(settings),
        deliver=deliver.to_store,
    )
