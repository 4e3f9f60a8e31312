"""Indexing in steps gives the same as in one go: people are told apart, changed JSON files and tables read again."""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pydicom import Dataset

from commands import store_access
from commands.analyze import analyze
from commands.command import not_used
from commands.index import index
from db import rows
from db.connect import DATABASE, Store, open_store
from db.identities import kept_of
from db.key import pseudonyms_of
from db.parts import write_parts
from osteo_core.dicom.about import read_about
from osteo_core.programme.cohort import CohortFilter
from osteo_core.settings import Settings
from tests.builders import segmenters
from tests.builders.cohort import build_cohort
from tests.builders.ct_files import write_ct
from tests.builders.series import CtSpec, write_series

#: Sex, birth date, age and height of people who share one PatientID.
HER = ("F", "19570301", "069Y", "1.60")
HIM = ("M", "19770301", "049Y", "1.80")
OLDER = ("F", "19370301", "089Y", "1.60")
TALL = ("F", "19570301", "069Y", "1.90")


def write(folder: Path, who: tuple[str, str, str, str], number: int, **identifiers: str) -> Path:
    """A series in its own study under the PatientID 4711, unless ``identifiers`` say otherwise."""

    def change(dataset: Dataset, _: int) -> None:
        dataset.PatientSex, dataset.PatientBirthDate, _age, dataset.PatientSize = who

    spec: dict[str, Any] = {"patient_id": "4711", "study_uid": f"1.2.{number}", "series_uid": f"1.2.{number}.1"}
    spec |= {"pixel_spacing_mm": (5.0 + number / 2, 5.0 + number / 2), **identifiers}
    write_series(folder, CtSpec(change=change, patient_age=who[2], **spec))
    return folder


def chosen(place: Path) -> Settings:
    return Settings(store=place / "store", key_file=place / "key")


def in_store(settings: Settings) -> list[tuple[Any, ...]]:
    """Every series in the cohort: its keys, and its cautions about who was scanned."""
    with duckdb.connect(str(settings.store / DATABASE), read_only=True) as connection:
        return connection.execute(
            "SELECT c.series_key, c.study_key, c.patient_key, "
            "list_sort(list(w.sentence) FILTER (w.code = 'patient_unsure')) "
            "FROM cohort AS c LEFT JOIN cautions AS w ON w.source_id = c.source_id GROUP BY ALL ORDER BY ALL"
        ).fetchall()


SAME_STUDY = {"study_uid": "1.9"}
SAME_SERIES = {"study_uid": "1.9", "series_uid": "1.9.1"}


@pytest.mark.parametrize(
    ("people", "identifiers", "patients"),
    [
        ((HER, HIM), {}, 2),
        ((HER, TALL), {}, 2),
        ((HER, HIM, OLDER), {}, 3),
        ((HER, ("", "", "", ""), HIM), {}, 2),
        ((HER, HER), {}, 1),
        ((HER, HIM), SAME_STUDY, 2),
        ((HER, HIM), SAME_SERIES, 2),
        ((HER, HIM), {"patient_id": "ANON"}, 2),
        ((HER, HIM), {"patient_id": "ANON", **SAME_STUDY}, 2),
    ],
)
def test_the_order_of_indexing_does_not_matter(
    tmp_path: Path, people: tuple[tuple[str, str, str, str], ...], identifiers: dict[str, str], patients: int
) -> None:
    folders = [write(tmp_path / f"ct{n}", who, n, **identifiers) for n, who in enumerate(people)]
    at_once = chosen(tmp_path)
    index(folders, at_once.store, settings=at_once)
    expected = in_store(at_once)
    assert len({row[2] for row in expected}) == patients
    is_shared = patients > 1 and identifiers != {"patient_id": "ANON"}
    assert all(bool(row[3]) is is_shared for row in expected), "each says that it is not certain who was scanned"
    for number, order in enumerate((folders, folders[::-1])):
        one = replace(at_once, store=tmp_path / f"store{number}")
        (tmp_path / f"store{number}").mkdir()
        for folder in order:
            index([folder], one.store, settings=one)
        assert in_store(one) == expected


def test_two_runs_at_once_give_what_one_after_the_other_gives(tmp_path: Path) -> None:
    """The second starts while the first reads headers, and waits: both see the other's people."""
    settings = chosen(tmp_path)
    hers, his = write(tmp_path / "hers", HER, 1), write(tmp_path / "his", HIM, 2)
    others: list[threading.Thread] = []

    def meanwhile(_: object) -> None:
        if not others:
            others.append(threading.Thread(target=index, args=([his], settings.store), kwargs={"settings": settings}))
            others[0].start()
            others[0].join(timeout=1.0)
            assert others[0].is_alive(), "the second waits for the first"

    index([hers], settings.store, settings=settings, listeners=(meanwhile,))
    others[0].join(timeout=60.0)
    assert len({row[2] for row in in_store(settings)}) == 2


def test_the_store_within_the_folder_of_ct_is_no_ct(tmp_path: Path) -> None:
    """Otherwise every run would find the store's own files as files without an image, each of another patient."""
    write(tmp_path / "data" / "ct", HER, 1)
    settings = chosen(tmp_path / "data")
    for _ in range(3):
        index([tmp_path / "data"], settings.store, settings=settings)
    assert len(in_store(settings)) == 1
    uploaded = write(settings.store / "incoming" / "ct", HIM, 2)
    index([uploaded], settings.store, settings=settings)
    assert len(in_store(settings)) == 2, "a path within the store that is named is read"


def test_a_second_person_counts_apart_and_the_first_keeps_what_was_measured(tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    first = index([write(tmp_path / "a", HER, 1)], settings.store, settings=settings).series[0]
    measured = next(one for one in build_cohort(28) if one.assessment and one.assessment.mean_vbmd_mg_cm3)
    noted = index([write(tmp_path / "b", HIM, 2)], settings.store, settings=settings)
    assert len(noted.series) == 2, "hers is read again"
    for series in noted.series:
        result = replace(measured, series=replace(series, patient_age_years=69.0))
        write_parts(settings.store, rows.result_tables(result))
    assert {one.series_key for one in noted.series} >= {first.series_key}, "her results and reviews stay hers"
    assert {one.patient_key for one in noted.series}.isdisjoint({first.patient_key})
    with open_store(settings.store) as store:
        store.take_in()
        assert prevalence_of(store) == 2


def prevalence_of(store: Store) -> int:
    found: pa.Table = store.query("prevalence", cohort=CohortFilter(), by="all")
    return int(sum(row["n"] for row in found.to_pylist()))


def test_a_series_that_is_read_anew_as_another_counts_no_more(tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    index([write(tmp_path / "a", HER, 1, **SAME_SERIES)], settings.store, settings=settings)
    index([write(tmp_path / "b", HIM, 2, **SAME_SERIES)], settings.store, settings=settings)
    waiting = store_access.waiting(settings.store, segmenters.TRUTH, settings)
    assert len(waiting.series) == 2
    assert index([tmp_path / "a", tmp_path / "b"], settings.store, settings=settings).series == ()


def test_reading_one_of_two_people_again_does_not_join_them(tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    index([write(tmp_path / "a", HER, 1), write(tmp_path / "b", HIM, 2)], settings.store, settings=settings)
    before = in_store(settings)
    index([tmp_path / "a"], settings.store, settings=settings, again=True)
    assert in_store(settings) == before


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return write_ct(tmp_path / "ct" / "case.nii.gz")


def kvp(settings: Settings) -> float | None:
    (series,) = store_access.waiting(settings.store, segmenters.TRUTH, settings).series
    return series.kvp


def test_a_json_file_that_is_new_changed_or_gone_is_read(tmp_path: Path, volume: Path) -> None:
    settings, beside = chosen(tmp_path), volume.with_name("case.json")
    index([volume.parent], settings.store, settings=settings)
    assert kvp(settings) is None
    for said in (120, 100):
        beside.write_text(json.dumps({"KVP": said}))
        index([volume.parent], settings.store, settings=settings)
        assert kvp(settings) == said
        assert index([volume.parent], settings.store, settings=settings).series == ()
    beside.unlink()
    index([volume.parent], settings.store, settings=settings)
    assert kvp(settings) is None


def test_a_table_that_is_new_or_changed_is_read_for_the_files_it_means(tmp_path: Path, volume: Path) -> None:
    settings, path = chosen(tmp_path), tmp_path / "about.csv"
    write_ct(volume.parent / "sub" / "other.nii.gz", seed=1)
    index([volume.parent], settings.store, settings=settings)
    for said in (120, 100):
        path.write_text(f"file,KVP\ncase,{said}\nlost,80\n")
        found = index([volume.parent], settings.store, settings=settings, about=read_about(path))
        assert [(one.series_instance_uid, one.kvp) for one in found.series] == [("case", said)]
        assert found.rows_without_file == (3,)
        again = index([volume.parent], settings.store, settings=settings, about=read_about(path))
        assert again.series == ()
        assert again.rows_without_file == (3,), "an unchanged file is still a file"
    without = index([volume.parent], settings.store, settings=settings)
    assert without.series == (), "a run without the table takes nothing back"


def test_rows_that_mean_no_file_are_told_by_their_lines() -> None:
    (told,) = not_used(None, tuple(range(2, 15)))
    assert "Rows of the table whose file was not found here: 13 (line 2, 3, 4, " in told
    assert "11 and 3 more)" in told


def test_two_people_of_one_identifier_in_json_files(tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    for name, sex in (("a", "F"), ("b", "M")):
        write_ct(tmp_path / name / "case.nii.gz")
        said = {"PatientID": "7", "PatientSex": sex, "PatientAge": "069Y"}
        (tmp_path / name / "case.json").write_text(json.dumps(said))
        index([tmp_path / name], settings.store, settings=settings)
    stored = in_store(settings)
    assert len({row[2] for row in stored}) == 2
    assert all(row[3] for row in stored)


def test_a_follow_up_without_contradiction_stays_the_patients(tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    later = (HER[0], HER[1], "070Y", HER[3])
    index([write(tmp_path / "a", HER, 1)], settings.store, settings=settings)
    index([write(tmp_path / "b", later, 2)], settings.store, settings=settings)
    stored = in_store(settings)
    assert len({row[2] for row in stored}) == 1
    assert not any(row[3] for row in stored)


def test_identifiers_are_kept_sealed_where_a_site_wants_them_and_only_there(tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    folder = write(tmp_path / "ct", HER, 1, patient_id="MARKER-1")
    found = index([folder], settings.store, settings=settings)
    assert not settings.identities_dir.exists()
    wanted = replace(settings, keep_identities=True)
    assert index([folder], settings.store, settings=wanted).series == ()
    index([folder], settings.store, settings=wanted, again=True)
    kept = kept_of(settings.identities_dir, pseudonyms_of(settings), found.series[0].series_key)
    assert kept is not None
    assert (kept["patient_id"], kept["birth_date"]) == ("MARKER-1", "1957-03-01")
    files = [path for place in (settings.store, settings.identities_dir) for path in place.rglob("*") if path.is_file()]
    assert b"MARKER" not in b"".join(path.read_bytes() for path in files)


def files_of(settings: Settings, series_key: str) -> list[str]:
    with open_store(settings.store) as store:
        (row,) = store.query("patient", series_key=series_key).to_pylist()
    return row["files"] or []


def test_another_patient_under_the_same_paths_leaves_the_first_in_the_store(tmp_path: Path) -> None:
    settings, folder = chosen(tmp_path), tmp_path / "inbox"
    (first,) = index([write(folder, HER, 1)], settings.store, settings=settings).series
    names = sorted(path.name for path in folder.iterdir())
    shutil.rmtree(folder)
    (second,) = index([write(folder, HIM, 2, patient_id="815")], settings.store, settings=settings).series
    assert sorted(path.name for path in folder.iterdir()) == names
    assert {row[0] for row in in_store(settings)} == {first.series_key, second.series_key}
    assert files_of(settings, first.series_key) == [], "the files are the second one's now"
    assert len(files_of(settings, second.series_key)) == len(names)


def test_files_that_cannot_be_read_any_more_supersede_nothing_and_are_looked_at_again(tmp_path: Path) -> None:
    settings, folder = chosen(tmp_path), tmp_path / "inbox"
    (first,) = index([write(folder, HER, 1)], settings.store, settings=settings).series
    sound = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    for path, (content, _) in sound.items():
        path.write_bytes(content[:140] + b"\xff" * 60)
    index([folder], settings.store, settings=settings)
    assert first.series_key in {row[0] for row in in_store(settings)}
    for path, (content, changed_ns) in sound.items():
        path.write_bytes(content)
        os.utime(path, ns=(changed_ns, changed_ns))
    (again,) = index([folder], settings.store, settings=settings).series
    assert again.series_key == first.series_key
    assert len(files_of(settings, first.series_key)) == len(sound)


@pytest.mark.usefixtures("in_this_process")
def test_a_corrected_table_has_the_series_measured_again(tmp_path: Path, volume: Path) -> None:
    settings, path = chosen(tmp_path), tmp_path / "about.csv"
    for said in (80, 120):
        path.write_text(f"file,KVP\ncase,{said}\n")
        index([volume.parent], settings.store, settings=settings, about=read_about(path))
        (waiting,) = store_access.waiting(settings.store, segmenters.TRUTH, settings).series
        assert waiting.kvp == said
        analyze(settings.store, settings=settings, models=segmenters.TRUTH)
        assert store_access.waiting(settings.store, segmenters.TRUTH, settings).series == ()


@pytest.mark.usefixtures("in_this_process")
def test_files_that_changed_since_they_were_indexed_are_not_measured(tmp_path: Path, volume: Path) -> None:
    settings = chosen(tmp_path)
    (series,) = index([volume.parent], settings.store, settings=settings).series
    write_ct(volume, seed=7)
    analyze(settings.store, settings=settings, models=segmenters.TRUTH)
    with open_store(settings.store) as store:
        (row,) = store.query("worklist_rows", series_keys=[series.series_key]).to_pylist()
    assert row["status"] == "excluded"
    assert "1 of its files changed since they were indexed" in row["first_exclusion_sentence"]
    index([volume.parent], settings.store, settings=settings)
    assert analyze(settings.store, settings=settings, models=segmenters.TRUTH).measured == 1
