"""Recalibrates and assesses stored measurements after a change of settings, without segmenting again.

A changed setting (a calibration table, a limit, the order of the calibrations) does not affect what was seen in an
image. Results under the earlier settings stay in the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from commands import store_access, write_results
from commands.analysis_job import Job
from commands.cluster import runs
from commands.cluster.progress import Listener, Tracker
from commands.store_access import Query
from commands.stored_results import cautions_of, exclusions_of, measured_of
from db.moments import in_order
from db.records import series_of
from osteo_core.density.calibration.setup import CalibrationSetup
from osteo_core.measuring import MEASURING_VERSION
from osteo_core.pipeline import judge
from osteo_core.records import SeriesResult
from osteo_core.settings import Settings
from osteo_core.terms import Status

#: Number of series read at once: bounds the memory.
_AT_ONCE = 200


def recalibrate(job: Job, *, listeners: tuple[Listener, ...] = ()) -> set[str]:
    """Store results under the job's settings for series that wait only because a setting changed; returns their keys.

    Within ``runs.joined``. Series with a phantom or other rods under the back are left to the analysis. A stopped run
    can resume: each series is delivered as a whole.
    """
    done: set[str] = set()
    with store_access.reading(job.out_dir, as_published=True) as reader:
        if reader is None:
            return done
        under = under_models(job)
        waiting = reader.query("recalibration_series", settings_hash=job.setup.settings_hash, **under)
        keys = waiting.column("series_key").to_pylist()
        if not keys:
            return done
        with Tracker("calibrate", len(keys), listeners=listeners) as tracker:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                for result in judged_again(reader.query, some, job.settings, job.setup, **under):
                    if _deliver(replace(result, finished_at=in_order(job.out_dir)), job):
                        done.add(result.series.series_key)
                tracker.advance(len(some))
    return done


def under_models(job: Job) -> dict[str, Any]:
    """Query parameters for results under the job's models and this measuring code, whatever the settings."""
    return {
        "model_hash": job.models.result_hash if job.models.masks is None else "",
        "own": [f"{key} {one.result_hash}" for key, one in job.own.items()],
        "measuring_version": MEASURING_VERSION,
    }


def judged_again(
    query: Query, series_keys: Sequence[str], settings: Settings, setup: CalibrationSetup, **under: Any
) -> Iterator[SeriesResult]:
    """The results of these series under other settings; none for a series whose image must be read again.

    ``under`` as ``under_models`` gives it.
    """
    for row in query("stored_results", series_keys=list(series_keys), **under).to_pylist():
        measured = measured_of(row)
        if measured is None:
            result = _unchanged(row, setup.settings_hash)
        else:
            result = judge(measured, settings=settings, setup=setup)
        yield replace(result, seconds=row["result"]["seconds"] or 0.0)


def _deliver(result: SeriesResult, job: Job) -> bool:
    """Deliver the result; False if another run has claimed the series."""
    own = job.of(result.series)
    key = own.work_key(result.series)
    if not runs.take(job.out_dir, job.run_id, key):
        return False
    write_results.rows_to_store(result, own)
    runs.finish(job.out_dir, key, is_done=True)
    return True


def _unchanged(row: Mapping[str, Any], settings_hash: str) -> SeriesResult:
    """Result of a series excluded before segmentation: no setting changes it."""
    return SeriesResult(
        series=series_of(row["header"]),
        status=Status(row["result"]["status"]),
        model_hash=row["result"]["model_hash"],
        settings_hash=settings_hash,
        exclusions=exclusions_of(row),
        cautions=cautions_of(row),
    )
