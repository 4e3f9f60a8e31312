"""The patient's identity from the source header; none of it can get into a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from osteo_core.dicom.who import read_who
from osteo_core.errors import UsageError
from tests.builders.series import CtSpec, write_series


def write_header(path: Path) -> Path:
    data = Dataset()
    data.PatientID, data.PatientName, data.PatientBirthDate = "MRN 7", "Doe^Jane", "19570304"
    data.AccessionNumber, data.ReferringPhysicianName, data.StudyInstanceUID = "A-1", "Roe^Richard", "1.2.3"
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.save_as(path, enforce_file_format=True)
    return path


def test_the_header_says_who_it_is_and_no_text_of_the_record_does(tmp_path: Path) -> None:
    file = write_header(tmp_path / "one.dcm")
    who = read_who([tmp_path / "gone.dcm", file])
    assert (who.patient_id, who.name, who.birth_date) == ("MRN 7", "Doe Jane", "1957-03-04")
    assert (who.accession, who.referring_physician, who.study_instance_uid) == ("A-1", "Roe Richard", "1.2.3")
    assert "Jane" not in f"{who} {who!r}"


def test_a_file_without_preamble_says_it_too(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(has_preamble=False, slices=1))
    who = read_who(built.files)
    assert (who.patient_id, who.name) == ("TEST-1", "NEVER SHOWN")


def test_missing_and_foreign_files_are_said_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none of the 2 source files can be found") as gone:
        read_who([tmp_path / "JANE_DOE_1.dcm", tmp_path / "JANE_DOE_2.dcm"])
    (tmp_path / "JANE_DOE.txt").write_text("no DICOM")
    with pytest.raises(UsageError, match="is not DICOM or cannot be read") as foreign:
        read_who([tmp_path / "JANE_DOE.txt"])
    assert "JANE" not in f"{gone.value} {foreign.value}"
