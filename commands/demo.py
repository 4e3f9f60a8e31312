"""``demo``: simulate patients of known truth and analyze them while the simulation continues."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from commands import store_access
from commands.analysis_job import Job, Models, default_models
from commands.analyze import store_job
from commands.analyze_many import RunSummary, summary_of, tasks_of
from commands.analyze_one import Outcome
from commands.cluster import pause, runs
from commands.cluster.client import open_client
from commands.cluster.progress import Listener, Tracker, progress_file
from commands.cluster.tasks import Task, run_tasks
from commands.command import Answer, Context, add_worker_arguments, with_workers, writable_folder
from commands.find import find
from commands.progress_bar import Bar
from commands.reference import import_reference
from commands.sentences import run_sentence
from db import rows
from db.moments import in_order
from db.parts import write_parts
from osteo_core.errors import UsageError
from osteo_core.settings import Settings
from osteo_core.simulate.cohort import draw_cohort, write_patient, write_tables
from osteo_core.simulate.patient import draw_patient

#: Inside the store, so that a demo is removed with its store.
FOLDER = "demo"
#: Fits into ten minutes on two cores and 500 MB. Of the seeds kept for demos a stretch in which about as many have
#: osteoporosis as the curves expect (9 of 37 from 50 years on): the first forty happen to have half of that.
_PATIENTS, _SEED = 40, 100_300


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """The patients to simulate: those of the seeds ``seed`` to ``seed + patients - 1``."""

    patients: int
    seed: int


def render_one(out_dir: Path, seed: int) -> Path:
    """Write the patient of that seed, unless it exists; returns the folder of its files. Runs in a worker."""
    return write_patient(out_dir, draw_patient(seed))


def demo(
    store_dir: Path,
    *,
    settings: Settings,
    cohort: Cohort,
    scheduler: str | None = None,
    listeners: tuple[Listener, ...] = (),
    models: Models | None = None,
) -> RunSummary:
    """Fill the store with a simulated cohort and its simulated QCT values; existing data are kept.

    Raises UsageError if a named scheduler does not answer, OSError if the disk refuses.
    """
    job = store_job(store_dir, settings, models or default_models())
    folder = store_dir.resolve() / FOLDER
    drawn = draw_cohort(folder, n_patients=cohort.patients, seed=cohort.seed)
    write_tables(drawn)
    import_reference(drawn.reference, store_dir, settings=settings)
    seeds = range(cohort.seed, cohort.seed + cohort.patients)
    renderings = [Task(function=render_one, arguments=(folder, seed)) for seed in seeds]
    all_listeners = (*listeners, progress_file(store_dir))
    pause.lift(job.out_dir)
    is_paused = partial(pause.is_asked, job.out_dir)
    try:
        with (
            Tracker("demo", 2 * cohort.patients, listeners=all_listeners, is_paused=is_paused) as tracker,
            runs.joined(job.out_dir, job.run_id),
        ):
            tracker.report(message="starting workers")
            steps = _Steps(job=job, tracker=tracker, done=store_access.done_keys(store_dir, job.models, settings))
            with open_client(settings, scheduler) as client:
                run_tasks(client, renderings, on_done=steps.on_done, on_tick=tracker.report, is_paused=is_paused)
    finally:
        store_access.hand_over(store_dir)
    return steps.summary()


@dataclass(kw_only=True)
class _Steps:
    """What follows each answer of a worker: a rendered patient is indexed, and its series are analyzed next.

    The tracker counts two steps per patient; further series of a patient add to the total.
    """

    job: Job
    tracker: Tracker
    done: set[str]
    outcomes: list[Outcome] = field(default_factory=list)
    found: int = 0
    left_out: int = 0
    skipped: int = 0

    def on_done(self, answer: Path | Outcome) -> Iterable[Task]:
        """Handle a worker's answer, a rendered patient's folder or an outcome; returns the tasks that go next."""
        if isinstance(answer, Outcome):
            self.outcomes.append(answer)
            self.tracker.advance()
            return ()
        return self._index(answer)

    def _index(self, folder: Path) -> Iterable[Task]:
        found = find([folder], settings=self.job.settings)
        write_parts(self.job.out_dir, rows.indexed_tables(found, at=in_order(self.job.out_dir)))
        left = [series for series in found.series if series.series_key not in self.done]
        excluded = len({series.series_key for series, _ in found.excluded})
        self.found += len(found.series) + excluded
        self.left_out += excluded
        self.skipped += len(found.series) - len(left)
        self.tracker.grow(len(left) - 1)
        self.tracker.advance()
        return tasks_of(left, found.cautions, self.job)

    def summary(self) -> RunSummary:
        """The run in numbers."""
        return replace(summary_of(self.outcomes, skipped=self.skipped), found=self.found, left_out=self.left_out)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("--patients", type=int, default=_PATIENTS, metavar="N", help=f"how many (default {_PATIENTS})")
    parser.add_argument("--seed", type=int, default=_SEED, metavar="N", help=f"which patients (default {_SEED})")
    add_worker_arguments(parser)


def run(arguments: argparse.Namespace, context: Context) -> Answer:
    """Fill the store with a simulated cohort and its simulated QCT values."""
    if arguments.patients < 1:
        raise UsageError(f"--patients must be at least 1, found {arguments.patients}")
    if arguments.seed < 0:
        raise UsageError(f"--seed must be at least 0, found {arguments.seed}")
    settings = with_workers(context.settings, arguments)
    writable_folder(settings.store, "the store")
    with contextlib.closing(Bar()) as bar:
        summary = demo(
            settings.store,
            settings=settings,
            cohort=Cohort(patients=arguments.patients, seed=arguments.seed),
            scheduler=arguments.scheduler,
            listeners=(bar,),
        )
    return Answer(
        document={"store": str(settings.store), "patients": arguments.patients, **summary.as_dict()},
        sentences=(f"Simulated patients: {arguments.patients}. {run_sentence(summary)}",),
    )
