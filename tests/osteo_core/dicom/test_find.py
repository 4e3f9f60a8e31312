"""Find: series from headers, a reason for everything left out, and nothing opened twice."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence as DicomSequence

from osteo_core.archives import status_of
from osteo_core.dicom.image_header import COMMON_KEYWORDS, image_header
from osteo_core.dicom.volume import read_volume
from osteo_core.dicom.walk import Known
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Volume
from osteo_core.terms import KernelGroup, Plane, Sex, Vendor
from tests.builders.series import CORONAL, SAGITTAL, CtSpec, set_raw, write_series
from tests.osteo_core.dicom.finding import PSEUDONYMS, caution_codes, find, found_in, the_exclusion, the_series

_OPENED: list[str] = []
_IS_WATCHING = [False]


def _watch(event: str, arguments: tuple) -> None:
    if event == "open" and _IS_WATCHING[0]:
        _OPENED.append(str(arguments[0]))


sys.addaudithook(_watch)


@pytest.fixture
def opened():
    """Paths of all files opened during the test, by any means that Python has."""
    _OPENED.clear()
    _IS_WATCHING[0] = True
    yield _OPENED
    _IS_WATCHING[0] = False


def test_a_series_as_its_headers_tell_it(tmp_path: Path) -> None:
    series = the_series(found_in(tmp_path / "ct", kernel=["Br38f", "3"], contrast_agent="APPLIED"))
    assert series.vendor is Vendor.SIEMENS
    assert series.manufacturer == "SIEMENS"
    assert series.manufacturer_model_name == "SOMATOM Definition AS"
    assert series.kvp == 120.0
    assert series.convolution_kernel == "Br38f\\3"
    assert series.kernel_group is KernelGroup.STANDARD
    assert (series.slice_thickness_mm, series.slice_step_mm) == (2.5, pytest.approx(2.5))
    assert series.pixel_spacing_mm == (6.0, 5.0)
    assert (series.rows, series.columns, series.n_slices) == (48, 64, 16)
    assert series.coverage_mm == pytest.approx(40.0)
    assert series.plane is Plane.AXIAL
    assert series.patient_sex is Sex.FEMALE
    assert series.patient_age_years == 67.0
    assert series.study_date == date(2026, 3, 1)
    assert series.contrast_bolus_agent == "APPLIED"
    assert series.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert series.preference_reason == "the only eligible series of its study"
    assert not series.is_simulated


def test_identifiers_leave_as_hashes(tmp_path: Path) -> None:
    series = the_series(found_in(tmp_path / "ct"))
    assert series.patient_key == PSEUDONYMS.patient("TEST-1")
    assert series.series_key == PSEUDONYMS.series(f"{CtSpec().study_uid}\0TEST-1\0{CtSpec().series_uid}")
    assert series.series_instance_uid == CtSpec().series_uid
    told = " ".join(str(getattr(series, f.name)) for f in fields(series) if f.name != "files")
    assert "NEVER" not in told
    assert "TEST-1" not in told


def test_simulated_series_are_marked(tmp_path: Path) -> None:
    def mark(dataset: Dataset, _: int) -> None:
        dataset.ImageComments = "Simulated CT of an invented patient"

    assert the_series(found_in(tmp_path / "ct", change=mark)).is_simulated


def test_unchanged_folders_are_not_opened(tmp_path: Path, opened: list[str]) -> None:
    first = write_series(tmp_path / "a", CtSpec(series_uid="1.2.3"))
    write_series(tmp_path / "b", CtSpec(series_uid="1.2.4", study_uid="1.9"))
    (tmp_path / "b" / "notes.txt").write_text("no image")
    known = {str(p): Known(stamp=status_of(p)) for p in tmp_path.rglob("*") if p.is_file()}
    opened.clear()
    again = find(tmp_path, known=known)
    assert [path for path in opened if path.startswith(str(tmp_path))] == []
    assert again.series == ()
    assert again.excluded == ()
    first.files[3].touch()
    changed = find(tmp_path, known=known)
    touched = {path for path in opened if path.startswith(str(tmp_path))}
    assert touched == {str(path) for path in first.files}, "the changed folder whole, the other not at all"
    assert the_series(changed).n_slices == 16


def test_each_file_is_opened_once(tmp_path: Path, opened: list[str]) -> None:
    built = write_series(tmp_path / "ct")
    opened.clear()
    find(tmp_path)
    assert sorted(path for path in opened if path.startswith(str(tmp_path))) == sorted(map(str, built.files))


def test_new_series_of_a_known_study_bring_its_others_back(tmp_path: Path) -> None:
    write_series(tmp_path / "thin", CtSpec(series_uid="1.2.3"))
    known_files = list((tmp_path / "thin").iterdir())
    people = frozenset((PSEUDONYMS.study(CtSpec().study_uid),))
    known = {str(p): Known(stamp=status_of(p), people=people) for p in known_files}
    write_series(tmp_path / "thick", CtSpec(series_uid="1.2.4", thickness_mm=5.0))
    found = find(tmp_path, known=known)
    assert the_series(found).series_key == PSEUDONYMS.series(f"{CtSpec().study_uid}\0TEST-1\x001.2.3")
    assert [e.code for _, e in found.excluded] == [ExclusionCode.NOT_PREFERRED]


def test_progress_counts_every_file(tmp_path: Path) -> None:
    write_series(tmp_path / "ct")
    (tmp_path / "ct" / "junk").write_bytes(b"x")
    seen: list[tuple[int, int]] = []
    find(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 17) for n in range(1, 18)]


def test_what_is_no_image_is_named_by_kind_and_never_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "MILLER_ANN"
    folder.mkdir()
    (folder / "empty").write_bytes(b"")
    (folder / "notes.txt").write_text("hello")
    (folder / "photo.jpg").write_bytes(bytes(range(256)) * 4)
    (folder / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL\x04")
    found = find(tmp_path)
    assert found.series == ()
    told = {exclusion.sentence for _, exclusion in found.excluded}
    assert "The files could not be read: 1 file(s): empty file." in told
    assert "This file holds no image (2 file(s): not DICOM)." in told
    assert len(told) == 3
    assert not any("MILLER" in sentence or "photo" in sentence for sentence in told)
    assert {len(series.files) for series, _ in found.excluded} == {1, 2}


def test_a_dicomdir_is_named(tmp_path: Path) -> None:
    def directory(dataset: Dataset, _: int) -> None:
        dataset.SOPClassUID = "1.2.840.10008.1.3.10"

    found = found_in(tmp_path / "ct", slices=1, change=directory)
    assert "DICOMDIR" in the_exclusion(found).sentence


def set_value(keyword: str, value: object):
    def change(dataset: Dataset, _: int) -> None:
        setattr(dataset, keyword, value)

    return change


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"change": set_value("Modality", "MR")}, ExclusionCode.NOT_CT, "is MR, not CT"),
        ({"change": set_value("Modality", "SEG")}, ExclusionCode.NOT_CT, "is SEG"),
        ({"change": set_value("Modality", "SR")}, ExclusionCode.SECONDARY_CAPTURE, "report"),
        (
            {"change": set_value("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7")},
            ExclusionCode.SECONDARY_CAPTURE,
            "secondary capture",
        ),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, ExclusionCode.LOCALISER, "localiser"),
        ({"image_type": ("DERIVED", "SECONDARY", "SCREEN SAVE")}, ExclusionCode.SECONDARY_CAPTURE, "capture"),
        (
            {"image_type": ("DERIVED", "PRIMARY", "AXIAL", "MIP")},
            ExclusionCode.DERIVED,
            "a projection, by its image type",
        ),
        (
            {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL", "VNC")},
            ExclusionCode.DERIVED,
            "non-contrast, by its image type",
        ),
        ({"image_type": ("DERIVED", "SECONDARY", "OTHER")}, ExclusionCode.DERIVED, "OTHER"),
        ({"thickness_mm": 7.5}, ExclusionCode.TOO_THICK, "7.5 mm thick; at most 5 mm"),
        ({"thickness_mm": 5.0, "step_mm": 8.5}, ExclusionCode.TOO_FAR_APART, "lie 8.5 mm apart; at most 5 mm"),
        ({"thickness_mm": 1.25, "step_mm": 12.75}, ExclusionCode.TOO_FAR_APART, "lie 12.75 mm apart"),
        ({"slices": 9}, ExclusionCode.TOO_FEW_SLICES, "Too few slices: 9; at least 10"),
        ({"slices": 11}, ExclusionCode.TOO_LITTLE_COVERAGE, "covers 28 mm; at least 30"),
        ({"patient_age": "012Y"}, ExclusionCode.UNDER_AGE, "12 years old; screening starts at 18"),
        ({"patient_age": "018M"}, ExclusionCode.UNDER_AGE, "2 years old"),
        ({"missing": (5, 6, 9)}, ExclusionCode.MISSING_SLICES, "about 3 in 2 gap(s), the widest 7.50 mm"),
        ({"moved_mm": {5: 0.8}}, ExclusionCode.UNEVEN_SPACING, "steps of 1.70 to 3.30 mm"),
        ({"tilt_deg": 35.0}, ExclusionCode.GANTRY_TILT, "tilted by 35.0 degrees; at most 30"),
        ({"change": set_value("RescaleSlope", None)}, ExclusionCode.RESCALE_MISSING, "not HU"),
        ({"change": set_value("RescaleType", "Z_EFF")}, ExclusionCode.NOT_HU, "rescale type Z_EFF"),
        ({"change": set_value("ImagePositionPatient", None)}, ExclusionCode.GEOMETRY_MISSING, "ImagePositionPatient"),
        ({"change": set_value("ImageOrientationPatient", [0] * 6)}, ExclusionCode.GEOMETRY_MISSING, "Orientation"),
        (
            {"manufacturer": "Varian Medical Systems", "model": "OBI Cone-beam CT"},
            ExclusionCode.NOT_HU,
            "cone-beam CT; expected fan-beam CT",
        ),
        ({"change": set_value("SamplesPerPixel", 3)}, ExclusionCode.SECONDARY_CAPTURE, "capture"),
    ],
)
def test_every_reason_has_a_header_that_triggers_it(
    tmp_path: Path, spec: dict, code: ExclusionCode, words: str
) -> None:
    exclusion = the_exclusion(found_in(tmp_path / "ct", **spec))
    assert exclusion.code is code
    assert words in exclusion.sentence


@pytest.mark.parametrize(("thickness", "step"), [(5.0, 4.25), (5.0, 5.0), (1.0, 5.0), (2.5, 5.004)])
def test_slices_up_to_the_maximum_are_accepted(tmp_path: Path, thickness: float, step: float) -> None:
    assert the_series(found_in(tmp_path / "ct", thickness_mm=thickness, step_mm=step)).n_slices == 16


@pytest.mark.parametrize("thickness", [0.0, -3.0])
def test_a_thickness_that_cannot_be_is_unknown(tmp_path: Path, thickness: float) -> None:
    found = found_in(tmp_path / "ct", change=set_value("SliceThickness", thickness))
    assert the_series(found).slice_thickness_mm is None
    assert "header_unknown" in caution_codes(found)


def test_mixed_orientation_and_size_are_told(tmp_path: Path) -> None:
    def turn(dataset: Dataset, k: int) -> None:
        if k > 8:
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    def finer(dataset: Dataset, k: int) -> None:
        if k > 8:
            dataset.PixelSpacing = [3.0, 3.0]

    turned, mixed = found_in(tmp_path / "a", change=turn), found_in(tmp_path / "b", change=finer)
    assert the_exclusion(turned).sentence == "The slices have more than one orientation (9 and 7 slices)."
    assert the_exclusion(mixed).sentence == "The slices differ in size or pixel spacing (2 pixel spacings)."


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"thickness_mm": 4.0, "step_mm": 4.0}, "thick_slices"),
        ({"thickness_mm": 3.0}, "step_differs"),
        ({"kernel": "X99q"}, "kernel_unknown"),
        ({"manufacturer": "SAMSUNG", "kernel": "STANDARD"}, "header_unknown"),
        ({"kvp": None}, "header_unknown"),
        ({"patient_age": ""}, "header_unknown"),
        ({"change": set_value("LossyImageCompression", "01")}, "lossy"),
        ({"change": set_value("GantryDetectorTilt", 12)}, "tilt_declared"),
        ({"orientation": SAGITTAL}, "derived"),
        ({"orientation": CORONAL}, "derived"),
        ({"image_type": ("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE")}, "derived"),
        ({"duplicated": (4,)}, "duplicate_slices"),
    ],
)
def test_what_to_mind_is_said_beside_a_series_that_stands(tmp_path: Path, spec: dict, code: str) -> None:
    found = found_in(tmp_path / "ct", **spec)
    assert len(found.series) == 1
    assert caution_codes(found) == {code}


def test_a_sound_series_has_no_caution(tmp_path: Path) -> None:
    assert caution_codes(found_in(tmp_path / "ct")) == set()


def test_images_share_a_header_only_if_all_that_it_is_read_from_is_equal(tmp_path: Path) -> None:
    read = set()

    class Source:
        def get(self, keyword: str, /) -> None:
            read.add(keyword)

    image_header(Source())
    assert read - {"DerivationDescription"} <= set(COMMON_KEYWORDS)  # the description counts by the kind that it names
    for number in ("A-1", "A-2"):

        def blank(dataset: Dataset, _: int, number: str = number) -> None:
            dataset.StudyInstanceUID = dataset.SeriesInstanceUID = dataset.PatientID = ""
            dataset.AccessionNumber = number

        write_series(tmp_path / number, CtSpec(change=blank))
    keys = [series.accession_key for series in find(tmp_path).series]
    assert keys == [PSEUDONYMS.accession("A-1"), PSEUDONYMS.accession("A-2")]


def test_blank_manufacturer_is_read_from_the_scanner_line(tmp_path: Path) -> None:
    found = found_in(tmp_path / "ct", manufacturer="", model="LightSpeed16", kernel="STANDARD")
    assert the_series(found).vendor is Vendor.GE
    assert the_series(found).manufacturer is None
    assert caution_codes(found) == {"header_unknown"}


def test_files_without_preamble_are_found(tmp_path: Path) -> None:
    assert the_series(found_in(tmp_path / "ct", has_preamble=False)).n_slices == 16


def test_blank_identifiers_are_told_apart_by_folder(tmp_path: Path) -> None:
    def blank(dataset: Dataset, _: int) -> None:
        dataset.SeriesInstanceUID = dataset.StudyInstanceUID = dataset.PatientID = ""

    write_series(tmp_path / "first", CtSpec(change=blank))
    write_series(tmp_path / "second", CtSpec(change=blank))
    found = find(tmp_path)
    assert {s.series_instance_uid for s in found.series} == {"first", "second"}
    assert len({s.series_key for s in found.series}) == len({s.patient_key for s in found.series}) == 2
    assert caution_codes(found) == {"header_unknown"}


def test_the_same_files_in_two_folders_are_one_series(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    write_series(tmp_path / "copy of a")
    found = find(tmp_path)
    assert the_series(found).n_slices == 16
    assert len(the_series(found).files) == 32, "an index must know the copies too, or it looks at them each time"
    assert isinstance(read_volume(the_series(found)), Volume)
    (caution,) = next(iter(found.cautions.values()))
    assert caution.sentence == "Duplicate slices were dropped (16 copies of the same file(s))."


def test_a_copy_in_another_transfer_syntax_is_still_a_copy(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    write_series(tmp_path / "b", CtSpec(syntax="JPEG lossless"))
    assert len(the_series(find(tmp_path)).files) == 32


def test_other_pixels_under_the_same_identifiers_are_no_copy(tmp_path: Path) -> None:
    """A program that processes images may keep their identifiers; which ones are meant is not known."""
    write_series(tmp_path / "a")
    write_series(tmp_path / "b", CtSpec(hu_shift=60.0))
    found = find(tmp_path)
    ((other, reason),) = found.excluded
    assert reason.code is ExclusionCode.NOT_PREFERRED
    assert {path.parent.name for path in other.files} == {"b"}
    assert {path.parent.name for path in the_series(found).files} == {"a"}
    (caution,) = found.cautions[the_series(found).series_key]
    assert caution.found == "1 of 2, told apart by folder"


def test_other_pixels_under_the_same_identifiers_in_one_folder_are_ambiguous(tmp_path: Path) -> None:
    write_series(tmp_path)
    for file in sorted(tmp_path.iterdir()):
        file.rename(file.with_suffix(".old"))
    write_series(tmp_path, CtSpec(hu_shift=60.0))
    read = read_volume(the_series(find(tmp_path)))
    assert isinstance(read, Exclusion)
    assert read.code is ExclusionCode.AMBIGUOUS_SLICES


def test_a_modality_in_small_letters_is_the_modality(tmp_path: Path) -> None:
    assert the_series(found_in(tmp_path / "ct", change=_raw(Modality="CS=ct"))).modality == "CT"


def test_a_scout_filed_with_its_volume_is_left_out(tmp_path: Path) -> None:
    def scout(dataset: Dataset, _: int) -> None:
        if dataset.InstanceNumber == 17:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    found = found_in(tmp_path / "ct", duplicated=(3,), change=scout)
    assert the_series(found).n_slices == 16
    assert len(the_series(found).files) == 17
    assert isinstance(read_volume(the_series(found)), Volume)
    assert caution_codes(found) == {"images_left_out"}


def test_two_acquisitions_at_the_same_place_are_two_series(tmp_path: Path) -> None:
    def number(dataset: Dataset, _: int) -> None:
        dataset.AcquisitionNumber = 1 + int(dataset.InstanceNumber > 16)

    found = found_in(tmp_path / "ct", duplicated=tuple(range(16)), change=number)
    others = [series for series, exclusion in found.excluded if exclusion.code is ExclusionCode.NOT_PREFERRED]
    names = {series.series_instance_uid for series in (*found.series, *others)}
    assert names == {f"{CtSpec().series_uid}_stack1", f"{CtSpec().series_uid}_stack2"}
    assert {series.n_slices for series in (*found.series, *others)} == {16}
    assert caution_codes(found) == {"series_split"}


def test_one_series_identifier_in_two_studies_is_two_series(tmp_path: Path) -> None:
    for n in (1, 2):
        write_series(tmp_path / f"{n}", CtSpec(patient_id=f"TEST-{n}", study_uid=f"1.2.{n}", series_uid="1.2.9"))
    found = find(tmp_path)
    assert len({series.series_key for series in found.series}) == 2
    assert len({series.patient_key for series in found.series}) == 2


def test_two_voltages_or_two_patients_in_one_series_have_no_answer(tmp_path: Path) -> None:
    def mixed(keyword: str, values: tuple):
        return lambda dataset, k: setattr(dataset, keyword, values[k % 2])

    voltage = the_exclusion(found_in(tmp_path / "kv", change=mixed("KVP", (140.0, 80.0))))
    assert voltage.code is ExclusionCode.MIXED_VOLTAGE
    assert "(80, 140 kV)" in voltage.sentence
    patient = the_exclusion(found_in(tmp_path / "id", change=mixed("PatientID", ("ROE-1", "DOE-2"))))
    assert patient.code is ExclusionCode.MIXED_PATIENTS
    assert patient.sentence == "The files of this series name 2 patients; the patient cannot be determined."
    # A slice without a value contradicts no other.
    assert the_series(found_in(tmp_path / "blank", change=mixed("KVP", (None, 100.0)))).kvp == 100.0
    assert found_in(tmp_path / "nobody", change=mixed("PatientID", ("", "DOE-2"))).series


def _dual_source(dataset: Dataset, _: int) -> None:
    other = Dataset()
    other.KVP = 140
    groups = getattr(dataset, "SharedFunctionalGroupsSequence", [dataset])
    groups[0].CTAdditionalXRaySourceSequence = DicomSequence([other])


def _two_details(dataset: Dataset, _: int) -> None:
    items = [Dataset(), Dataset()]
    items[0].KVP, items[1].KVP = 80, 140
    dataset.SharedFunctionalGroupsSequence[0].CTXRayDetailsSequence = DicomSequence(items)


@pytest.mark.parametrize(
    ("change", "is_enhanced"),
    [
        (_dual_source, True),
        (_dual_source, False),
        (_two_details, True),
        (lambda dataset, _: set_raw(dataset, "KVP", "DS", "80\\140"), False),
    ],
)
def test_every_tube_of_an_image_counts(tmp_path: Path, change, is_enhanced: bool) -> None:
    exclusion = the_exclusion(found_in(tmp_path / "ct", kvp=80.0, is_enhanced=is_enhanced, change=change))
    assert exclusion.code is ExclusionCode.MIXED_VOLTAGE
    assert "(80, 140 kV)" in exclusion.sentence


def test_a_voltage_that_no_tube_has_is_unknown_and_told(tmp_path: Path) -> None:
    found = found_in(tmp_path / "ct", kvp=120000.0)
    series = the_series(found)
    assert series.kvp is None
    (caution,) = found.cautions[series.series_key]
    assert "the tube voltage cannot be read, found '120000'" in caution.sentence


def test_each_stack_of_a_dual_energy_series_has_its_own_voltage(tmp_path: Path) -> None:
    def number(dataset: Dataset, _: int) -> None:
        dataset.AcquisitionNumber = 1 + int(dataset.InstanceNumber > 16)
        dataset.KVP = 80.0 if dataset.AcquisitionNumber == 1 else 140.0

    found = found_in(tmp_path / "ct", duplicated=tuple(range(16)), change=number)
    stacks = (*found.series, *(series for series, _ in found.excluded))
    assert {series.stack_label: series.kvp for series in stacks} == {"_stack1": 80.0, "_stack2": 140.0}


def test_one_number_a_rotation_is_still_one_series(tmp_path: Path) -> None:
    def number(dataset: Dataset, k: int) -> None:
        dataset.AcquisitionNumber = k

    assert the_series(found_in(tmp_path / "ct", change=number)).n_slices == 16


def test_spoilt_values_are_blanks_not_errors(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    def spoil(dataset: Dataset, _: int) -> None:
        dataset.PatientAge = "old"
        dataset.StudyDate = "yesterda"

    series = the_series(found_in(tmp_path / "ct", change=spoil))
    assert series.patient_age_years is None
    assert series.study_date is None


def test_enhanced_ct_is_one_file_and_many_slices(tmp_path: Path) -> None:
    series = the_series(found_in(tmp_path / "ct", is_enhanced=True, is_shuffled=True))
    assert (len(series.files), series.n_slices) == (1, 16)
    assert series.kvp == 120.0
    assert series.convolution_kernel == "B30f"
    assert series.slice_thickness_mm == 2.5
    assert series.coverage_mm == pytest.approx(40.0)


@pytest.mark.parametrize(("orientation", "plane"), [(SAGITTAL, Plane.SAGITTAL), (CORONAL, Plane.CORONAL)])
def test_coverage_of_reformats_is_head_to_foot(tmp_path: Path, orientation: tuple[float, ...], plane: Plane) -> None:
    series = the_series(found_in(tmp_path / "ct", orientation=orientation))
    assert series.plane is plane
    assert series.coverage_mm == pytest.approx(48 * 6.0)


@pytest.mark.parametrize("frames", ["-5", "2000000000"])
def test_a_count_of_frames_that_cannot_be_is_damage(tmp_path: Path, frames: str) -> None:
    def spoil(dataset: Dataset, _: int) -> None:
        dataset.NumberOfFrames = frames

    exclusion = the_exclusion(found_in(tmp_path / "ct", is_enhanced=True, slices=3, change=spoil))
    assert exclusion.code is ExclusionCode.UNREADABLE
    assert exclusion.found.startswith("1 file(s): damaged DICOM header")


def _odd_image(keyword_values: dict):
    """Change only the extra file that ``duplicated=(3,)`` writes as number 17."""

    def change(dataset: Dataset, _: int) -> None:
        if dataset.InstanceNumber == 17:
            for keyword, value in keyword_values.items():
                setattr(dataset, keyword, value)

    return change


@pytest.mark.parametrize("uid", ["1.1", "9.9"])
@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "SamplesPerPixel": 3}, "1 capture(s) or report(s)"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "1 capture(s) or report(s)"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "Rows": 60}, "1 image(s) with a different orientation"),
        ({"Rows": 60, "Columns": 90}, "1 image(s) of 90x60 pixels"),
        ({"PixelSpacing": [1.0, 1.0]}, "1 image(s) with a different pixel spacing"),
        ({"ImageType": ["DERIVED", "PRIMARY", "MIP"]}, "1 derived image(s) (a projection, by its image type)"),
        ({"SeriesDescription": "MonoE 40keV"}, "1 derived image(s) (virtual monoenergetic at 40 keV"),
        ({"ImagePositionPatient": None}, "1 image(s) without a position"),
        ({"Modality": "PT"}, "1 image(s) other than CT"),
    ],
)
def test_one_odd_image_is_left_out_whatever_its_identifier(tmp_path: Path, uid: str, values: dict, named: str) -> None:
    change = _odd_image({**values, "SOPInstanceUID": uid})
    found = found_in(tmp_path / "ct", duplicated=(3,), change=change)
    series = the_series(found)
    assert (series.n_slices, len(series.files), series.modality) == (16, 17, "CT")
    assert series.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    (caution,) = found.cautions[series.series_key]
    assert named in caution.sentence
    read_again = read_volume(replace(series, stack=None))
    assert isinstance(read_again, Volume)
    assert read_again.voxels_hu.shape[2] == 16


def test_reformats_beside_their_scan_are_a_stack_of_their_own(tmp_path: Path) -> None:
    write_series(tmp_path / "axial")
    write_series(
        tmp_path / "coronal", CtSpec(orientation=CORONAL, image_type=("DERIVED", "SECONDARY", "MPR"), slices=20)
    )
    _renumbered(tmp_path / "coronal")
    found = find(tmp_path)
    assert (the_series(found).plane, the_series(found).n_slices) == (Plane.AXIAL, 16)
    ((other, exclusion),) = found.excluded
    assert (other.plane, other.n_slices, exclusion.code) == (Plane.CORONAL, 20, ExclusionCode.NOT_PREFERRED)
    assert isinstance(read_volume(replace(the_series(found), stack=None)), Volume)


def _renumbered(folder: Path) -> None:
    for path in folder.iterdir():
        dataset = dcmread(path)
        dataset.SOPInstanceUID += ".7"
        dataset.save_as(path)


def _in_part(keyword: str, usual: object, odd: object, is_odd):
    return lambda dataset, k: setattr(dataset, keyword, odd if is_odd(k) else usual)


def test_what_most_slices_say_counts_and_the_rest_is_told(tmp_path: Path) -> None:
    for n, first in enumerate((0, 7, 15)):
        change = _in_part("ConvolutionKernel", "B30f", "B31f", lambda k, first=first: k == first)
        found = found_in(tmp_path / f"{n}", change=change)
        assert the_series(found).convolution_kernel == "B30f"
        (caution,) = found.cautions[the_series(found).series_key]
        assert "kernel: B30f in 15, B31f in 1" in caution.sentence
    blank = found_in(
        tmp_path / "c", contrast_agent="X", change=_in_part("ContrastBolusAgent", "X", "", lambda k: k > 0)
    )
    assert the_series(blank).contrast_bolus_agent == "X"


@pytest.mark.parametrize(
    ("keyword", "odd", "words"),
    [
        (
            "ManufacturerModelName",
            "Sensation 64",
            "scanner: SIEMENS SOMATOM Definition AS in 8, SIEMENS Sensation 64 in 8",
        ),
        ("ConvolutionKernel", "B70f", "kernel: B30f in 8, B70f in 8"),
    ],
)
def test_slices_of_two_scanners_or_kernels_in_one_stack_have_no_calibration(
    tmp_path: Path, keyword: str, odd: str, words: str
) -> None:
    usual = {"ManufacturerModelName": "SOMATOM Definition AS", "ConvolutionKernel": "B30f"}[keyword]
    exclusion = the_exclusion(found_in(tmp_path / "ct", change=_in_part(keyword, usual, odd, lambda k: k % 2)))
    assert exclusion.code is ExclusionCode.MIXED_SCANS
    assert words in exclusion.sentence


def _raw(**values: str):
    def change(dataset: Dataset, _: int) -> None:
        for keyword, value in values.items():
            set_raw(dataset, keyword, *value.split("=", 1))

    return change


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"PixelSpacing": "DS=6,000\\5,000"}, "PixelSpacing written '6,000"),
        ({"PixelSpacing": "UT=6.0\\5.0"}, ""),
        ({"PixelSpacing": "DS=6.0/5.0"}, "PixelSpacing written '6.0/5.0'"),
        ({"PixelSpacing": "DS=6.0,5.0"}, "PixelSpacing written '6.0,5.0'"),
        ({"KVP": "DS=120 kV"}, "the tube voltage written '120 kV'"),
        ({"KVP": "UN=120"}, ""),
        ({"SliceThickness": "LO=2,5 mm"}, "slice thickness written '2,5 mm'"),
        ({"PatientAge": "AS=67"}, "the patient's age written '67'"),
        ({"PatientAge": "LO=67 years"}, "the patient's age written in words"),
        ({"PatientBirthDate": "DA=19580401"}, ""),
        ({"PatientBirthDate": "DA=19810401"}, "age written 67, by the dates of birth and study it is 44"),
        ({"Rows": "IS=48"}, ""),
        ({"Manufacturer": "LO=SIEMENS\0\0"}, ""),
    ],
)
def test_malformed_values_are_read_and_told(tmp_path: Path, values: dict, said: str) -> None:
    found = found_in(tmp_path / "ct", change=_raw(**values))
    series = the_series(found)
    assert (series.kvp, series.slice_thickness_mm, series.patient_age_years) == (120.0, 2.5, 67.0)
    assert (series.pixel_spacing_mm, series.rows, series.manufacturer) == ((6.0, 5.0), 48, "SIEMENS")
    cautions = " ".join(c.sentence for c in found.cautions.get(series.series_key, ()))
    assert (said in cautions) if said else not cautions


@pytest.mark.parametrize(("days", "is_future"), [(0, False), (1, False), (2, True), (3650, True)])
def test_a_study_date_in_the_future_is_told(
    tmp_path: Path, days: int, is_future: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the scanner stands, tomorrow may have begun."""
    today = date(2027, 12, 31)
    monkeypatch.setattr("osteo_core.dicom.image_header.date", SimpleNamespace(today=lambda: today))
    scanned = today + timedelta(days=days)
    found = found_in(tmp_path / "ct", change=_raw(StudyDate=f"DA={scanned:%Y%m%d}"))
    series = the_series(found)
    cautions = " ".join(c.sentence for c in found.cautions.get(series.series_key, ()))
    said = f"the study date written {scanned}, in the future: age by dates, valid calibration lines and follow-up"
    assert (said in cautions) is is_future
    assert series.study_date == scanned


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        ({"PixelSpacing": "DS=1,03"}, "geometry_missing", "PixelSpacing cannot be read, found '1,03'"),
        ({"PixelSpacing": "DS=0.1 cm\\0.1 cm"}, "geometry_missing", "PixelSpacing cannot be read, found"),
        ({"RescaleSlope": "DS=one"}, "rescale_missing", "RescaleSlope cannot be read, found text that is not a number"),
        ({"PatientAge": "AS=17"}, "under_age", "17 years old"),
    ],
)
def test_what_cannot_be_read_is_told_apart_from_what_is_missing(
    tmp_path: Path, values: dict, code: str, said: str
) -> None:
    exclusion = the_exclusion(found_in(tmp_path / "ct", change=_raw(**values)))
    assert exclusion.code == code
    assert said in exclusion.sentence


def test_an_unreadable_voltage_is_no_missing_one(tmp_path: Path) -> None:
    found = found_in(tmp_path / "ct", change=_raw(KVP="DS=12O kV"))
    (caution,) = found.cautions[the_series(found).series_key]
    assert caution.sentence == (
        "Header values do not conform to DICOM: the tube voltage cannot be read, found text that is not a number."
    )


def test_a_dicomdir_given_as_the_path_stands_for_its_disc(tmp_path: Path) -> None:
    write_series(tmp_path / "IMAGES")
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    assert the_series(find(tmp_path / "DICOMDIR")).n_slices == 16


def test_the_suffix_does_not_decide_what_a_file_is(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct")
    for n, path in enumerate(built.files):
        path.rename(path.with_name(f"{n}.nii"))
    assert the_series(find(tmp_path)).n_slices == 16
    (tmp_path / "scan.dcm").write_bytes(bytes(344) + b"n+1\0" + bytes(400))
    ((_, exclusion),) = find(tmp_path).excluded
    assert exclusion.found == "1 file(s): NIfTI under another name; end it with .nii"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(344) + b"n+1\0" + bytes(400), "NIfTI under another name; end it with .nii"),
        (b"\x1c\x02\0\0n+2\0\r\n\x1a\n" + bytes(600), "NIfTI under another name; end it with .nii"),
        (gzip.compress(bytes(344) + b"n+1\0" + bytes(9000), mtime=0), "NIfTI under another name; end it with .nii.gz"),
        (gzip.compress(b"a log\n" * 900, mtime=0), "not DICOM"),
        (b"\x1f\x8b damaged", "not DICOM"),
        (b"NRRD0005\n" + bytes(400), "NRRD under another name; end it with .nrrd"),
        (b"PK\x03\x04" + bytes(400), "an archive under another name; end it with .zip"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(400), "an archive of a kind that is not read; unpack it, or pack it as .zip"),
        (bz2.compress(b"a study" * 99), "an archive of a kind that is not read"),
        (lzma.compress(b"a study" * 99), "an archive of a kind that is not read"),
    ],
)
def test_what_lies_under_a_dicom_name_is_told_by_its_content(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "scan.dcm").write_bytes(content)
    assert words in the_exclusion(find(tmp_path)).sentence


def test_a_multi_frame_dicom_file_under_a_volumes_name_is_read(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(is_enhanced=True))
    built.files[0].rename(tmp_path / "ct" / "scan.nii")
    volume = read_volume(the_series(find(tmp_path)))
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu)
