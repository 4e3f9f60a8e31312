"""``send`` to a real PACS: Orthanc files both objects under the patient and study of the CT, and stores each once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from osteo_core.__main__ import run
from osteo_core.review.reads import Verdict
from tests.builders.orthanc import ORTHANC, Orthanc
from tests.builders.reading import ReadingCase
from tests.builders.sending import build_sending_store, sign, write_key
from tests.commands.test_send import expected, killed_before_the_note, sent

pytestmark = pytest.mark.skipif(ORTHANC is None, reason="Orthanc is not installed")


@pytest.fixture
def orthanc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orthanc]:
    with Orthanc(tmp_path) as running:
        monkeypatch.setenv("OSTEO_PACS_HOST", "127.0.0.1")
        monkeypatch.setenv("OSTEO_PACS_PORT", str(running.dicom))
        monkeypatch.setenv("OSTEO_PACS_AE_TITLE", "ORTHANC")
        yield running


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ReadingCase]]:
    folder = tmp_path_factory.mktemp("orthanc")
    return folder, build_sending_store(folder, count=1)


def test_orthanc_holds_each_object_once_whatever_was_killed(built, orthanc: Orthanc, tmp_path: Path) -> None:
    folder, cases = built
    store = tmp_path / "store"
    shutil.copytree(folder / "store", store)
    write_key(tmp_path)
    ct = sorted((folder / "ct_0").iterdir())[0]
    orthanc.upload(ct)
    killed_before_the_note(store)
    assert len(orthanc.held()) == 2
    answer = run(["send", "--store", str(store)])
    assert (answer.code, answer.document["objects"]) == (0, 2)
    held = orthanc.held()
    source = dcmread(ct, stop_before_pixels=True)
    assert set(held) == {str(source.SOPInstanceUID), *expected(store)}
    assert len(sent(store)) == 2
    statistics = orthanc.ask("/statistics")
    assert (statistics["CountPatients"], statistics["CountStudies"], statistics["CountSeries"]) == (1, 1, 3)
    assert {tags["Modality"] for tags in held.values()} == {"CT", "SEG", "SR"}
    report = next(tags for tags in held.values() if tags["Modality"] == "SR")
    assert (report["VerificationFlag"], report["CompletionFlag"]) == ("VERIFIED", "COMPLETE")
    assert report["StudyInstanceUID"] == str(source.StudyInstanceUID)
    assert {tags["PatientID"] for tags in held.values()} == {"PID-0"}

    sign(store, cases, later=1, verdict=Verdict.REJECT, words="moved")
    run(["send", "--store", str(store), "--patient", cases[0].result.series.patient_key])
    reports = [tags for tags in orthanc.held().values() if tags["Modality"] == "SR"]
    assert len(reports) == 2
    assert sum("PredecessorDocumentsSequence" in tags for tags in reports) == 1
