"""Two people are never one patient, whatever identifiers they were given."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pydicom import Dataset

from osteo_core.dicom.image_header import Person
from osteo_core.dicom.people import contradict, is_placeholder
from osteo_core.outcomes import ExclusionCode
from osteo_core.records import Found
from tests.builders.series import CtSpec, write_series
from tests.osteo_core.dicom.finding import caution_codes, find, the_series

HER = Person(
    patient_id="7",
    issuer="stexample",
    sex="F",
    born=date(1957, 3, 1),
    age_years=69.0,
    size_m=1.6,
    scanned=date(2026, 3, 1),
)


@pytest.mark.parametrize("patient_id", ["", "0", "000", "ANON", "anonymous", "ANONYMIZED", "Anon_0", "XXXX", "N/A"])
def test_placeholders(patient_id: str) -> None:
    assert is_placeholder(patient_id)


@pytest.mark.parametrize("patient_id", ["1", "4711", "ANON123", "TCGA-OV", "P0", "LIDC-IDRI-0314", "X1"])
def test_identifiers(patient_id: str) -> None:
    assert not is_placeholder(patient_id)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"sex": "M"}, "sex"),
        ({"born": date(1977, 3, 1)}, "birth"),
        ({"born": None, "age_years": 49.0}, "age"),
        ({"size_m": 1.85}, "size"),
        ({"patient_id": "8"}, "identifier"),
        ({"issuer": "northclinic"}, "assigning authority"),
        ({"issuer": ""}, ""),
        ({}, ""),
        ({"sex": "", "born": None, "age_years": None, "size_m": None}, ""),
        ({"patient_id": "ANON"}, ""),
        ({"born": date(1957, 7, 1), "age_years": 68.0, "size_m": 1.62}, ""),
        ({"born": None, "age_years": 74.0, "scanned": date(2031, 3, 1)}, ""),
    ],
)
def test_what_makes_two_people(change: dict, what: str) -> None:
    assert contradict(HER, replace(HER, **change), is_one_study=False) == what


def _write(folder: Path, patient_id: str, study: str, series: str, sex: str, age: str, **spec: object) -> None:
    def change(dataset: Dataset, _: int) -> None:
        dataset.PatientSex = sex

    options = {"patient_id": patient_id, "study_uid": study, "series_uid": series, "patient_age": age, **spec}
    write_series(folder, CtSpec(change=change, **options))  # type: ignore[arg-type]


def _two(tmp_path: Path, *, ids: tuple[str, str], studies: tuple[str, str], series: tuple[str, str]) -> Found:
    _write(tmp_path / "a", ids[0], studies[0], series[0], "F", "069Y")
    _write(tmp_path / "b", ids[1], studies[1], series[1], "M", "049Y", pixel_spacing_mm=(5.5, 5.5))
    return find(tmp_path)


@pytest.mark.parametrize(
    ("ids", "studies", "series"),
    [
        (("7", "8"), ("1.2", "1.2"), ("1.2.1", "1.2.2")),
        (("ANON", "ANON"), ("1.2", "1.3"), ("1.2.1", "1.3.1")),
        (("ANON", "ANON"), ("1.2", "1.2"), ("1.2.1", "1.2.2")),
        (("0", ""), ("1.2", "1.2"), ("1.2.1", "1.2.2")),
        (("4711", "4711"), ("1.2", "1.3"), ("1.2.1", "1.3.1")),
        (("4711", "4711"), ("1.2", "1.2"), ("1.2.1", "1.2.1")),
        (("7", "8"), ("1.2", "1.2"), ("1.2.1", "1.2.1")),
    ],
)
def test_two_people_are_two_patients_both_measured(
    tmp_path: Path, ids: tuple[str, str], studies: tuple[str, str], series: tuple[str, str]
) -> None:
    found = _two(tmp_path, ids=ids, studies=studies, series=series)
    assert found.excluded == ()
    assert {(s.patient_sex.value, s.patient_age_years) for s in found.series} == {("F", 69.0), ("M", 49.0)}
    for key in ("patient_key", "study_key", "series_key", "series_instance_uid"):
        assert len({getattr(s, key) for s in found.series}) == 2, key
    is_shared = len(set(studies)) == 1 or ids == ("4711", "4711")
    assert ("patient_unsure" in caution_codes(found)) is is_shared


def test_a_patient_without_an_identifier_counts_by_study_and_says_so(tmp_path: Path) -> None:
    _write(tmp_path / "a", "ANON", "1.2", "1.2.1", "F", "069Y")
    found = find(tmp_path)
    assert caution_codes(found) == {"header_unknown"}
    assert "who the patient is" in found.cautions[the_series(found).series_key][0].sentence


def test_one_patient_scanned_twice_stays_one(tmp_path: Path) -> None:
    _write(tmp_path / "a", "4711", "1.2", "1.2.1", "F", "069Y")
    _write(tmp_path / "b", "4711", "1.3", "1.3.1", "", "070Y")
    found = find(tmp_path)
    assert len({s.patient_key for s in found.series}) == 1
    assert caution_codes(found) == set()


@pytest.mark.parametrize(
    ("issuers", "patients"), [(("St. Ex", "North"), 2), (("ST EX", "St. Ex"), 1), (("North", ""), 1)]
)
def test_one_number_in_two_hospitals_is_two_patients(tmp_path: Path, issuers: tuple[str, str], patients: int) -> None:
    for place, issuer in enumerate(issuers):

        def change(dataset: Dataset, _: int, issuer: str = issuer) -> None:
            dataset.IssuerOfPatientID = issuer

        spec = CtSpec(change=change, patient_id="4711", study_uid=f"1.{place}", series_uid=f"1.{place}.1")
        write_series(tmp_path / str(place), spec)
    found = find(tmp_path)
    assert len({s.patient_key for s in found.series}) == patients
    cautions = [caution.found for own in found.cautions.values() for caution in own]
    assert any("different assigning authority" in one for one in cautions) is (patients == 2)


def test_two_authorities_of_one_study_are_one(tmp_path: Path) -> None:
    """As where a workstation adds series under its own authority: two such studies are one patient's."""
    for study, series, issuer in (
        (1, 1, "RIS"),
        (1, 2, "Workstation"),
        (2, 1, "RIS"),
        (2, 2, "Workstation"),
        (3, 1, "North"),
    ):

        def change(dataset: Dataset, _: int, issuer: str = issuer) -> None:
            dataset.IssuerOfPatientID = issuer

        uids = {"study_uid": f"1.{study}", "series_uid": f"1.{study}.{series}"}
        write_series(tmp_path / f"{study}.{series}", CtSpec(change=change, patient_id="4711", **uids))
    found = find(tmp_path)
    patients: dict[str, set[str]] = {}
    for one in (*found.series, *(left for left, _ in found.excluded)):
        patients.setdefault(one.patient_key, set()).add(one.study_key)
    assert sorted(map(len, patients.values())) == [1, 2], "the third study is another hospital's"


def test_a_series_exported_under_two_names_is_a_series_of_each(tmp_path: Path) -> None:
    """Pseudonyms given twice leave the UIDs as they are; both exports are complete."""
    for name in ("A", "B"):
        write_series(tmp_path / name, CtSpec(patient_id=name))
    found = find(tmp_path)
    assert found.excluded == ()
    assert [(s.n_slices, len({path.parent for path in s.files})) for s in found.series] == [(16, 1), (16, 1)]
    assert len({s.patient_key for s in found.series}) == 2
    assert caution_codes(found) == {"patient_unsure"}


def test_slices_of_two_people_in_one_stack_are_nobodys(tmp_path: Path) -> None:
    def change(dataset: Dataset, k: int) -> None:
        dataset.PatientSex = "FM"[k % 2]

    found = find(write_series(tmp_path / "a", CtSpec(change=change)).folder)
    ((_, exclusion),) = found.excluded
    assert exclusion.code is ExclusionCode.MIXED_PATIENTS
