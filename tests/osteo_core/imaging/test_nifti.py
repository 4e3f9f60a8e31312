"""NIfTI both ways: what is written comes back with voxels in place; files that are not CT have a reason."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from osteo_core.imaging.nifti import (
    is_nifti,
    nifti_stem,
    read_nifti_header,
    read_nifti_labels,
    read_nifti_volume,
    write_labels_like,
    write_nifti,
)
from osteo_core.imaging.resample import reorient
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Geometry, Volume
from tests.builders.series import CtSpec, trunk_hu, truth_geometry
from tests.osteo_core.imaging.test_resample import CODES, oblique_geometry
from tests.shared_data import shared_data


def trunk() -> tuple[np.ndarray, Geometry]:
    geometry = truth_geometry(CtSpec())
    return trunk_hu(geometry), geometry


@pytest.mark.parametrize("codes", CODES[::5])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_round_trip_in_any_orientation(tmp_path: Path, codes: str, suffix: str) -> None:
    voxels, geometry = reorient(*trunk(), codes)
    path = tmp_path / f"ct{suffix}"
    write_nifti(path, voxels, geometry)
    volume = read_nifti_volume(path)
    assert isinstance(volume, Volume)
    assert volume.geometry.is_close(geometry, tolerance_mm=1e-3)
    assert volume.geometry.axis_codes == codes
    assert volume.voxels_hu.dtype == np.int16
    np.testing.assert_array_equal(volume.voxels_hu, voxels)


def test_oblique_labels_round_trip(tmp_path: Path) -> None:
    geometry = oblique_geometry()
    labels = np.random.default_rng(1).integers(0, 26, geometry.shape).astype(np.uint8)
    write_nifti(tmp_path / "mask.nii.gz", labels, geometry)
    found, where = read_nifti_labels(tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(found, labels)
    assert where.is_close(geometry, tolerance_mm=1e-3)
    assert found.dtype == np.uint8


@pytest.mark.parametrize(("sform", "qform"), [(0, 0), (0, 1), (2, 0), (4, 2)])
def test_labels_take_both_forms_of_their_source(tmp_path: Path, sform: int, qform: int) -> None:
    voxels, geometry = trunk()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine_lps
    image = nibabel.Nifti1Image(voxels, affine)
    image.set_sform(affine, code=sform)
    image.set_qform(affine, code=qform)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"DOE^JANE"
    nibabel.save(image, tmp_path / "ct.nii.gz")
    write_labels_like(tmp_path / "mask.nii.gz", (voxels > 100).astype(np.uint8), tmp_path / "ct.nii.gz")
    source, mask = nibabel.load(tmp_path / "ct.nii.gz"), nibabel.load(tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(mask.affine, source.affine)
    assert (int(mask.header["sform_code"]), int(mask.header["qform_code"])) == (sform, qform)
    assert b"DOE" not in bytes(mask.header["descrip"].tobytes())
    both = [sitk.ReadImage(str(tmp_path / name)) for name in ("ct.nii.gz", "mask.nii.gz")]
    assert both[0].GetOrigin() == both[1].GetOrigin()
    assert both[0].GetDirection() == both[1].GetDirection()


@pytest.mark.parametrize(
    ("at", "spoilt"),
    [
        (256, np.float32([np.nan, 2.0, 0.0]).tobytes()),  # the quaternion
        (76, np.float32([1.0, 0.0, np.nan, -2.0]).tobytes()),  # its sign and the size of voxels
        (123, bytes([13])),  # a unit that does not exist
    ],
)
def test_a_spoilt_field_of_the_source_does_not_stop_its_mask(tmp_path: Path, at: int, spoilt: bytes) -> None:
    voxels, geometry = trunk()
    write_nifti(tmp_path / "ct.nii", voxels, geometry)
    raw = bytearray((tmp_path / "ct.nii").read_bytes())
    raw[at : at + len(spoilt)] = spoilt
    (tmp_path / "ct.nii").write_bytes(raw)
    assert isinstance(read_nifti_volume(tmp_path / "ct.nii"), Volume)
    write_labels_like(tmp_path / "mask.nii.gz", (voxels > 100).astype(np.uint8), tmp_path / "ct.nii")
    assert read_nifti_labels(tmp_path / "mask.nii.gz")[1].is_close(geometry, tolerance_mm=1e-3)


@pytest.mark.parametrize(("slope", "intercept", "bytes_a_voxel"), [(1.0, -1024.0, 2), (0.5, -1000.25, 4)])
def test_a_scaled_scan_is_never_held_in_double_precision(
    tmp_path: Path, slope: float, intercept: float, bytes_a_voxel: int
) -> None:
    geometry = truth_geometry(CtSpec(columns=160, rows=160, slices=160, pixel_spacing_mm=(2.0, 2.0), step_mm=2.0))
    voxels = trunk_hu(geometry)
    stored = np.round((voxels - intercept) / slope).astype(np.int16)
    write_nifti(tmp_path / "ct.nii", stored, geometry)
    raw = bytearray((tmp_path / "ct.nii").read_bytes())
    raw[112:120] = np.float32([slope, intercept]).tobytes()  # scl_slope, scl_inter
    (tmp_path / "ct.nii").write_bytes(raw)
    tracemalloc.start()
    try:
        volume = read_nifti_volume(tmp_path / "ct.nii")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.voxels_hu, (stored * np.float32(slope) + np.float32(intercept)))
    assert volume.voxels_hu.dtype.itemsize == bytes_a_voxel
    # Besides the values, one byte per voxel for padding; never as much again as float64 would take.
    assert peak < (bytes_a_voxel + 4.5) * stored.size


def test_a_qform_counts_where_the_sform_cannot_be_inverted(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    write_nifti(tmp_path / "ct.nii", voxels, geometry)
    raw = bytearray((tmp_path / "ct.nii").read_bytes())
    raw[280:328] = bytes(48)  # srow_x, srow_y, srow_z
    (tmp_path / "ct.nii").write_bytes(raw)
    volume = read_nifti_volume(tmp_path / "ct.nii")
    assert isinstance(volume, Volume)
    assert volume.geometry.is_close(geometry, tolerance_mm=1e-3)
    write_labels_like(tmp_path / "mask.nii.gz", (voxels > 100).astype(np.uint8), tmp_path / "ct.nii")
    assert read_nifti_labels(tmp_path / "mask.nii.gz")[1].is_close(geometry, tolerance_mm=1e-3)


def two_forms(path: Path, *, code: int, sform: np.ndarray) -> Geometry:
    """The trunk with the scanner's qform and a different sform (RAS); returns the geometry of the qform."""
    voxels, geometry = trunk()
    image = nibabel.Nifti1Image(voxels, np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine_lps)
    image.set_qform(image.affine, code=1)
    image.set_sform(sform @ image.affine, code=code)
    nibabel.save(image, path)
    return geometry


def test_a_form_into_a_templates_space_does_not_count(tmp_path: Path) -> None:
    geometry = two_forms(tmp_path / "ct.nii", code=4, sform=np.diag([0.8, 0.8, 0.8, 1.0]))
    volume = read_nifti_volume(tmp_path / "ct.nii")
    assert isinstance(volume, Volume)
    assert volume.geometry.is_close(geometry, tolerance_mm=1e-3)
    assert "the qform counts" in volume.cautions[0].sentence


@pytest.mark.parametrize(
    ("sform", "words"),
    [
        (np.diag([0.8, 0.8, 0.8, 1.0]), "different voxel sizes"),
        (np.diag([1.0, 1.0, -1.0, 1.0]), "mirror images"),
    ],
)
def test_forms_of_two_scans_are_refused(tmp_path: Path, sform: np.ndarray, words: str) -> None:
    two_forms(tmp_path / "ct.nii", code=2, sform=sform)
    found = read_nifti_volume(tmp_path / "ct.nii")
    assert isinstance(found, Exclusion)
    assert words in found.sentence


def test_forms_that_lay_the_scan_elsewhere_are_told(tmp_path: Path) -> None:
    moved, near = np.eye(4), np.eye(4)
    moved[2, 3], near[2, 3] = 12.0, 1.0
    two_forms(tmp_path / "far.nii", code=1, sform=moved)
    (caution,) = read_nifti_volume(tmp_path / "far.nii").cautions
    assert "place the corners up to 4.8 voxels apart; the sform counts" in caution.sentence
    two_forms(tmp_path / "near.nii", code=1, sform=near)
    assert read_nifti_volume(tmp_path / "near.nii").cautions == ()


def test_another_program_sees_the_same_place(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    write_nifti(tmp_path / "ct.nii.gz", voxels, geometry)
    image = sitk.ReadImage(str(tmp_path / "ct.nii.gz"))
    index = (10, 7, 3)
    np.testing.assert_allclose(
        image.TransformIndexToPhysicalPoint(index), geometry.to_world_mm(np.array(index)), atol=1e-3
    )
    assert image.GetPixel(index) == voxels[index]


def test_the_file_holds_ras(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    write_nifti(tmp_path / "ct.nii.gz", voxels, geometry)
    affine = nibabel.load(tmp_path / "ct.nii.gz").affine
    np.testing.assert_allclose(affine[:2], -geometry.affine_lps[:2], atol=1e-3)
    np.testing.assert_allclose(affine[2], geometry.affine_lps[2], atol=1e-3)


def test_write_refuses_an_array_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        write_nifti(tmp_path / "x.nii", np.zeros((2, 2, 2)), oblique_geometry())


def test_scaled_floats_become_int16_where_nothing_is_lost(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    write_nifti(tmp_path / "whole.nii", voxels.astype(np.float64), geometry)
    write_nifti(tmp_path / "halves.nii", voxels + 0.5, geometry)
    assert read_nifti_volume(tmp_path / "whole.nii").voxels_hu.dtype == np.int16
    assert read_nifti_volume(tmp_path / "halves.nii").voxels_hu.dtype == np.float32


def test_a_label_map_is_an_exclusion(tmp_path: Path) -> None:
    _, geometry = trunk()
    labels = np.zeros(geometry.shape, np.uint8)
    labels[10:20, 10:20, 2:6] = 20
    for kind in (np.uint8, np.int16, np.float32):
        write_nifti(tmp_path / "labels.nii.gz", labels.astype(kind), geometry)
        found = read_nifti_volume(tmp_path / "labels.nii.gz")
        assert isinstance(found, Exclusion)
        assert found.code is ExclusionCode.LABEL_MAP
        assert found.sentence == "This looks like a label map (2 whole numbers from 0 to 20), not a CT in HU."


def test_values_without_air_and_fat_are_not_hu(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    write_nifti(tmp_path / "raw.nii", voxels + 1024, geometry)
    found = read_nifti_volume(tmp_path / "raw.nii")
    assert isinstance(found, Exclusion)
    assert found.code is ExclusionCode.NOT_HU


def test_padding_and_nan_become_air(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    padded = voxels.astype(np.float32)
    padded[:4] = np.nan
    padded[-4:] = -3024
    write_nifti(tmp_path / "ct.nii", padded, geometry)
    volume = read_nifti_volume(tmp_path / "ct.nii")
    assert volume.voxels_hu.dtype == np.int16
    assert set(np.unique(volume.voxels_hu[[0, 3, -1, -4]])) == {-1024}
    assert [c.code for c in volume.cautions] == [CautionCode.PADDING_REPLACED]
    assert "-3024 HU, 12.5 %" in volume.cautions[0].sentence
    padded[-4:] = voxels[-4:]
    write_nifti(tmp_path / "nan.nii", padded, geometry)
    assert "(not a number, 6.2 %" in read_nifti_volume(tmp_path / "nan.nii").cautions[0].sentence


@pytest.mark.parametrize("codes", ["LPS", "SPL"])
def test_axial_planes_without_an_image_are_missing(tmp_path: Path, codes: str) -> None:
    voxels, geometry = trunk()
    spoilt = voxels.astype(np.float32)
    spoilt[:, :, 6:9] = np.nan
    write_nifti(tmp_path / "ct.nii", *reorient(spoilt, geometry, codes))
    found = read_nifti_volume(tmp_path / "ct.nii")
    assert isinstance(found, Exclusion)
    assert found.sentence == "Slices are missing: 3 of 16 are blank or have the pixels of a neighbour."


def test_damaged_files_have_their_reason_without_their_name(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    good = tmp_path / "MILLER_ANN.nii.gz"
    write_nifti(good, voxels, geometry)
    content = good.read_bytes()
    for spoilt in (b"", content[:200], content[: len(content) // 2], b"not a nifti" * 100):
        good.write_bytes(spoilt)
        found = read_nifti_volume(good)
        assert isinstance(found, Exclusion)
        assert found.code is ExclusionCode.UNREADABLE
        assert "MILLER" not in found.sentence


def test_four_axes_are_no_volume_and_one_of_length_one_is_dropped(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine_lps
    nibabel.save(nibabel.Nifti1Image(voxels[..., None], affine), tmp_path / "one.nii")
    nibabel.save(nibabel.Nifti1Image(np.stack([voxels, voxels], axis=-1), affine), tmp_path / "two.nii")
    np.testing.assert_array_equal(read_nifti_volume(tmp_path / "one.nii").voxels_hu, voxels)
    assert read_nifti_volume(tmp_path / "two.nii").code is ExclusionCode.NOT_AN_IMAGE


def test_a_file_without_orientation_says_so(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    image = nibabel.Nifti1Image(voxels, np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine_lps)
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    nibabel.save(image, tmp_path / "ct.nii")
    assert not read_nifti_header(tmp_path / "ct.nii").is_oriented
    assert "orientation" in read_nifti_volume(tmp_path / "ct.nii").cautions[0].sentence


def test_metres_become_millimetres(tmp_path: Path) -> None:
    voxels, geometry = trunk()
    image = nibabel.Nifti1Image(voxels, np.diag([-0.001, -0.001, 0.001, 1.0]) @ geometry.affine_lps)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "ct.nii")
    assert read_nifti_header(tmp_path / "ct.nii").geometry.is_close(geometry, tolerance_mm=1e-3)


def test_labels_must_be_whole_and_small(tmp_path: Path) -> None:
    _, geometry = trunk()
    write_nifti(tmp_path / "x.nii", np.full(geometry.shape, 300, np.int16), geometry)
    with pytest.raises(ValueError, match="expected labels of 0-255"):
        read_nifti_labels(tmp_path / "x.nii")


def test_labels_a_rounding_error_off_are_whole(tmp_path: Path) -> None:
    _, geometry = trunk()
    labels = np.full(geometry.shape, 20.0000003, np.float64)
    labels[0], labels[1] = np.nan, 23.9999
    write_nifti(tmp_path / "x.nii", labels, geometry)
    found, _ = read_nifti_labels(tmp_path / "x.nii")
    assert (found[0].max(), set(np.unique(found[1])), set(np.unique(found[2:]))) == (0, {24}, {20})
    write_nifti(tmp_path / "x.nii", np.full(geometry.shape, 23.5), geometry)
    with pytest.raises(ValueError, match="expected labels of 0-255 as whole numbers, found 23"):
        read_nifti_labels(tmp_path / "x.nii")


def test_names() -> None:
    assert is_nifti(Path("a/B.NII.GZ"))
    assert not is_nifti(Path("a/b.dcm"))
    assert nifti_stem(Path("a/sub-01.ct.nii.gz")) == "sub-01.ct"
    assert nifti_stem(Path("x.nii")) == "x"


def test_real_scan_and_its_label_map() -> None:
    volume = read_nifti_volume(shared_data("ct", "lidc_0001.nii.gz"))
    assert isinstance(volume, Volume)
    assert volume.geometry.axis_codes == "LPS"
    assert volume.geometry.shape == (512, 512, 62)
    assert volume.cautions == ()
    labels = read_nifti_volume(shared_data("labels", "lidc_0001.nii.gz"))
    assert isinstance(labels, Exclusion)
    assert labels.code is ExclusionCode.LABEL_MAP


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize(("written", "named"), [(".nii", ".nii.gz"), (".nii.gz", ".nii")])
def test_what_a_file_holds_counts_and_not_its_suffix(tmp_path: Path, kind: type, written: str, named: str) -> None:
    hu = trunk_hu(truth_geometry(CtSpec()))
    nibabel.save(kind(hu, np.diag([5.0, 6.0, 2.5, 1.0])), tmp_path / f"x{written}")
    path = (tmp_path / f"x{written}").rename(tmp_path / f"y{named}")
    volume = read_nifti_volume(path)
    assert isinstance(volume, Volume), volume
    np.testing.assert_array_equal(volume.voxels_hu, hu)


@pytest.mark.filterwarnings("ignore")
def test_any_damaged_header_is_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "MILLER_ANN.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4)), path)
    content = path.read_bytes()
    draw = np.random.default_rng(11)
    for _ in range(300):
        spoilt = bytearray(content)
        for at in draw.integers(0, 348, 4):
            spoilt[at] = int(draw.integers(0, 256))
        path.write_bytes(spoilt)
        found = read_nifti_header(path)
        assert not isinstance(found, Exclusion) or "MILLER" not in found.sentence
