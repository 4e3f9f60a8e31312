"""Source files that become another patient's between two steps: no result, picture or name under the first one's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commands import analyze_one as one
from commands import index as indexing
from commands.analysis_job import Models
from commands.analyze import store_job
from db.rows import indexed_tables
from osteo_core.archives import count_changed, status_of
from osteo_core.dicom import find as finding
from osteo_core.dicom.who import Who
from osteo_core.errors import SourceGoneError
from osteo_core.exchange import source
from osteo_core.records import Series, SeriesResult
from osteo_core.segmentation.find_masks import find_masks
from osteo_core.segmentation.naming import MaskTool
from osteo_core.settings import Settings
from osteo_core.terms import Status
from pages.ui.services import identity
from tests.builders.reading import Truth
from tests.builders.series import CtSpec, write_series
from tests.osteo_core.dicom.finding import find, the_series
from tests.osteo_core.imaging.test_open_volume import itk

MODELS = Models(segmenter="no:segmenter", model_hash=Truth.model_hash)

OTHER = Who(patient_id="2", name="B", birth_date="", accession="", referring_physician="", study_instance_uid="1.2")


def replaced(path: Path) -> None:
    """Another file of the same size in its place, one with an older date."""
    other, status = path.with_name("other"), path.stat()
    other.write_bytes(bytes(status.st_size))
    os.utime(other, ns=(0, status.st_mtime_ns - 10**9))
    other.replace(path)


def then_replace(path: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` that has ``path`` replaced once it has run."""

    def run(*args: Any, **kwargs: Any) -> Any:
        answer = function(*args, **kwargs)
        if path.exists():
            replaced(path)
        return answer

    return run


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return the_series(find(write_series(tmp_path / "ct", CtSpec()).folder))


def test_files_replaced_while_they_are_measured_give_no_result_and_no_picture(
    series: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered: list[SeriesResult] = []
    drawn: list[SeriesResult] = []

    def measure(series: Series, *, on_result: Callable[..., None], **_: Any) -> SeriesResult:
        replaced(series.files[3])
        result = SeriesResult(series=series, status=Status.MEASURED, model_hash="m", settings_hash="s")
        on_result(None, result)
        return result

    job = store_job(tmp_path / "store", Settings(store=tmp_path / "store"), MODELS)
    job = replace(job, deliver=lambda result, _: delivered.append(result), draw=lambda *given: drawn.append(given[-1]))
    for name, changed in (("segmenter_for", lambda *_: None), ("analyze_series", measure)):
        monkeypatch.setattr(one, name, changed)
    assert one.analyze_one(series, (), job).status is Status.EXCLUDED
    assert "1 of its files changed since they were indexed" in delivered[0].exclusions[0].sentence
    assert drawn == []


def test_a_file_replaced_after_its_header_was_read_counts_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_series(tmp_path / "ct", CtSpec()).folder
    last = max(folder.iterdir())
    monkeypatch.setattr(finding, "_judge", then_replace(last, finding._judge))
    found = find(folder)
    assert count_changed(the_series(found).files, the_series(found).file_stamps) == 1
    rows = {row["path"]: (row["size_bytes"], row["mtime_ns"]) for row in indexed_tables(found)["files"].to_pylist()}
    assert rows[str(last)] != status_of(last)
    assert sum(stamp != status_of(Path(path)) for path, stamp in rows.items()) == 1


def test_the_table_of_identifiers_keeps_no_other_patients_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_series(tmp_path / "ct", CtSpec()).folder
    monkeypatch.setattr(finding, "_judge", then_replace(min(folder.iterdir()), finding._judge))
    kept: list[object] = []
    monkeypatch.setattr(indexing, "keep", lambda *given: kept.extend(given[-1]))
    monkeypatch.setattr(indexing, "read_who", lambda _: OTHER)
    indexing.index([folder], tmp_path / "store", settings=Settings(store=tmp_path / "store", keep_identities=True))
    assert kept == []


def test_who_it_is_and_what_is_sent_come_from_the_files_that_were_indexed(
    series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = series.files[0]
    monkeypatch.setattr(source, "read_stack", then_replace(first, source.read_stack))
    with pytest.raises(SourceGoneError, match="have been replaced since they were indexed"):
        source.read_source(series)
    monkeypatch.setattr("osteo_core.dicom.who.read_who", then_replace(first, lambda _: "another patient"))
    monkeypatch.setattr(identity, "settings", lambda: Settings())
    stamps = tuple(map(status_of, series.files))
    with pytest.raises(SourceGoneError, match="may be another patient's"):
        identity._read(series.series_key, series.files, stamps)


def test_the_readers_screen_shows_no_files_that_changed(series: Series, tmp_path: Path) -> None:
    asked = {
        "files": [str(file) for file in series.files],
        "stamps": [(size, changed_ns - 1) for size, changed_ns in series.file_stamps],
        "stack": "",
        "mask": "",
        "folder": str(tmp_path / "pictures"),
        "stem": "stem",
    }
    command = [sys.executable, "-m", "osteo_core.review.pictures"]
    answer = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    assert "may be another patient's" in answer.stdout
    assert not (tmp_path / "pictures").exists()


def test_a_replaced_mask_is_told_also_by_its_voxels_and_a_pipe_is_no_mask(tmp_path: Path) -> None:
    mask = itk(".mhd")(tmp_path).rename(tmp_path / "P1.mhd")
    os.mkfifo(tmp_path / "pipe.nii.gz")
    os.mkfifo(tmp_path / "pipe.dcm")
    (files,) = find_masks(tmp_path, MaskTool.VERSE).masks["P1"]
    models = MODELS.with_mask(files)
    assert not models.is_mask_replaced
    replaced(mask.with_name("ct.raw"))
    assert models.is_mask_replaced
