"""A store for the browser: invented results, and one small CT with its mask for every patient."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from db import parts, rows
from db.events import record
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Event, Found, SegmentedLevel, SeriesResult
from osteo_core.settings import Settings
from tests.builders.cohort import build_cohort, build_references
from tests.builders.store import build_store
from tests.builders.viewer_case import ViewerCase, build_viewer_case


@dataclass(frozen=True, kw_only=True)
class BrowserCohort:
    """The store and its contents."""

    store: Path
    results: list[SeriesResult]


def _with_case(result: SeriesResult, case: ViewerCase) -> SeriesResult:
    """The result as if it had come from the small CT."""
    if result.segmentation is None:
        return result
    levels = tuple(
        SegmentedLevel(level=level, confidence=0.93, voxels=4000, centroid_mm=centre)
        for level, centre in case.centres_lps_mm.items()
    )
    return replace(result, segmentation=replace(result.segmentation, levels=levels))


def build_browser_cohort(
    folder: Path,
    *,
    count: int = 40,
    patient_keys: Sequence[str] = (),
    with_qct: bool = True,
    change: Callable[[int, SeriesResult], SeriesResult] = lambda _, result: result,
    events: Callable[[list[SeriesResult]], list[Event]] = lambda _: [],
) -> BrowserCohort:
    """``count`` invented patients in ``folder/store``, all of them with the same small CT.

    ``patient_keys``: their pseudonyms, for tests that need to know which patient number each one stands for.
    ``change``: maps the result of a number to a changed one; ``events``: what people did with the results.
    """
    case = build_viewer_case(folder)
    built = build_cohort(count, files=(case.ct,))
    results = [change(n, _with_case(result, case)) for n, result in enumerate(built)]
    for n, key in enumerate(patient_keys):
        results[n] = replace(results[n], series=replace(results[n].series, patient_key=key))
    store = folder / "store"
    store.mkdir()
    Pseudonyms.from_key_file(Settings(store=store).key_path)
    found = Found(series=tuple(r.series for r in results))
    parts.write_parts(store, rows.indexed_tables(found))
    for event in events(results):
        record(store, event)
    build_store(store, results, references=build_references(results) if with_qct else ())
    media = store / "media"
    media.mkdir(exist_ok=True)
    for result in results:
        if result.segmentation is not None:
            shutil.copy(case.mask, media / f"{result.series.series_key}_{result.model_hash}_mask.nii.gz")
    return BrowserCohort(store=store, results=results)
