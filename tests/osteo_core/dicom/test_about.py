"""What a NIfTI file cannot state, from the JSON file beside it or a table; refused by row, conflicts reported."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteo_core.dicom.about import About, fits, read_about, stated_of
from osteo_core.dicom.find import find_series
from osteo_core.errors import TableError
from osteo_core.imaging.nifti import write_nifti
from osteo_core.outcomes import CautionCode, ExclusionCode
from osteo_core.records import Found
from osteo_core.settings import Settings
from osteo_core.terms import KernelGroup, Sex, Vendor, names_agent
from tests.osteo_core.dicom.finding import PSEUDONYMS
from tests.osteo_core.imaging.test_open_volume import BODY, GRID

DCM2NIIX = {
    "Modality": "CT",
    "Manufacturer": "GE",
    "ManufacturersModelName": "LightSpeed Plus",
    "KVP": 120,
    "ConvolutionKernel": "STANDARD",
    "SliceThickness": 2.5,
    "PatientAge": "069Y",
    "PatientSex": "F",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "SeriesDescription": "ABDOMEN",
    "global": {"const": {}},
}


def found(folder: Path, said: dict | str | None = None, about: About | None = None) -> Found:
    folder.mkdir(exist_ok=True)
    write_nifti(folder / "case_1.nii", BODY, GRID)
    if said is not None:
        (folder / "case_1.json").write_text(said if isinstance(said, str) else json.dumps(said), encoding="utf-8")
    return find_series([folder], pseudonyms=PSEUDONYMS, settings=Settings(), about=about)


def table(folder: Path, text: str, encoding: str = "utf-8") -> About:
    path = folder / "about.csv"
    path.write_text(text, encoding=encoding)
    return read_about(path)


def sentences(result: Found) -> str:
    return " ".join(caution.sentence for own in result.cautions.values() for caution in own)


def test_a_json_file_of_dcm2niix_is_a_header(tmp_path: Path) -> None:
    result = found(tmp_path / "ct", DCM2NIIX)
    (series,) = result.series
    assert not result.excluded, "the JSON file is no series of its own"
    assert (series.kvp, series.vendor, series.manufacturer_model_name) == (120.0, Vendor.GE, "LightSpeed Plus")
    assert (series.convolution_kernel, series.kernel_group) == ("STANDARD", KernelGroup.STANDARD)
    assert (series.slice_thickness_mm, series.patient_age_years, series.patient_sex) == (2.5, 69.0, Sex.FEMALE)
    assert "Not stated in the file: contrast (a NIfTI file)" in sentences(result)


def test_without_a_word_everything_stays_unknown(tmp_path: Path) -> None:
    result = found(tmp_path / "ct")
    (series,) = result.series
    assert (series.kvp, series.vendor, series.patient_age_years) == (None, Vendor.OTHER, None)
    assert "manufacturer, tube voltage, kernel, slice thickness, contrast, age and sex" in sentences(result)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Modality": "MR"}, ExclusionCode.NOT_CT),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, ExclusionCode.LOCALISER),
        ({"SeriesDescription": "MonoE 40 keV"}, ExclusionCode.DERIVED),
        ({"PatientAge": "012Y"}, ExclusionCode.UNDER_AGE),
        ({"SliceThickness": 10}, ExclusionCode.TOO_THICK),
        ({"KVP": [80, 140]}, ExclusionCode.MIXED_VOLTAGE),
        ({"ManufacturersModelName": "On-Board Imager"}, ExclusionCode.NOT_HU),
    ],
)
def test_what_a_dicom_header_would_exclude_is_excluded(tmp_path: Path, change: dict, code: ExclusionCode) -> None:
    ((_, exclusion),) = found(tmp_path / "ct", DCM2NIIX | change).excluded
    assert exclusion.code is code


@pytest.mark.parametrize("text", ["{", "[1]", '"x"', "\xff", "[" * 100_000, '{"KVP": NaN}', '{"KVP": {"a": 1}}', "{}"])
def test_a_json_file_that_cannot_be_used_leaves_all_unknown(tmp_path: Path, text: str) -> None:
    (series,) = found(tmp_path / "ct", text).series
    assert series.kvp is None


def test_a_table_fits_by_name_folder_or_pattern_and_counts_before_the_json_file(tmp_path: Path) -> None:
    about = table(
        tmp_path,
        "Datei;KVP;Hersteller;kernel;Schichtdicke;Alter;Geschlecht;Kontrastmittel;PatientID;StudyDate;BMI\n"
        "other;100;Siemens;B30f;1,5;50;m;ja;P1;2024-03-01;22\n"
        "case_*;140;GE;STANDARD;2,5;069Y;weiblich;nein;P2;2024-03-02;23\n",
        "cp1252",
    )
    assert about.unused == ("BMI",)
    result = found(tmp_path / "ct", DCM2NIIX, about)
    (series,) = result.series
    assert (series.kvp, series.slice_thickness_mm, series.patient_age_years) == (140.0, 2.5, 69.0)
    assert (series.study_date, series.contrast_bolus_agent) == (date(2024, 3, 2), "nein")
    assert not names_agent(series.contrast_bolus_agent)
    assert "Not stated" not in sentences(result)
    assert series.patient_key == PSEUDONYMS.patient("P2")
    assert "KVP differs between the JSON file and the table; the table counts" in sentences(result)
    assert about.without_file([tmp_path / "ct" / "case_1.nii"]) == (2,)


@pytest.mark.parametrize(
    ("pattern", "is_meant"),
    [
        ("case_1", True),
        ("CASE_1.nii.gz", True),
        ("case_*", True),
        ("ct", True),
        ("ct/case_1.nii", True),
        ("a\\ct\\case_?.nii", True),
        ("site*/ct", False),
        ("a", True),
        ("case", False),
        ("case_1/ct", False),
        ("nii", False),
        ("case_[1]", False),
    ],
)
def test_which_files_a_row_means(pattern: str, is_meant: bool) -> None:
    assert fits(pattern, Path("/data/a/ct/case_1.nii.gz")) is is_meant


def test_a_row_that_names_the_file_counts_before_one_of_a_folder_above(tmp_path: Path) -> None:
    """Numbered patients in a folder that has a number of its own."""
    about = table(tmp_path, "file,KVP\n12,80\n20,120\n")
    assert about.of(Path("/data/12/20.nii.gz")) == {"KVP": 120.0}
    assert about.of(Path("/data/12/21.nii.gz")) == {"KVP": 80.0}


def test_two_rows_about_one_file_that_differ_are_refused(tmp_path: Path) -> None:
    assert len(table(tmp_path, "file,KVP\ncase_1,120\ncase_1,120\n").rows) == 2
    with pytest.raises(TableError, match="row 3: the same file is in line 2 with other values"):
        table(tmp_path, "file,KVP\ncase_1,120\nCASE_1,100\n")


def test_a_bracket_in_a_name_means_itself() -> None:
    assert fits("scan[1].nii.gz", Path("/data/scan[1].nii.gz"))
    assert fits("scan[*", Path("/data/scan[1].nii.gz"))
    assert not fits("scan[1].nii.gz", Path("/data/scan1.nii.gz"))


@pytest.mark.parametrize("age", ["0.5", "0.01", "0,9"])
def test_an_infant_is_under_age_in_table_and_json_file(tmp_path: Path, age: str) -> None:
    about = table(tmp_path, f"file;PatientAge;KVP\ncase_1;{age};120\n")
    ((_, exclusion),) = found(tmp_path / "ct", None, about).excluded
    assert exclusion.code is ExclusionCode.UNDER_AGE
    ((_, exclusion),) = found(tmp_path / "json", DCM2NIIX | {"PatientAge": float(age.replace(",", "."))}).excluded
    assert exclusion.code is ExclusionCode.UNDER_AGE


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,1200,,", "row 2: KVP: expected a number from 60 to 160 kV, found a number above"),
        ("x,nan,,", "row 2: KVP: expected a number .*, found no number"),
        ("x,120,150,", "row 2: PatientAge: expected a number from 0 to 120 years"),
        ("x,120,60,perhaps", "row 2: PatientSex: expected one of F, M, O, found other words"),
        (",120,60,F", "row 2: file must be given"),
        ("x,120,5,60,F", "row 2: 5 cells where 4 columns are"),
    ],
)
def test_a_wrong_row_is_refused_with_line_and_reason(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        table(tmp_path, f"file,KVP,PatientAge,PatientSex\n{row}\n")


def test_the_caution_of_an_odd_value_is_told(tmp_path: Path) -> None:
    result = found(tmp_path / "ct", DCM2NIIX | {"KVP": "120 kV", "PatientAge": "69"})
    (series,) = result.series
    assert (series.kvp, series.patient_age_years) == (120.0, 69.0)
    (own,) = result.cautions.values()
    assert CautionCode.HEADER_ODD in {caution.code for caution in own}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(DCM2NIIX)), JSON, max_size=8))
def test_any_json_is_read_or_left(tmp_path_factory: pytest.TempPathFactory, said: dict) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.json").write_text(json.dumps(said), encoding="utf-8")
    kvp = next(iter(stated_of(folder / "a.nii", About()).voltages_kv), None)
    assert kvp is None or 0 < kvp < float("inf")
