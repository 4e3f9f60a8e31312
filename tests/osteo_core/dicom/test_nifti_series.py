"""NIfTI files as series: what a header states, names that never collide, label maps excluded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteo_core.dicom.volume import read_volume
from osteo_core.imaging.nifti import write_nifti
from osteo_core.imaging.resample import reorient
from osteo_core.outcomes import ExclusionCode
from osteo_core.records import Volume
from osteo_core.terms import Plane
from tests.builders.series import CtSpec, trunk_hu, truth_geometry
from tests.osteo_core.dicom.finding import find, the_exclusion, the_series
from tests.shared_data import shared_data


def write_trunk(path: Path, codes: str = "LPS", **spec: object) -> np.ndarray:
    fine = {"pixel_spacing_mm": (2.4, 2.4), "columns": 120, "rows": 90}
    geometry = truth_geometry(CtSpec(**{**fine, **spec}))
    voxels, turned = reorient(trunk_hu(geometry), geometry, codes)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(path, voxels, turned)
    return voxels


def test_a_nifti_file_is_a_series(tmp_path: Path) -> None:
    voxels = write_trunk(tmp_path / "ct.nii.gz")
    found = find(tmp_path)
    series = the_series(found)
    assert series.series_instance_uid == "ct"
    assert (series.n_slices, series.columns, series.rows) == (16, 120, 90)
    assert series.slice_step_mm == 2.5
    assert series.pixel_spacing_mm == (pytest.approx(2.4), pytest.approx(2.4))
    assert series.coverage_mm == pytest.approx(40.0)
    assert series.plane is Plane.AXIAL
    assert "Not stated in the file: manufacturer" in found.cautions[series.series_key][0].sentence
    volume = read_volume(series)
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.voxels_hu, voxels)


@pytest.mark.parametrize("codes", ["RAS", "PIR", "SRP"])
def test_plane_and_coverage_do_not_depend_on_the_order_of_axes(tmp_path: Path, codes: str) -> None:
    spacing = {"pixel_spacing_mm": (1.5, 1.5), "columns": 40, "rows": 40, "slices": 20}
    write_trunk(tmp_path / "ct.nii", codes, **spacing)
    series = the_series(find(tmp_path))
    assert series.plane is Plane.AXIAL
    assert (series.n_slices, series.slice_step_mm, series.coverage_mm) == (20, 2.5, pytest.approx(50.0))


@pytest.mark.parametrize("codes", ["LPS", "RAS", "PIR", "SRP"])
@pytest.mark.parametrize(
    ("pixel_mm", "step_mm"),
    [((1.03, 1.03), 0.3), ((1.5, 1.5), 1.5), ((1.5, 1.2), 0.6)],  # odd one out, all alike, all different
)
def test_slices_may_be_finer_than_their_pixels(
    tmp_path: Path, codes: str, pixel_mm: tuple[float, float], step_mm: float
) -> None:
    write_trunk(tmp_path / "ct.nii", codes, pixel_spacing_mm=pixel_mm, columns=50, rows=40, slices=110, step_mm=step_mm)
    series = the_series(find(tmp_path))
    assert series.plane is Plane.AXIAL
    assert (series.n_slices, series.slice_step_mm) == (110, pytest.approx(step_mm))
    assert series.coverage_mm == pytest.approx(110 * step_mm)


def test_files_of_one_name_are_different_patients_with_different_outputs(tmp_path: Path) -> None:
    write_trunk(tmp_path / "p1" / "ct.nii.gz")
    write_trunk(tmp_path / "p2" / "ct.nii.gz")
    found = find(tmp_path)
    assert [s.series_instance_uid for s in found.series] == ["ct", "ct_2"]
    assert len({s.patient_key for s in found.series}) == 2
    write_trunk(tmp_path / "p1" / "ct_2.nii.gz")
    assert [s.series_instance_uid for s in find(tmp_path).series] == ["ct", "ct_2", "ct_3"]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"slices": 9}, ExclusionCode.TOO_FEW_SLICES),
        ({"slices": 11}, ExclusionCode.TOO_LITTLE_COVERAGE),
        ({"step_mm": 9.0}, ExclusionCode.TOO_FAR_APART),
    ],
)
def test_too_little_of_it(tmp_path: Path, spec: dict, code: ExclusionCode) -> None:
    write_trunk(tmp_path / "ct.nii", pixel_spacing_mm=(2.0, 2.0), **spec)
    assert the_exclusion(find(tmp_path)).code is code


def test_thick_slices_are_minded(tmp_path: Path) -> None:
    write_trunk(tmp_path / "ct.nii", step_mm=4.0, pixel_spacing_mm=(2.0, 2.0))
    found = find(tmp_path)
    assert "4 mm thick" in found.cautions[the_series(found).series_key][1].sentence


def test_labels_in_bytes_are_known_by_the_header(tmp_path: Path) -> None:
    geometry = truth_geometry(CtSpec())
    write_nifti(tmp_path / "mask.nii.gz", np.zeros(geometry.shape, np.uint8), geometry)
    exclusion = the_exclusion(find(tmp_path))
    assert exclusion.code is ExclusionCode.LABEL_MAP
    assert exclusion.sentence == "This looks like a label map (voxels are bytes from 0 to 255), not a CT in HU."


def test_a_damaged_file_has_its_reason(tmp_path: Path) -> None:
    (tmp_path / "ct.nii.gz").write_bytes(b"\x1f\x8b broken")
    assert the_exclusion(find(tmp_path)).code is ExclusionCode.UNREADABLE


def test_real_label_maps_never_become_patients() -> None:
    found = find(shared_data("labels", "lidc_0001.nii.gz"), shared_data("labels", "bodies"))
    assert found.series == ()
    assert {e.code for s, e in found.excluded if s.series_instance_uid} == {ExclusionCode.LABEL_MAP}
