"""`index`, `analyze`, `reference` and `export` on one store, from folders of CT to files that leave the site."""

from __future__ import annotations

import csv
import json
import os
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from commands import store_access
from commands.analysis_job import Models
from commands.analyze import analyze
from commands.command import Context
from commands.demo import Cohort
from commands.export import export
from commands.find import find
from commands.index import index
from commands.reference import import_reference, run
from commands.sentences import analyze_sentence
from db import rows
from db.check import check_store
from db.connect import open_store
from db.parts import write_parts
from osteo_core.errors import UsageError
from osteo_core.records import Found
from osteo_core.settings import Settings
from osteo_core.simulate.cohort import draw_cohort, write_tables
from osteo_core.simulate.patient import DEMO_SEEDS
from osteo_core.terms import Level
from tests.builders import segmenters
from tests.builders.ct_files import write_ct, write_many
from tests.builders.series import CtSpec, write_series
from tests.builders.worklist import worklist


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store with two sound series and a faulty one, indexed and analyzed."""
    place = tmp_path_factory.mktemp("site")
    chosen = Settings(store=place / "store", key_file=place / "key", workers=1, worker_memory_gb=1.5)
    write_many(place / "ct", 2)
    write_ct(place / "ct" / "faulty.nii.gz", mark_hu=segmenters.FAULTY_HU)
    found = index([place / "ct"], chosen.store, settings=chosen)
    assert len(found.series) == 3
    summary = analyze(chosen.store, settings=chosen, models=segmenters.TRUTH)
    assert (summary.found, summary.measured, summary.failed) == (3, 2, 1)
    return chosen


def test_what_is_indexed_and_unchanged_is_not_opened_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nibabel.load", lambda *_: pytest.fail("a known file was opened"))
    again = index([settings.store.parent / "ct"], settings.store, settings=settings)
    assert (again.series, again.excluded) == ((), ())


def test_an_index_that_was_killed_between_files_and_series_reads_them_again(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    write_ct(tmp_path / "ct" / "a.nii.gz")
    found = find([tmp_path / "ct"], settings=chosen)
    write_parts(chosen.store, {"files": rows.indexed_tables(found)["files"]})
    assert store_access.waiting(chosen.store, segmenters.TRUTH, chosen).series == ()
    assert len(index([tmp_path / "ct"], chosen.store, settings=chosen).series) == 1
    assert len(store_access.waiting(chosen.store, segmenters.TRUTH, chosen).series) == 1
    assert index([tmp_path / "ct"], chosen.store, settings=chosen).series == ()


def test_a_study_indexed_in_two_goes_keeps_one_preferred_series(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    write_series(tmp_path / "ct" / "sharp", CtSpec(kernel="B70f", series_uid="1.2.3.1"))
    index([tmp_path / "ct"], chosen.store, settings=chosen)
    write_series(tmp_path / "ct" / "smooth", CtSpec(kernel="B30f", series_uid="1.2.3.2"))
    index([tmp_path / "ct"], chosen.store, settings=chosen)
    (waiting,) = store_access.waiting(chosen.store, segmenters.TRUTH, chosen).series
    assert waiting.convolution_kernel == "B30f"


@pytest.mark.usefixtures("in_this_process")
def test_a_finished_run_finds_nothing_to_do(settings: Settings) -> None:
    summary = analyze(settings.store, settings=settings, models=segmenters.TRUTH)
    assert (summary.found, summary.measured, summary.failed) == (0, 0, 0)
    assert analyze_sentence(summary) == "No series of this store is left to analyze."
    some = replace(summary, found=3, measured=2, failed=1)
    assert analyze_sentence(some) == "3 series to analyze; now 2 measured, 0 excluded, 1 failed."


@pytest.mark.usefixtures("in_this_process")
def test_what_failed_waits_again_when_asked(settings: Settings) -> None:
    (failed,) = store_access.waiting(settings.store, segmenters.TRUTH, settings, retry=True).series
    assert [file.name for file in failed.files] == ["faulty.nii.gz"]
    summary = analyze(settings.store, settings=settings, models=segmenters.TRUTH, retry=True)
    assert (summary.found, summary.failed) == (1, 1)
    assert len(store_access.waiting(settings.store, segmenters.TRUTH, settings, retry=True).series) == 1


def test_new_weights_find_everything_to_do(settings: Settings) -> None:
    newer = Models(segmenter=segmenters.TRUTH.segmenter, model_hash="e" * 12)
    waiting = store_access.waiting(settings.store, newer, settings)
    assert len(waiting.series) == 3
    assert {file.name for series in waiting.series for file in series.files} == {
        "case_00.nii.gz",
        "case_01.nii.gz",
        "faulty.nii.gz",
    }
    assert all("manufacturer" in waiting.cautions[series.series_key][0].found for series in waiting.series)


def test_the_header_cautions_stand_beside_the_result(settings: Settings) -> None:
    with open_store(settings.store) as opened:
        measured = worklist(opened)
        codes = {
            row["code"] for row in opened.query("patient_cautions", series_key=measured[0]["series_key"]).to_pylist()
        }
    assert "header_unknown" in codes


def test_masks_lie_in_media_under_the_series_and_the_model(settings: Settings) -> None:
    names = sorted(path.name for path in (settings.store / "media").iterdir())
    assert len(names) == 2
    assert all(name.endswith(f"_{segmenters.MODEL_HASH}_mask.nii.gz") for name in names)


def test_a_failure_is_stored_without_telling_of_anybody(settings: Settings) -> None:
    with open_store(settings.store) as opened:
        failures = opened.table("failures").to_pylist()
    assert {failure["kind"] for failure in failures} == {"RuntimeError"}
    assert "DOE" not in json.dumps(failures, default=str)
    assert "segmenters.py" in failures[0]["traceback"]


def test_store_and_parts_agree_and_progress_says_done(settings: Settings) -> None:
    assert [finding for finding in check_store(settings.store) if not finding.ok] == []
    assert json.loads((settings.store / "progress.json").read_text())["stage"] == "done"


def test_export_writes_every_table_twice_and_no_path(settings: Settings, tmp_path: Path) -> None:
    written = export(settings.store, tmp_path)
    assert written["results"] == 4  # one series failed twice
    assert parquet.read_table(tmp_path / "measurements.parquet").num_rows == written["measurements"]
    with (tmp_path / "results.csv").open(newline="") as file:
        levels = {row["levels_used"] for row in csv.DictReader(file)}
    assert "20;21;22;23" in levels
    assert "files" not in written
    assert not [path for path in tmp_path.iterdir() if b"case_00" in path.read_bytes()]


def test_a_file_name_that_is_no_utf8_comes_back_from_the_store_as_it_was(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    folder = tmp_path / os.fsdecode(b"M\xfcller")
    folder.mkdir()
    write_ct(tmp_path / "ct.nii").replace(folder / os.fsdecode(b"\xe4\xf6.nii"))
    index([folder], chosen.store, settings=chosen)
    (series,) = store_access.waiting(chosen.store, segmenters.TRUTH, chosen).series
    assert [file.exists() for file in series.files] == [True]
    assert index([folder], chosen.store, settings=chosen) == Found()  # known, so not opened again


def test_a_site_named_later_is_read_again_and_nothing_is_done_twice(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    write_ct(tmp_path / "ct" / "a.nii.gz")
    index([tmp_path / "ct"], chosen.store, settings=chosen)
    (tmp_path / "sites.csv").write_text(f"what,value,site\nfolder,{tmp_path / 'ct'},North\n")
    named = replace(chosen, site_table=str(tmp_path / "sites.csv"))
    assert index([tmp_path / "ct"], named.store, settings=named) == Found()
    (series,) = index([tmp_path / "ct"], named.store, settings=named, again=True).series
    with store_access.reading(named.store) as reader:
        assert reader is not None
        assert [r["value"] for r in reader.query("filter_options").to_pylist() if r["field"] == "site"] == [
            series.site_key
        ]
    assert len(store_access.waiting(named.store, segmenters.TRUTH, named).series) == 1


def test_export_of_nothing_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no store at .*; 'index' or 'demo' makes one"):
        export(tmp_path / "none", tmp_path / "out")


@pytest.mark.usefixtures("in_this_process")
def test_a_command_beside_an_owner_leaves_parts_and_reads_the_snapshot(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_access, "_UNHEARD_S", 0.2)  # this owner listens to no command
    write_ct(tmp_path / "more" / "late.nii.gz", seed=7)
    with open_store(settings.store) as owner:
        owner.publish_snapshot()
        index([tmp_path / "more"], settings.store, settings=settings)
        assert store_access.waiting(settings.store, segmenters.TRUTH, settings).series == ()
        assert owner.take_in() > 0
        owner.publish_snapshot()
        assert len(store_access.waiting(settings.store, segmenters.TRUTH, settings).series) == 1
    assert analyze(settings.store, settings=settings, models=segmenters.TRUTH).measured == 1


HEADER = "PatientID,Level,vBMD_mg_cm3,Mineral,Source,Simulated\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "qct.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_reference_values_join_their_patient_by_key(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    rows = (
        HEADER + "DOE-17,L1,101.5,K2HPO4,site QCT,false\nDOE-17,,99,K2HPO4,site QCT,false\nROE-18,l2,80,HA,site QCT,\n"
    )
    values = import_reference(written(tmp_path, rows), chosen.store, settings=chosen)
    assert [(v.level and v.level.name, v.vbmd_mg_cm3, str(v.mineral)) for v in values] == [
        ("L1", 101.5, "K2HPO4"),
        (None, 99.0, "K2HPO4"),
        ("L2", 80.0, "HA"),
    ]
    assert len({v.patient_key for v in values}) == 2
    with open_store(chosen.store) as opened:
        stored = opened.table("reference_values").to_pylist()
    assert sorted(row["vbmd_mg_cm3"] for row in stored) == [80.0, 99.0, 101.5]
    assert "DOE" not in json.dumps(stored, default=str)


def test_spaces_a_byte_order_mark_and_a_row_told_twice_do_no_harm(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    rows = "\ufeff" + HEADER.replace(",", ", ") + "A, L1, 100, HA, x,\r\n\r\nA,L1,100.0,HA,x,\r\n"
    (value,) = import_reference(written(tmp_path, rows), chosen.store, settings=chosen)
    assert (value.vbmd_mg_cm3, value.level) == (100.0, Level.L1)


def test_the_answer_says_how_many_patients_have_ct(tmp_path: Path) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    write_series(tmp_path / "ct", CtSpec(patient_id="00012"))
    index([tmp_path / "ct"], chosen.store, settings=chosen)
    path = written(tmp_path, HEADER + "00012,L1,100,HA,x,\n12,L1,90,HA,x,\n")
    answer = run(Namespace(csv=path), Context(settings=chosen))
    assert answer.sentences == ("Imported 2 values of 2 patients.", "1 of 2 patients have CT in this store.")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("PatientID,Level\nA,L1\n", "no column is chosen or recognised for vBMD, mg/cm³ and Mineral"),
        ("PatientID,BMD\nA,100\n", "recognised for Mineral; choose it for all values on the page Agreement"),
        ("PatientID,Level\n", "holds no rows below its headings"),
        (
            HEADER + "A,L1,100,HA,x,\nB,L5,100,HA,x,\n",
            "row 3: Level: expected one of L1, L2, L3, L4, found other words",
        ),
        (
            HEADER + "A,L1,1.02g,HA,x,\n",
            "row 2: vBMD_mg_cm3: expected a number from -50 to 500 mg/cm3, found no number",
        ),
        (HEADER + "A,L1,1020,HA,x,\n", "row 2: vBMD_mg_cm3: expected .*, found a number above"),
        (HEADER + "A,L1,100,water,x,\n", "row 2: Mineral: expected one of HA, K2HPO4, found other words"),
        (HEADER + ",L1,100,HA,x,\n", "row 2: PatientID must be given, found a blank cell"),
        ("", "is empty; its first line must name the columns"),
        (HEADER + "A,L1,100,5,HA,x,\n", "row 2: 7 cells where 6 columns are; a decimal comma may lack its quotes"),
        (HEADER + "A,L1,0.1005,HA,x,\nB,L1,0.08,HA,x,\n", "as in g/cm3; give them in mg/cm3"),
        (HEADER + "A,L1,-2.5,HA,x,\nB,L1,0.8,HA,x,\n", "as T-scores are; choose the column of the density"),
        (HEADER + "A,L1,100,HA,x,\nA,L1,101,HA,x,\n", "row 3: the same patient and level are in line 2"),
        (HEADER + "A,L1,100,HA,x,perhaps\n", "row 2: Simulated: expected one of true, false, found other words"),
        ("Level," + HEADER + "L1,A,L2,100,HA,x,\n", "columns 1 and 3 have the same heading"),
    ],
)
def test_one_wrong_row_ends_the_import_before_anything_is_stored(tmp_path: Path, text: str, sentence: str) -> None:
    chosen = Settings(store=tmp_path / "store", key_file=tmp_path / "key")
    with pytest.raises(UsageError, match=sentence):
        import_reference(written(tmp_path, text), chosen.store, settings=chosen)
    assert not list(chosen.store.rglob("*.parquet"))


def test_the_table_of_the_demo_is_taken_in_whole(settings: Settings, tmp_path: Path) -> None:
    demo = Cohort(patients=40, seed=DEMO_SEEDS.start)
    drawn = draw_cohort(tmp_path / "demo", n_patients=demo.patients, seed=demo.seed)
    write_tables(drawn)
    taken = import_reference(drawn.reference, settings.store, settings=settings)
    assert len(taken) == len(drawn.reference.read_text().splitlines()) - 1
    assert len({value.patient_key for value in taken}) > demo.patients / 2
