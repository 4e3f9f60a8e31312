"""What a worker does with one series: analyze it and write the result, whatever the outcome."""

from __future__ import annotations

import errno
import re
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from commands.analysis_job import Job, load_regressor, segmenter_for
from commands.cluster import attempts, runs
from db.moments import in_order
from osteo_core.archives import count_changed
from osteo_core.outcomes import Caution, Exclusion, ExclusionCode
from osteo_core.pipeline import analyze_series
from osteo_core.records import Failure, Series, SeriesResult, Volume
from osteo_core.segmentation.find_masks import refused
from osteo_core.segmentation.gaps import with_levels
from osteo_core.terms import Status, Step

#: Anything that could name a person or a place: quoted values, paths, dotted identifiers, DICOM names, long numbers.
_TELLING = re.compile(
    r"""(?:(?<!\w)'[^']*')|(?:"[^"]*")|(?:\.{0,2}/[^\s'",;]+)|(?:\d+(?:\.\d+){4,})|(?:[^\s'"]*\^[^\s'"]*)|(?:\d{6,})"""
)
_HIDDEN = "(hidden)"
#: Errors caused by a series' own name; any other file error is the machine's.
_OF_A_NAME = frozenset((errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ))
#: Shorter parts of a path are words like 'ct' or 'img' and identify nobody.
_TELLING_LENGTH = 4


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the run needs to know about one series; the rest is in the parts.

    ``status`` is None where another run over the same store has taken the series.
    """

    series_key: str
    status: Status | None
    seconds: float


def analyze_one(series: Series, cautions: tuple[Caution, ...], job: Job) -> Outcome:
    """Analyze ``series`` and deliver the result; runs in a worker.

    ``cautions`` were noted while the series was found. An error of the software or the machine becomes an exclusion
    FAILED with its ``Failure``; a series on which workers died too often becomes KILLED_WORKER. Only a disk that
    refuses the result twice (full, read-only, broken) raises and ends the run.
    """
    began, key = time.perf_counter(), job.work_key(series)
    began_at = in_order(job.out_dir)
    if not runs.take(job.out_dir, job.run_id, key):
        word = runs.outcome_of(job.out_dir, job.run_id, key)
        return Outcome(series_key=series.series_key, status=Status(word) if word else None, seconds=0.0)
    deaths = attempts.deaths_before(job.running_dir, series.series_key)
    attempts.begin(job.running_dir, series.series_key)
    if deaths >= attempts.DEATHS_ALLOWED:
        result = _without_answer(
            series, job, Exclusion(code=ExclusionCode.KILLED_WORKER, step=Step.RUN, found=str(deaths))
        )
    else:
        result = _analyze(series, job)
    seconds = time.perf_counter() - began
    found = with_levels(cautions, result.segmentation)
    finished_at = began_at + timedelta(seconds=seconds)  # so a file that changed since it began is read again
    timed = replace(result, cautions=(*found, *result.cautions), seconds=seconds, finished_at=finished_at)
    status = _deliver(timed, job)
    attempts.end(job.running_dir, series.series_key)
    runs.finish(job.out_dir, key, is_done=status is not Status.FAILED, run_id=job.run_id, word=status)
    return Outcome(series_key=series.series_key, status=status, seconds=seconds)


def _deliver(result: SeriesResult, job: Job) -> Status:
    """Deliver the result, or else a failure: one series' name or header never ends a batch.

    An error of the machine is not the fault of the series: a transient one is gone at the second try, and a lasting one
    ends the run with the series still to be done. Raises OSError in that case.
    """
    try:
        _try_twice(result, job)
    except (OSError, ValueError) as error:
        if _is_of_the_machine(error):
            raise
        failed = replace(
            _failed(result.series, job, error),
            cautions=result.cautions,
            seconds=result.seconds,
            finished_at=result.finished_at,
        )
        _try_twice(failed, job)
        return failed.status
    return result.status


def _try_twice(result: SeriesResult, job: Job) -> None:
    try:
        job.deliver(result, job)
    except OSError as error:
        if not _is_of_the_machine(error):
            raise
        job.deliver(result, job)


def _is_of_the_machine(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno not in _OF_A_NAME


def _analyze(series: Series, job: Job) -> SeriesResult:
    try:
        changed = _changed(series, job)
        if changed is None:
            result = _read_and_measure(series, job)
            # Of files that were replaced while they were read, another patient's may have been measured.
            changed = _changed(series, job)
        return result if changed is None else _without_answer(series, job, changed, status=Status.EXCLUDED)
    except Exception as error:  # the batch border: one of the places where everything is caught
        return _failed(series, job, error)


def _read_and_measure(series: Series, job: Job) -> SeriesResult:
    segmenter = segmenter_for(series, job.models)
    if isinstance(segmenter, Exclusion):
        return _without_answer(series, job, segmenter, status=Status.EXCLUDED)
    return analyze_series(
        series,
        segmenter=segmenter,
        settings=job.settings,
        regressor=load_regressor(job.models.regressor),
        setup=job.setup,
        on_result=partial(_draw, series, job),
    )


def _draw(series: Series, job: Job, volume: Volume, result: SeriesResult) -> None:
    if job.draw is not None and _changed(series, job) is None:
        job.draw(job, volume, result)


def _changed(series: Series, job: Job) -> Exclusion | None:
    """Exclusion of a series whose files, or mask, may have been replaced by another series', or another patient's."""
    if n_files := count_changed(series.files, series.file_stamps):
        found = f"{n_files} of its files changed since they were indexed; index the folder again"
        return Exclusion(code=ExclusionCode.UNREADABLE, step=Step.READ, found=found)
    if job.models.is_mask_replaced:
        return refused("it was replaced after the analysis began; analyze again")
    return None


def _failed(series: Series, job: Job, error: Exception) -> SeriesResult:
    failure = describe_failure(series, error)
    exclusion = Exclusion(code=ExclusionCode.FAILED, step=Step.RUN, found=f"{failure.kind}: {failure.message}")
    return replace(_without_answer(series, job, exclusion), failure=failure)


def _without_answer(series: Series, job: Job, exclusion: Exclusion, *, status: Status = Status.FAILED) -> SeriesResult:
    return SeriesResult(
        series=series,
        status=status,
        model_hash=job.models.result_hash,
        settings_hash=job.setup.settings_hash,
        exclusions=(exclusion,),
    )


def describe_failure(series: Series, error: Exception) -> Failure:
    """The failure without anything that could name a patient: no path, no identifier, no value of a frame."""
    frames = traceback.extract_tb(error.__traceback__)
    return Failure(
        series_key=series.series_key,
        kind=type(error).__name__,
        message=without_identifiers(str(error), series),
        traceback="\n".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames),
        at=datetime.now(UTC),
    )


def without_identifiers(text: str, series: Series) -> str:
    """``text`` with every part of the series' paths and identifiers hidden, on one line."""
    telling = {series.series_instance_uid}
    for file in series.files:
        telling.update(part for part in file.parts if len(part) >= _TELLING_LENGTH)
        telling.update(stem for stem in (file.stem,) if len(stem) >= _TELLING_LENGTH)
    text = _TELLING.sub(_HIDDEN, " ".join(text.split()))
    for part in sorted(telling, key=len, reverse=True):
        text = text.replace(part, _HIDDEN) if part else text
    return text.encode(errors="backslashreplace").decode()
