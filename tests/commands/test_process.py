"""`process` end to end on NIfTI: rows, masks on the source grid, reasons, and resuming after a stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pyarrow.parquet as parquet
import pytest

from commands import write_results
from commands.analysis_job import Job, Models
from commands.analyze_many import RunSummary, analyze_many
from commands.find import find
from commands.process import process
from osteo_core.density.calibration.setup import read_setup
from osteo_core.pipeline import joint_hash
from osteo_core.settings import Settings
from tests.builders import regressors, segmenters
from tests.builders.ct_files import write_ct, write_many


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=tmp_path / "store", key_file=tmp_path / "key")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    """Three sound series, one that kills its worker, one faulty one and a label map, after one run."""
    folder = tmp_path_factory.mktemp("ct")
    write_many(folder, 3)
    write_ct(folder / "poison.nii.gz", mark_hu=segmenters.POISON_HU)
    write_ct(folder / "faulty.nii.gz", mark_hu=segmenters.FAULTY_HU)
    volume = nibabel.load(folder / "case_00.nii.gz")
    labels = (np.asarray(volume.dataobj) > 100).astype(np.uint8) * 20
    nibabel.save(nibabel.Nifti1Image(labels, volume.affine), folder / "labels.nii.gz")
    out = tmp_path_factory.mktemp("out")
    settings = Settings(workers=2, worker_memory_gb=1.5, store=out.parent / "store", key_file=out.parent / "key")
    return out, process([folder], out, settings=settings, models=segmenters.TRUTH)


def rows_of(out: Path, kind: str) -> list[dict]:
    return parquet.read_table(out / f"{kind}.parquet").to_pylist()


def row(out: Path, stem: str) -> dict:
    return next(r for r in rows_of(out, "series") if r["series_instance_uid"] == stem)


def test_every_series_found_has_a_row_and_those_without_answer_a_reason(done: tuple[Path, RunSummary]) -> None:
    out, summary = done
    status = {r["series_instance_uid"]: r["status"] for r in rows_of(out, "series")}
    assert set(status) == {"case_00", "case_01", "case_02", "poison", "faulty", "labels"}
    assert [status[f"case_0{n}"] for n in range(3)] == ["measured"] * 3
    reasons = {r["series_instance_uid"]: r["code"] for r in rows_of(out, "exclusions") if r["level"] is None}
    assert (reasons["poison"], reasons["faulty"], reasons["labels"]) == ("killed_worker", "failed", "label_map")
    assert (summary.measured, summary.failed, summary.failed + summary.excluded + summary.left_out) == (3, 2, 3)


def test_a_failure_is_told_without_telling_of_anybody(done: tuple[Path, RunSummary]) -> None:
    sentence = next(r["sentence"] for r in rows_of(done[0], "exclusions") if r["series_instance_uid"] == "faulty")
    assert "RuntimeError" in sentence
    assert not {"DOE", "JANE^", "12345678", "1.2.840", "/data"} & set(sentence.split())
    assert "12345678" not in sentence
    assert "1.2.840" not in sentence


def test_measurements_hold_each_level_with_heights_and_hu(done: tuple[Path, RunSummary]) -> None:
    rows = [r for r in rows_of(done[0], "measurements") if r["series_instance_uid"] == "case_00"]
    assert [r["level"] for r in rows] == ["L1", "L2", "L3", "L4"]
    for measured in rows:
        assert measured["median_hu"] == pytest.approx(150.0, abs=5.0)
        assert measured["anterior_height_mm"] == pytest.approx(27.0, abs=4.0)  # slices of 3 mm
        assert measured["volume_ml"] == pytest.approx(np.pi * 21 * 16 * 27 / 1000, rel=0.15)


def test_masks_lie_on_the_grid_of_the_source(done: tuple[Path, RunSummary]) -> None:
    mask = nibabel.load(done[0] / "masks" / "case_00.nii.gz")
    assert mask.get_data_dtype() == np.uint8
    assert set(np.unique(np.asarray(mask.dataobj))) == {0, 20, 21, 22, 23}
    assert mask.shape == (55, 60, 60)


@pytest.mark.usefixtures("in_this_process")
def test_a_second_run_does_only_what_is_left(done: tuple[Path, RunSummary], tmp_path: Path, settings: Settings) -> None:
    folder, out = tmp_path / "ct", tmp_path / "out"
    write_many(folder, 1)
    first = process([folder], out, settings=settings, models=segmenters.TRUTH)
    write_ct(folder / "case_01.nii.gz", seed=1)
    second = process([folder], out, settings=settings, models=segmenters.TRUTH)
    assert (first.measured, first.skipped) == (1, 0)
    assert (second.measured, second.skipped, second.found) == (1, 1, 2)
    assert len(rows_of(out, "series")) == 2
    newer = Models(segmenter=segmenters.TRUTH.segmenter, model_hash="e" * 12)
    assert process([folder], out, settings=settings, models=newer).skipped == 0
    assert process([folder], out, settings=replace(settings, normal_above_mg_cm3=125.0), models=newer).skipped == 0


@pytest.mark.usefixtures("in_this_process")
def test_what_failed_is_done_again_when_asked(tmp_path: Path, settings: Settings) -> None:
    folder, out = tmp_path / "ct", tmp_path / "out"
    write_many(folder, 1)
    write_ct(folder / "faulty.nii.gz", mark_hu=segmenters.FAULTY_HU)
    assert process([folder], out, settings=settings, models=segmenters.TRUTH).failed == 1
    assert process([folder], out, settings=settings, models=segmenters.TRUTH).skipped == 2
    again = process([folder], out, settings=settings, models=segmenters.TRUTH, retry=True)
    assert (again.skipped, again.failed) == (1, 1)
    assert len(rows_of(out, "series")) == 2


@pytest.mark.usefixtures("in_this_process")
def test_a_run_with_a_regressor_is_another_run(tmp_path: Path, settings: Settings) -> None:
    folder, out = tmp_path / "ct", tmp_path / "out"
    write_many(folder, 1)
    assert process([folder], out, settings=settings, models=segmenters.TRUTH).measured == 1
    beside = process([folder], out, settings=settings, models=regressors.TRUTH_AND_CANNED)
    assert (beside.measured, beside.skipped) == (1, 0)
    assert process([folder], out, settings=settings, models=regressors.TRUTH_AND_CANNED).skipped == 1
    assert row(out, "case_00")["model_hash"] == joint_hash(segmenters.MODEL_HASH, regressors.REGRESSOR_HASH)
    assert {r["regressed_mg_cm3"] for r in rows_of(out, "measurements")} == {None}  # NIfTI states no tube voltage


def test_a_regressor_travels_to_the_workers(tmp_path: Path, settings: Settings) -> None:
    write_many(tmp_path / "ct", 1)
    job = Job(
        run_id="r",
        out_dir=tmp_path / "out",
        settings=settings,
        setup=read_setup(settings),
        models=regressors.TRUTH_AND_CANNED,
        deliver=write_results.to_folder,
    )
    (series,) = (replace(one, kvp=120.0) for one in find([tmp_path / "ct"], settings=settings).series)
    analyze_many([series], {}, job)
    rows = parquet.read_table(write_results.piece(job, series, "measurements")).to_pylist()
    read = [(r["regressed_low_mg_cm3"], r["regressed_mg_cm3"], r["regressed_high_mg_cm3"]) for r in rows]
    assert read == [(288.0, 300.0, 312.0) if r["exclusion_code"] is None else (None, None, None) for r in rows]
    assert (288.0, 300.0, 312.0) in read
