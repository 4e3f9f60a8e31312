"""Analyzes many series of one job on the workers, and counts the outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from commands.analysis_job import Job
from commands.analyze_one import Outcome, analyze_one
from commands.cluster import pause
from commands.cluster.client import open_client
from commands.cluster.progress import Listener, Tracker
from commands.cluster.tasks import Task, run_tasks
from osteo_core.outcomes import Caution
from osteo_core.records import Found, Series
from osteo_core.terms import Status


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What one run did: series found, done before, and now measured, excluded or failed.

    ``left_out`` are those that ``find`` excluded before any image was read; ``elsewhere`` those taken by another run
    over the same store; ``recalibrated`` those whose stored measurements were recalibrated; ``rows_without_file`` lines
    of a table about files that match no file.
    """

    found: int = 0
    left_out: int = 0
    skipped: int = 0
    measured: int = 0
    excluded: int = 0
    failed: int = 0
    elsewhere: int = 0
    recalibrated: int = 0
    rows_without_file: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The numbers by name."""
        return asdict(self)


def analyze_many(
    series: Sequence[Series],
    cautions: Mapping[str, tuple[Caution, ...]],
    job: Job,
    *,
    scheduler: str | None = None,
    listeners: tuple[Listener, ...] = (),
) -> list[Outcome]:
    """Analyze ``series`` on the workers, within ``runs.joined``; ``cautions`` by series key are those noted by
    ``find``. A pause requested before the call holds it.
    """
    if not series:
        return []
    outcomes: list[Outcome] = []

    def on_done(outcome: Outcome) -> Iterable[Task]:
        outcomes.append(outcome)
        tracker.advance()
        return ()

    is_paused = partial(pause.is_asked, job.out_dir)
    with Tracker("analyze", len(series), listeners=listeners, is_paused=is_paused) as tracker:
        tracker.report(message="starting workers")
        with open_client(job.settings, scheduler) as client:
            tasks = tasks_of(series, cautions, job)
            run_tasks(client, tasks, on_done=on_done, on_tick=tracker.report, is_paused=is_paused)
    return outcomes


def tasks_of(series: Iterable[Series], cautions: Mapping[str, tuple[Caution, ...]], job: Job) -> list[Task]:
    """One task per series."""
    return [
        Task(function=analyze_one, arguments=(one, cautions.get(one.series_key, ()), job.of(one))) for one in series
    ]


def summary_of(outcomes: Sequence[Outcome], *, found: Found | None = None, skipped: int = 0) -> RunSummary:
    """The numbers of one run."""
    by_status = Counter(outcome.status for outcome in outcomes)
    left_out = len({one.series_key for one, _ in found.excluded}) if found else 0
    return RunSummary(
        found=left_out + len(found.series) if found else 0,
        left_out=left_out,
        skipped=skipped,
        measured=by_status[Status.MEASURED],
        excluded=by_status[Status.EXCLUDED],
        failed=by_status[Status.FAILED],
        elsewhere=by_status[None],
        rows_without_file=found.rows_without_file if found else (),
    )
