"""Pictures that `analyze` makes in advance, so that readers need not wait for them."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from commands import analyze_one as one
from commands.analysis_job import Models
from commands.analyze import store_job
from osteo_core.records import Series
from osteo_core.review import pictures
from osteo_core.settings import Settings
from osteo_core.terms import Status
from tests.builders.reading import LOWERED, ReadingCase, Truth, build_case

MODELS = Models(segmenter="no:segmenter", model_hash=Truth.model_hash)
HEALTHY = {level: hu + 80.0 for level, hu in LOWERED.items()}


@pytest.fixture(scope="module")
def flagged(tmp_path_factory: pytest.TempPathFactory) -> ReadingCase:
    return build_case(tmp_path_factory.mktemp("flagged"), 0, LOWERED)


def analyzed(case: ReadingCase, store: Path, monkeypatch: pytest.MonkeyPatch, **changed: object) -> Series:
    """The series of a case, analyzed into the store as by a worker."""
    assert case.result.segmentation is not None
    truth = Truth(case.result.segmentation)
    monkeypatch.setattr(one, "segmenter_for", lambda *_: truth)
    series = replace(case.result.series, **changed)
    outcome = one.analyze_one(series, (), store_job(store, Settings(store=store), MODELS))
    assert outcome.status is Status.MEASURED
    return series


def test_they_are_the_pictures_that_opening_the_series_makes(
    flagged: ReadingCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, opened = tmp_path / "store", tmp_path / "opened"
    series = analyzed(flagged, store, monkeypatch)
    stem = pictures.stem_of(series.series_key, Truth.model_hash)
    made = store / pictures.FOLDER
    assert {path.name for path in made.iterdir()} == {stem + kind for kind in pictures.KINDS}
    asked = {
        "files": [str(file) for file in series.files],
        "stamps": [],
        "stack": "",
        "mask": str(store / "media" / f"{stem}_mask.nii.gz"),
        "folder": str(opened),
        "stem": stem,
    }
    command = [sys.executable, "-m", "osteo_core.review.pictures"]
    answer = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    assert answer.stdout == ""
    for kind in pictures.KINDS:
        assert (made / (stem + kind)).read_bytes() == (opened / (stem + kind)).read_bytes(), kind


def test_a_series_that_nobody_need_look_at_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = build_case(tmp_path, 1, HEALTHY)
    assert healthy.result.assessment is not None
    assert not healthy.result.assessment.is_flagged
    assert not healthy.result.assessment.review_reasons
    analyzed(healthy, tmp_path / "store", monkeypatch)
    assert not (tmp_path / "store" / pictures.FOLDER).exists()


def test_a_disk_that_takes_none_is_no_failure_of_the_series(
    flagged: ReadingCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(pictures, "write_pictures", full)
    analyzed(flagged, tmp_path / "store", monkeypatch)
