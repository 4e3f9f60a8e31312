"""The same voxels at the same positions from every format and under a false suffix; otherwise one sentence."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from osteo_core.dicom.walk import walk
from osteo_core.imaging.nifti import read_nifti_header, read_nifti_labels, read_nifti_volume, write_nifti
from osteo_core.imaging.open_volume import segment_names
from osteo_core.outcomes import Exclusion
from osteo_core.records import Geometry, Volume
from osteo_core.segmentation.naming import names_in
from tests.builders.series import CtSpec, write_series
from tests.builders.spines import grid

#: Axes of three lengths, turned, off centre: every mistake of order or sign shows.
TURN = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
GRID = grid(spacing_mm=(1.5, 2.0, 3.0), extent_mm=(60.0, 50.0, 90.0), centre_mm=(10.0, -20.0, 300.0), rotation=TURN)


def body() -> np.ndarray:
    """HU like those of a trunk: air, fat and soft tissue with noise."""
    rng = np.random.default_rng(3)
    voxels = rng.normal(-1000.0, 10.0, GRID.shape)
    voxels[5:-5, 4:-4] = rng.normal(-100.0, 12.0, voxels[5:-5, 4:-4].shape)
    voxels[10:-10, 8:-8] = rng.normal(50.0, 12.0, voxels[10:-10, 8:-8].shape)
    return np.round(voxels).astype(np.int16)


BODY = body()


def plain(folder: Path) -> Path:
    path = folder / "source.nii"
    write_nifti(path, BODY, GRID)
    return path


def itk(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        sitk.WriteImage(sitk.ReadImage(str(plain(folder))), str(folder / f"ct{suffix}"))
        return folder / f"ct{suffix}"

    return write


def bytes_as(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(change(plain(folder).read_bytes()))
        return folder / name

    return write


def pair(folder: Path) -> Path:
    image = nibabel.load(plain(folder))
    nibabel.save(nibabel.Nifti1Pair(np.asarray(image.dataobj), image.affine), folder / "ct.hdr")
    return folder / "ct.hdr"


@pytest.mark.parametrize(
    "write",
    [
        itk(".nrrd"),
        itk(".nhdr"),
        itk(".mha"),
        itk(".mhd"),
        pair,
        bytes_as("plain.nii.gz", lambda raw: raw),
        bytes_as("packed.nii", gzip.compress),
        bytes_as("other.nii.gz", bz2.compress),
        bytes_as("UPPER.NII.GZ", gzip.compress),
        bytes_as("ct.nii.bz2", bz2.compress),
    ],
)
def test_every_format_has_the_same_voxels_in_the_same_places(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    volume = read_nifti_volume(write(tmp_path))
    assert isinstance(volume, Volume), volume
    assert np.array_equal(volume.voxels_hu, BODY)
    assert volume.geometry.is_close(GRID, tolerance_mm=1e-2)


def test_voxels_beside_their_header_are_no_file_of_their_own(tmp_path: Path) -> None:
    for write in (itk(".mhd"), pair):
        write(tmp_path)
    (tmp_path / "source.nii").unlink()
    for left in ("._ct.hdr", ".DS_Store", "Thumbs.db"):
        (tmp_path / left).write_bytes(b"x")
    (folder,) = walk([tmp_path])
    assert [file.path.name for file in folder.files] == ["ct.hdr", "ct.mhd"]


def sentence(path: Path) -> str:
    found = read_nifti_header(path)
    assert isinstance(found, Exclusion), found
    return found.sentence


def test_what_cannot_be_read_is_told_without_a_name(tmp_path: Path) -> None:
    dicom = write_series(tmp_path / "ct", CtSpec(slices=3)).files[0]
    (tmp_path / "secret.nii").write_bytes(dicom.read_bytes())
    assert sentence(tmp_path / "secret.nii").endswith(
        "a DICOM file with the suffix of another format; rename it to .dcm."
    )
    far = b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_SHORT\nElementDataFile = /etc/passwd\n"
    (tmp_path / "secret.mhd").write_bytes(far)
    assert "whose voxel file is in another folder" in sentence(tmp_path / "secret.mhd")
    huge = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 9000 9000 9000\nspacings: 1 1 1\nencoding: raw\n\n"
    (tmp_path / "secret.nrrd").write_bytes(huge)
    assert "claims 729,000,000,000 voxels" in sentence(tmp_path / "secret.nrrd")


@pytest.mark.parametrize(
    ("geometry", "is_oriented"),
    [
        (b"spacings: 1 1 1\n", False),
        (b"space: scanner-xyz\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n", False),
        (b"space: RAS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n", True),
    ],
)
def test_an_nrrd_without_a_patients_space_says_no_orientation(
    tmp_path: Path, geometry: bytes, is_oriented: bool
) -> None:
    (tmp_path / "a.nrrd").write_bytes(
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n" + geometry + b"\n" + b"\1" * 8
    )
    header = read_nifti_header(tmp_path / "a.nrrd")
    assert not isinstance(header, Exclusion)
    assert header.is_oriented is is_oriented


def test_a_header_without_voxel_size_is_not_read_as_millimetres(tmp_path: Path) -> None:
    nrrd = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n" + b"\1" * 8
    meta = b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    for name, content in (("a.nrrd", nrrd), ("a.mha", meta + b"\1" * 8)):
        (tmp_path / name).write_bytes(content)
        assert "a header that states no voxel size" in sentence(tmp_path / name)


def test_names_of_a_slicer_segmentation(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.ones((2, 3, 4), np.uint8))
    for key, value in {"Segment0_Name": "vertebrae_L1", "Segment0_LabelValue": "1", "Segment1_Name": "x"}.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(tmp_path / "a.seg.nrrd"))
    assert segment_names(tmp_path / "a.seg.nrrd") == names_in(tmp_path / "a.seg.nrrd") == {1: "vertebrae_L1"}
    labels, geometry = read_nifti_labels(tmp_path / "a.seg.nrrd")
    assert (labels.shape, geometry.shape, labels.min()) == ((4, 3, 2), (4, 3, 2), 1)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=120), st.sampled_from([".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr"]), st.data()
)
def test_any_bytes_are_a_header_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str, data: st.DataObject
) -> None:
    begin = data.draw(st.sampled_from([b"", b"NRRD0004\n", b"NDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\n"]))
    path = tmp_path_factory.mktemp("any") / f"x{suffix}"
    path.write_bytes(begin + content)
    found = read_nifti_header(path)
    assert isinstance(found.geometry if not isinstance(found, Exclusion) else found, Geometry | Exclusion)
