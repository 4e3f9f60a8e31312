"""A cohort on disk: valid DICOM marked as simulated, the same bytes for the same seed, resumable."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813

from osteo_core.simulate import cohort as cohort_module
from osteo_core.simulate.cohort import SimulatedCohort, draw_cohort, write_patient, write_tables
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.qct import REFERENCE_COLUMNS
from osteo_core.simulate.render import render
from osteo_core.simulate.scanners import MAKERS
from osteo_core.simulate.truth import FieldOfView, SimulatedPatient, Situation
from osteo_core.terms import ContrastPhase, Vendor


def small(seed: int, *, vendor: Vendor = Vendor.GE, situation: Situation = Situation.PLAIN) -> SimulatedPatient:
    """A patient on a coarse grid, fast to render."""
    patient = draw_patient(seed, situations=False)
    maker = next(maker for maker in MAKERS if maker.vendor is vendor)
    scan = replace(
        patient.acquisition, maker=maker, model=maker.models[0], kernel=maker.soft[-1], matrix=96, pixel_mm=3.6
    )
    scan = replace(scan, step_mm=5.0, thickness_mm=5.0)
    return replace(patient, acquisition=scan, situation=situation, field_of_view=FieldOfView.LUMBAR_SPINE)


def write_cohort(out_dir: Path, seed: int, *, n_patients: int = 1) -> SimulatedCohort:
    """Tables and folders of a few patients, one after the other."""
    cohort = draw_cohort(out_dir, n_patients=n_patients, seed=seed)
    write_tables(cohort)
    for patient in cohort.patients:
        write_patient(out_dir, patient)
    return cohort


def read_hu(folder: Path) -> tuple[np.ndarray, sitk.Image]:
    """HU (x, y, z) of a folder as read by SimpleITK."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), image


@pytest.mark.parametrize(
    ("vendor", "seed"),
    [(Vendor.GE, 500_041), (Vendor.SIEMENS, 500_042), (Vendor.CANON, 500_043), (Vendor.UIH, 500_045)],
)
def test_simpleitk_reads_the_hu_and_the_geometry_that_were_rendered(tmp_path: Path, vendor: Vendor, seed: int) -> None:
    patient = small(seed, vendor=vendor)
    folder = write_patient(tmp_path, patient)
    hu, image = read_hu(folder / "002")
    volume, _ = render(patient)
    padded = hu < -1024
    assert padded.any() == (patient.acquisition.maker.padding is not None)
    assert np.array_equal(np.where(padded, -1024, hu), volume.voxels_hu)
    assert image.GetSpacing() == pytest.approx(volume.geometry.spacing_mm, abs=1e-3)
    assert image.GetOrigin() == pytest.approx(tuple(volume.geometry.affine_lps[:3, 3]), abs=1e-3)


def test_every_file_says_that_it_is_simulated(tmp_path: Path) -> None:
    folder = write_patient(tmp_path, small(500_051, situation=Situation.LOCALISER))
    write_patient(tmp_path, small(500_052, situation=Situation.DOSE_REPORT))
    files = sorted(folder.parent.rglob("*.dcm"))
    assert len(files) > 40
    for path in files:
        data = pydicom.dcmread(path, stop_before_pixels=True)
        assert data.ImageComments == "Simulated CT of an invented patient"
        assert data.InstitutionName == "SIMULATED"
        assert str(data.PatientName).startswith("SIMULATED^SIM-")
        assert data.PatientBirthDate == ""
        assert not any(element.tag.is_private for element in data)


def test_headers_are_those_of_a_scanner(tmp_path: Path) -> None:
    patient = small(500_053, vendor=Vendor.SIEMENS)
    contrast = replace(patient.contrast, phase=ContrastPhase.PORTAL_VENOUS, declared=True)
    folder = write_patient(tmp_path, replace(patient, contrast=contrast))
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted((folder / "002").iterdir())]
    first = headers[0]
    assert (first.Manufacturer, list(first.ConvolutionKernel)) == ("SIEMENS", ["I30f", "3"])
    assert list(first.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert first.PatientAge == f"{patient.age_years:03d}Y"
    assert first.ContrastBolusAgent == "Ultravist 370"
    assert float(first.RescaleIntercept) == -1024
    assert len({h.SOPInstanceUID for h in headers}) == len(headers)
    assert len({h.StudyInstanceUID for h in headers}) == 1
    steps = np.diff([float(h.ImagePositionPatient[2]) for h in headers])
    assert np.abs(steps) == pytest.approx(5.0, abs=1e-3)


def test_undeclared_contrast_leaves_no_trace_in_the_header(tmp_path: Path) -> None:
    patient = small(500_054)
    contrast = replace(patient.contrast, phase=ContrastPhase.ARTERIAL, declared=False)
    folder = write_patient(tmp_path, replace(patient, contrast=contrast))
    data = pydicom.dcmread(next((folder / "002").iterdir()), stop_before_pixels=True)
    assert "ContrastBolusAgent" not in data
    assert "arterial" not in data.SeriesDescription


@pytest.mark.parametrize(
    ("situation", "folders"),
    [
        (Situation.LOCALISER, {"001": "LOCALIZER", "002": "AXIAL"}),
        (Situation.DOSE_REPORT, {"002": "AXIAL", "999": "SCREEN SAVE"}),
        (Situation.THICK_BESIDES, {"002": "AXIAL", "003": "AXIAL"}),
        (Situation.SHARP_BESIDES, {"002": "AXIAL", "004": "AXIAL"}),
    ],
)
def test_what_lies_beside_the_main_series(tmp_path: Path, situation: Situation, folders: dict[str, str]) -> None:
    folder = write_patient(tmp_path, small(500_055, situation=situation))
    found = {}
    studies = set()
    for series in sorted(folder.iterdir()):
        data = pydicom.dcmread(next(series.iterdir()), stop_before_pixels=True)
        found[series.name] = data.ImageType[2]
        studies.add(data.StudyInstanceUID)
    assert found == folders
    assert len(studies) == 1


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def quick_cohort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cohorts of small patients."""
    monkeypatch.setattr(cohort_module, "draw_patient", lambda seed: small(seed))


@pytest.mark.usefixtures("quick_cohort")
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_cohort(tmp_path / name, 500_061)
    first, second = _digests(tmp_path / "a"), _digests(tmp_path / "b")
    assert len(first) > 30
    assert first == second


@pytest.mark.usefixtures("quick_cohort")
def test_a_stopped_cohort_goes_on_where_it_stopped(tmp_path: Path) -> None:
    write_cohort(tmp_path, 500_064)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "dicom").rglob("*.dcm")}
    cohort = write_cohort(tmp_path, 500_064, n_patients=2)
    assert sorted(path.name for path in (tmp_path / "dicom").iterdir()) == ["SIM-500064", "SIM-500065"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with cohort.reference.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["PatientID"] for row in rows} <= {"SIM-500064", "SIM-500065"}
    assert set(rows[0]) == set(REFERENCE_COLUMNS)
    assert not list((tmp_path / ".partial").iterdir())
