"""A changed setting: the stored results are recalibrated to the values that a complete analysis would give."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from commands import store_access, write_results
from commands.analysis_job import Job, Models
from commands.cluster import runs
from commands.recalibrate import recalibrate
from db.columns import result_rows
from db.parts import write_parts
from db.rows import indexed_tables, result_tables
from osteo_core.density.calibration.setup import read_setup
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.pipeline import analyze_volume
from osteo_core.records import Found, SeriesResult
from osteo_core.settings import Settings
from osteo_core.terms import Status, Step
from tests.builders.reading import LOWERED, ReadingCase, Truth, build_case

MODELS = Models(segmenter="no:segmenter", model_hash=Truth.model_hash)
#: Columns that differ between two analyses of one scan: times, and what is derived from them.
_OF_THE_MOMENT = {"result_id", "source_id", "finished_at", "seconds", "index_id", "indexed_at"}
HEALTHY = {level: hu + 80.0 for level, hu in LOWERED.items()}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[ReadingCase]:
    folder = tmp_path_factory.mktemp("cases")
    return [build_case(folder, number, hu) for number, hu in enumerate((LOWERED, HEALTHY))]


def filled(store: Path, results: Sequence[SeriesResult]) -> None:
    found = Found(series=tuple(result.series for result in results))
    write_parts(store, indexed_tables(found, at=datetime(2026, 1, 1, tzinfo=UTC)))
    for result in results:
        write_parts(store, result_tables(result))
    store_access.hand_over(store)


def job_of(store: Path, settings: Settings) -> Job:
    return Job(
        run_id=uuid.uuid4().hex[:12],
        out_dir=store,
        settings=settings,
        setup=read_setup(settings),
        models=MODELS,
        deliver=write_results.to_store,
    )


def run(store: Path, settings: Settings) -> set[str]:
    job = job_of(store, settings)
    with runs.joined(store, job.run_id):
        done = recalibrate(job)
    store_access.hand_over(store)
    return done


def line_table(folder: Path) -> str:
    path = folder / "lines.csv"
    path.write_text(
        "name,vendor,manufacturer_model_name,kvp,kernel_group,slope_mg_cm3_per_hu,intercept_mg_cm3,residual_sd_mg_cm3,"
        "mineral,source,valid_from,valid_to\nours,,,120,,0.61,-4.5,5.0,K2HPO4,pairs,,\n",
        encoding="utf-8",
    )
    return str(path)


def told(result: SeriesResult) -> dict[str, list[dict[str, Any]]]:
    """All rows of a result without the columns of the moment; levels and reasons sorted."""
    rows = result_rows(result)
    return {
        kind: sorted(
            ({name: value for name, value in row.items() if name not in _OF_THE_MOMENT} for row in rows[kind]), key=str
        )
        for kind in rows
    }


def stored(store: Path, settings: Settings) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What the store currently holds under these settings, by series."""
    with store_access.reading(store) as reader:
        assert reader is not None
        found = {}
        for result in reader.table("results").to_pylist():
            if result["settings_hash"] != settings.hash:
                continue
            own = {"results": [result]}
            for kind, key in (
                ("measurements", "result_id"),
                ("tissues", "result_id"),
                ("segmentations", "result_id"),
                ("exclusions", "source_id"),
                ("cautions", "source_id"),
            ):
                own[kind] = [row for row in reader.table(kind).to_pylist() if row[key] == result["result_id"]]
            found[result["series_key"]] = {
                kind: sorted(({n: v for n, v in row.items() if n not in _OF_THE_MOMENT} for row in rows), key=str)
                for kind, rows in own.items()
            }
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {"osteoporosis_below_mg_cm3": 60.0},
        {"calibration_order": "published"},
        {"qct_phantom": "OSTEO"},
        {"category_age_from_years": 75.0},
        {"calibration_order": "site"},
        {"calibration_table": "a line of the site", "calibration_order": "site, tissues"},
    ],
    ids=str,
)
def test_a_result_calibrated_again_is_the_result_of_a_whole_analysis(
    tmp_path: Path, cases: list[ReadingCase], changed: dict[str, Any]
) -> None:
    if "calibration_table" in changed:
        changed = {**changed, "calibration_table": line_table(tmp_path)}
    settings = Settings(**changed)
    store = tmp_path / "store"
    filled(store, [case.result for case in cases])
    assert run(store, settings) == {case.key for case in cases}
    found = stored(store, settings)
    for case in cases:
        assert case.result.segmentation is not None
        truth = Truth(case.result.segmentation)
        slow = analyze_volume(case.result.series, case.volume, segmenter=truth, settings=settings)
        wanted = told(slow)
        own = found[case.key]
        assert {kind: rows for kind, rows in own.items() if rows} == {
            kind: [{name: row.get(name) for name in own[kind][0]} for row in wanted[kind]]
            for kind in own
            if wanted[kind]
        }


def test_a_run_keeps_the_tables_that_it_read_at_its_start(tmp_path: Path, cases: list[ReadingCase]) -> None:
    settings = Settings(calibration_table=line_table(tmp_path), calibration_order="site")
    store = tmp_path / "store"
    filled(store, [case.result for case in cases])
    job, hash_then = job_of(store, settings), settings.hash
    Path(settings.calibration_table).write_text("no table any more", encoding="utf-8")
    with runs.joined(store, job.run_id):
        assert recalibrate(pickle.loads(pickle.dumps(job))) == {case.key for case in cases}
    store_access.hand_over(store)
    with store_access.reading(store) as reader:
        assert reader is not None
        results = [row for row in reader.table("results").to_pylist() if row["settings_hash"] == hash_then]
    assert {row["calibration_name"] for row in results} == {"ours"}
    assert len(results) == len(cases)


def test_a_setting_that_is_changed_back_counts_again(tmp_path: Path, cases: list[ReadingCase]) -> None:
    """As with a withdrawn line: the earlier result exists, but another one is shown."""
    filled(tmp_path, [case.result for case in cases])
    before, other = Settings(), Settings(osteoporosis_below_mg_cm3=60.0)
    for settings in (other, before, other, before):
        assert run(tmp_path, settings) == {case.key for case in cases}
        assert run(tmp_path, settings) == set()
        with store_access.reading(tmp_path) as reader:
            assert reader is not None
            rows = reader.query("worklist_rows", series_keys=[case.key for case in cases]).to_pylist()
        assert {row["settings_hash"] for row in rows} == {settings.hash}


def test_nothing_is_done_twice_and_results_before_stay(tmp_path: Path, cases: list[ReadingCase]) -> None:
    filled(tmp_path, [case.result for case in cases])
    assert run(tmp_path, Settings()) == set()
    lower = Settings(osteoporosis_below_mg_cm3=60.0)
    assert len(run(tmp_path, lower)) == len(cases)
    assert run(tmp_path, lower) == set()
    with store_access.reading(tmp_path) as reader:
        assert reader is not None
        assert len(reader.table("results")) == 2 * len(cases)
        (shown,) = reader.query("worklist_rows", series_keys=[cases[0].key]).to_pylist()
    assert shown["settings_hash"] == lower.hash


def test_a_scan_with_rods_or_without_that_knowledge_is_analyzed_anew(tmp_path: Path, cases: list[ReadingCase]) -> None:
    first, second = (case.result for case in cases)
    filled(tmp_path, [replace(first, has_rods=True), replace(second, has_rods=None)])
    assert run(tmp_path, Settings(osteoporosis_below_mg_cm3=60.0)) == set()


def test_a_failure_and_another_measuring_code_are_analyzed_anew(tmp_path: Path, cases: list[ReadingCase]) -> None:
    first, second = (case.result for case in cases)
    reason = Exclusion(code=ExclusionCode.FAILED, step=Step.RUN, found="a test")
    failed = SeriesResult(
        series=first.series,
        status=Status.FAILED,
        model_hash=first.model_hash,
        settings_hash=first.settings_hash,
        exclusions=(reason,),
    )
    filled(tmp_path, [failed, replace(second, measuring_version="0")])
    assert run(tmp_path, Settings(osteoporosis_below_mg_cm3=60.0)) == set()


def test_a_series_excluded_while_it_was_read_keeps_its_reason(tmp_path: Path, cases: list[ReadingCase]) -> None:
    first = cases[0].result
    reason = Exclusion(code=ExclusionCode.MISSING_SLICES, step=Step.READ, found="3")
    caution = Caution(code=CautionCode.HU_SHIFT, step=Step.READ, found="air at -950 HU")
    excluded = SeriesResult(
        series=first.series,
        status=Status.EXCLUDED,
        model_hash=first.model_hash,
        settings_hash=first.settings_hash,
        exclusions=(reason,),
        cautions=(caution,),
    )
    settings = Settings(osteoporosis_below_mg_cm3=60.0)
    filled(tmp_path, [excluded])
    assert run(tmp_path, settings) == {first.series.series_key}
    own = stored(tmp_path, settings)[first.series.series_key]
    assert [row["found"] for row in own["exclusions"]] == ["3"]
    assert [row["found"] for row in own["cautions"]] == ["air at -950 HU"]
    assert own["results"][0]["status"] == "excluded"


def test_a_series_whose_files_changed_is_analyzed_anew(tmp_path: Path, cases: list[ReadingCase]) -> None:
    case = cases[0]
    filled(tmp_path, [replace(case.result, finished_at=datetime(2026, 2, 1, tzinfo=UTC))])
    moved = replace(case.result.series, files=cases[1].result.series.files)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    write_parts(tmp_path, indexed_tables(Found(series=(moved,)), at=at))
    store_access.hand_over(tmp_path)
    assert run(tmp_path, Settings(osteoporosis_below_mg_cm3=60.0)) == set()
