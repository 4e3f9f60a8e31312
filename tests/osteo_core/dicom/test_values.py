"""Values of elements: blank and invalid ones are None, never an error and never a guess."""

from __future__ import annotations

import os
import struct
import zlib
from datetime import date

import pytest
from pydicom import Dataset
from pydicom.errors import BytesLengthException

from osteo_core.dicom.dates import age_years, day
from osteo_core.dicom.values import number, numbers, printable, text, texts


def made(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("age", "years"),
    [
        ("067Y", 67.0),
        ("018M", 1.5),
        ("052W", 0.9966),
        ("365D", 0.9993),
        ("67", 67.0),
        ("17", 17.0),
        ("69Y", 69.0),
        ("69 y", 69.0),
        ("69 Jahre", 69.0),
        ("69 years", 69.0),
        ("18 months", 1.5),
        ("Y", None),
        ("000Y", None),
        ("", None),
        ("0x7Y", None),
        ("120Y", 120.0),
        ("121Y", None),
        ("999Y", None),
        ("-05Y", None),
    ],
)
def test_ages(age: str, years: float | None) -> None:
    found = age_years({"PatientAge": age})
    assert found == (None if years is None else pytest.approx(years, abs=1e-3))


def test_age_from_dates_where_it_is_not_stated() -> None:
    assert age_years(made(PatientBirthDate="19600301", StudyDate="20260301")) == pytest.approx(66.0, abs=0.01)
    assert age_years(made(PatientBirthDate="20270101", StudyDate="20260301")) is None
    assert age_years(made(PatientBirthDate="19600301")) is None
    assert age_years(made(PatientBirthDate="18500301", StudyDate="20260301")) is None
    assert age_years(made(PatientAge="999Y", PatientBirthDate="19600301", StudyDate="20260301")) == pytest.approx(
        66.0, abs=0.01
    )


@pytest.mark.parametrize(
    ("born", "scanned", "years"),
    [
        ("19761130", "20261130", 50),  # a birthday: 365.25 days a year would make it 49.9986
        ("19761130", "20261129", 49),
        ("19760229", "20260228", 49),
        ("19760229", "20260301", 50),
        ("19060301", "20260301", 120),
        ("19060301", "20270228", 120),
        ("19050301", "20260301", None),
        ("20260301", "20260301", 0),
        ("20250301", "20260301", 1),
        ("20260301", "20260831", pytest.approx(0.5, abs=0.01)),
    ],
)
def test_an_age_by_dates_is_in_whole_years_from_birthday_to_birthday(
    born: str, scanned: str, years: float | None
) -> None:
    assert age_years(made(PatientBirthDate=born, StudyDate=scanned)) == years


def test_days() -> None:
    assert day(made(StudyDate="20260301"), "StudyDate") == date(2026, 3, 1)
    assert day({"StudyDate": "2026.03.01"}, "StudyDate") == date(2026, 3, 1)
    assert day({"StudyDate": "20261301"}, "StudyDate") is None
    assert day(made(), "StudyDate") is None


def test_numbers_are_whole_or_nothing() -> None:
    assert numbers({"PixelSpacing": ["0.7", "0.8"]}, "PixelSpacing", 2) == (0.7, 0.8)
    assert numbers({"PixelSpacing": ["0.7"]}, "PixelSpacing", 2) is None
    assert numbers({"PixelSpacing": ["0.7", "x"]}, "PixelSpacing", 2) is None
    assert number({"KVP": "nan"}, "KVP") is None
    assert number({"KVP": ["120", "80"]}, "KVP") == 120.0
    assert number({}, "KVP") is None


def test_texts() -> None:
    assert text(made(ConvolutionKernel=["Br38f", "3"]), "ConvolutionKernel") == "Br38f\\3"
    assert text({"Manufacturer": " SIEMENS \0"}, "Manufacturer") == "SIEMENS"
    assert texts(made(ImageType=["ORIGINAL", "PRIMARY"]), "ImageType") == ("ORIGINAL", "PRIMARY")
    assert texts({"ImageType": ""}, "ImageType") == ()
    assert text({}, "Manufacturer") == ""


@pytest.mark.parametrize("error", [BytesLengthException("odd"), KeyError("XX"), struct.error("short"), zlib.error()])
def test_spoilt_bytes_are_blank_whatever_pydicom_says_of_them(error: Exception) -> None:
    class Spoilt:
        def get(self, keyword: str) -> object:
            raise error

    assert number(Spoilt(), "KVP") is None
    assert text(Spoilt(), "Modality") == ""


def test_a_name_that_is_no_utf8_can_be_written_anywhere() -> None:
    assert printable(os.fsdecode(b"M\xfcller")) == "M\\xfcller"
    assert printable("Müller") == "Müller"
