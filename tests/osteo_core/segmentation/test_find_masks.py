"""Masks are found by the series they name: in a SEG, or in a file's or folder's name; never two for one series."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from pydicom import Dataset

from osteo_core.imaging.nifti import write_nifti
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Series
from osteo_core.segmentation.find_masks import MaskFiles, find_masks
from osteo_core.segmentation.naming import MaskTool
from tests.builders.segs import write_seg
from tests.builders.series import CtSpec, write_series
from tests.builders.spines import grid

GRID = grid(spacing_mm=(2.0, 2.0, 2.0), extent_mm=(8.0, 8.0, 8.0))


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(path, np.ones(GRID.shape, dtype=np.uint8), GRID)
    return path


def series_of(path: Path) -> Series:
    return Series(series_key="k", study_key="s", patient_key="p", series_instance_uid="not asked", files=(path,))


def mask_of(masks: Path, ct: Path) -> MaskFiles:
    found = find_masks(masks, MaskTool.VERSE).mask_of(series_of(ct))
    assert isinstance(found, MaskFiles), found
    return found


@pytest.mark.parametrize(
    ("mask", "ct"),
    [
        ("case.nii.gz", "case.nii.gz"),
        ("case.nii", "case.nii.gz"),
        ("case_vertebral-level.nii.gz", "case.nii.gz"),
        ("sub-verse004_seg-vert_msk.nii.gz", "sub-verse004_ct.nii.gz"),
        ("case_003.nii.gz", "case_003_0000.nii.gz"),
        ("case/anything.nii.gz", "case.nii.gz"),
        ("deep/below/case.nii.gz", "case.nii.gz"),
    ],
)
def test_a_label_map_by_the_name_of_file_or_folder(tmp_path: Path, mask: str, ct: str) -> None:
    path = put(tmp_path / "masks" / mask)
    put(tmp_path / "masks" / "other.nii.gz")
    assert mask_of(tmp_path / "masks", put(tmp_path / "ct" / ct)).files == (path,)


@pytest.mark.parametrize("inner", ["", "segmentations/"])
def test_a_folder_of_one_file_a_structure(tmp_path: Path, inner: str) -> None:
    names = ("vertebrae_L1", "vertebrae_L2", "liver", "rib_left_1")
    files = [put(tmp_path / "masks" / "case" / inner / f"{name}.nii.gz") for name in names]
    assert mask_of(tmp_path / "masks", put(tmp_path / "ct" / "case.nii.gz")).files == tuple(files[:2])


def test_dicom_by_its_uid(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(slices=3))
    uid = str(built.files[0].parent.name)
    first = built.files[0]
    from pydicom import dcmread

    uid = str(dcmread(first).SeriesInstanceUID)
    labels = np.ones(GRID.shape, dtype=np.uint8)
    (tmp_path / "masks").mkdir()
    seg = write_seg(tmp_path / "masks" / "any.dcm", labels, GRID, names={1: "L1"}, series_uid=uid)
    write_seg(tmp_path / "masks" / f"{uid}.dcm", labels, GRID, names={1: "L1"}, series_uid="1.2.3.4")
    assert mask_of(tmp_path / "masks", first).files == (seg,)
    by_name = put(tmp_path / "others" / f"{uid}.nii.gz")
    assert mask_of(tmp_path / "others", first).files == (by_name,)


def test_no_mask_and_two_masks_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path / "masks" / "case.nii.gz")
    put(tmp_path / "masks" / "case_vertebral-level.nii.gz")
    folder = find_masks(tmp_path / "masks", MaskTool.VERSE)
    none = folder.mask_of(series_of(put(tmp_path / "ct" / "other.nii.gz")))
    two = folder.mask_of(series_of(put(tmp_path / "ct" / "case.nii.gz")))
    assert isinstance(none, Exclusion)
    assert isinstance(two, Exclusion)
    assert (none.code, two.code) == (ExclusionCode.NO_MASK, ExclusionCode.MASK_REFUSED)
    assert "there is none of this series" in none.sentence
    assert "2 masks name this series, and it is not known which is meant" in two.sentence


def test_the_ct_beside_its_mask_is_no_mask(tmp_path: Path) -> None:
    ct, mask = put(tmp_path / "case.nii.gz"), put(tmp_path / "case_seg.nii.gz")
    assert mask_of(tmp_path, ct).files == (mask,)


def test_the_hash_tells_content_numbering_names_and_structures_apart(tmp_path: Path) -> None:
    path = put(tmp_path / "a" / "case.nii.gz")
    mask = MaskFiles(files=(path,), tool=MaskTool.VERSE)
    first = mask.model_hash()
    assert (len(first), mask.model_hash()) == (12, first)
    copy = tmp_path / "b" / "another name.nii.gz"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert replace(mask, files=(copy,)).model_hash() == first
    assert replace(mask, tool=MaskTool.SPINEPS).model_hash() != first
    (tmp_path / "a" / "dataset.json").write_text('{"labels": {"L1": 1}}')
    assert mask.model_hash() != first
    for n, name in enumerate(("L1", "L2")):
        (tmp_path / f"{n}").mkdir()
        (tmp_path / f"{n}" / f"{name}.nii.gz").write_bytes(path.read_bytes())
    one, two = (
        MaskFiles(files=(tmp_path / p,), tool=MaskTool.NAMES, is_one_file_a_structure=True)
        for p in ("0/L1.nii.gz", "1/L2.nii.gz")
    )
    assert one.model_hash() != two.model_hash()


@pytest.mark.parametrize(
    ("ct", "mask"),
    [
        ("case_a.nii.gz", "case_a_segmentation.nii.gz"),
        ("case_a.nii.gz", "case_a_mask.nii.gz"),
        ("case_a.nii.gz", "case_a_label.nii.gz"),
        ("case_a.nii.gz", "case_a_totalseg.nii.gz"),
        ("case_a.nii.gz", "case_a-seg.nii.gz"),
        ("case_a.nii.gz", "case_a.seg.nii.gz"),
        ("case_a.nii.gz", "case_a/case_a_trans.nii.gz"),
        ("case_a.nii.gz", "case_a.nii.gz/segmentation.nii.gz"),
        ("case_a.nii.gz", "case_a/segmentations/total.nii.gz"),
        ("case_a.nii.gz", "CASE-A_Segmentation.NII.GZ"),
        ("case_a_img.nii.gz", "case_a_msk.nii.gz"),
        ("sub-1_ses-2_ct.nii.gz", "sub-1_ses-2_desc-x_dseg.nii.gz"),
        ("case a 01.nii.gz", "case a 01_seg.nii.gz"),
        ("CASE_A.nii.gz", "case_a.nii.gz"),
        ("M\u00fcller.nii.gz", "Mu\u0308ller_mask.nii.gz"),
        ("Mu\u0308ller.nii.gz", "M\u00fcller.nii.gz"),
        ("s0001/ct.nii.gz", "s0001/vertebrae.nii.gz"),
        ("L1.nii.gz", "L1.nii.gz"),
        ("T12.nii.gz", "T12_seg.nii.gz"),
    ],
)
def test_names_as_tools_and_people_write_them(tmp_path: Path, ct: str, mask: str) -> None:
    path = put(tmp_path / "masks" / mask)
    put(tmp_path / "masks" / "case_b_seg.nii.gz")
    put(tmp_path / "masks" / "case_a2_seg.nii.gz")
    given = put(tmp_path / "ct" / ct)
    if "desc-x" in mask:  # another word that only its author knows
        assert isinstance(find_masks(tmp_path / "masks", MaskTool.VERSE).mask_of(series_of(given)), Exclusion)
    else:
        assert mask_of(tmp_path / "masks", given).files == (path,)


@pytest.mark.parametrize("suffix", [".seg.nrrd", ".nrrd", ".mha"])
def test_masks_in_other_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "masks" / f"case{suffix}"
    path.parent.mkdir()
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 4, 4), np.uint8)), str(path))
    assert mask_of(tmp_path / "masks", put(tmp_path / "ct" / "case.nii.gz")).files == (path,)


def test_a_patient_called_like_a_vertebra_hides_nobody(tmp_path: Path) -> None:
    for name in ("L1", "L2", "case"):
        put(tmp_path / "masks" / f"{name}.nii.gz")
    for name in ("L1", "case"):
        found = mask_of(tmp_path / "masks", put(tmp_path / "ct" / f"{name}.nii.gz"))
        assert (found.files, found.is_one_file_a_structure) == ((tmp_path / "masks" / f"{name}.nii.gz",), False)


def test_exact_letters_come_before_other_case(tmp_path: Path) -> None:
    upper, lower = put(tmp_path / "masks" / "CASE.nii.gz"), put(tmp_path / "masks" / "case.nii.gz")
    assert mask_of(tmp_path / "masks", put(tmp_path / "ct" / "CASE.nii.gz")).files == (upper,)
    assert mask_of(tmp_path / "masks", put(tmp_path / "ct" / "case.nii.gz")).files == (lower,)


def dicom(folder: Path, patient_id: str, key: str) -> Series:
    built = write_series(folder, CtSpec(slices=3, change=lambda dataset, _: setattr(dataset, "PatientID", patient_id)))
    return replace(series_of(built.files[0]), series_key=key)


def test_a_dicom_series_by_its_folder_or_its_patient(tmp_path: Path) -> None:
    series = dicom(tmp_path / "ct" / "case007" / "DICOM", "PAT-9", "k")
    by_patient = put(tmp_path / "masks" / "pat-9_seg.nii.gz")
    masks = tmp_path / "masks"
    assert mask_of(masks, series.files[0]).files == (by_patient,)
    by_folder = put(masks / "case007.nii.gz")
    assert mask_of(masks, series.files[0]).files == (by_folder,)


def test_a_mask_that_two_series_share_by_their_folder_belongs_to_neither(tmp_path: Path) -> None:
    series = [dicom(tmp_path / "ct" / "case007" / name, f"P{name}", name) for name in ("DICOM", "SERIES")]
    put(tmp_path / "masks" / "case007.nii.gz")
    found = find_masks(tmp_path / "masks", MaskTool.VERSE).masks_of(series)
    assert [one.sentence for one in found.values() if isinstance(one, Exclusion)] == [
        "The mask from elsewhere cannot be used: 2 series share the folder or the patient after which it is named."
    ] * 2


def test_a_reason_names_both_sides_where_it_may(tmp_path: Path) -> None:
    put(tmp_path / "masks" / "other_seg.nii.gz")
    folder = find_masks(tmp_path / "masks", MaskTool.VERSE)
    series = series_of(put(tmp_path / "ct" / "secret_ct.nii.gz"))
    kept, told = folder.mask_of(series), replace(folder, tells_names=True).mask_of(series)
    assert isinstance(kept, Exclusion)
    assert isinstance(told, Exclusion)
    assert "secret" not in kept.sentence
    assert "other" not in kept.sentence
    assert "looked for 'secret_ct', 'secret'; those there are named 'other_seg', 'other'" in told.sentence


def test_files_that_are_not_read_are_named_by_kind(tmp_path: Path) -> None:
    """Otherwise 'the folder holds no mask' stands beside a folder full of structure sets."""
    write_series(tmp_path / "masks", CtSpec(slices=2, change=lambda dataset, _: _as_structure_set(dataset)))
    (tmp_path / "masks" / "all.zip").write_bytes(b"PK")
    (tmp_path / "masks" / "notes.txt").write_text("none")
    folder = find_masks(tmp_path / "masks", MaskTool.VERSE)
    for own in (folder, replace(folder, tells_names=True)):
        found = own.mask_of(series_of(tmp_path / "ct.nii.gz"))
        assert isinstance(found, Exclusion)
        assert found.found.endswith(
            "; not read: 2 RTSTRUCT, of which a SEG or a NIfTI file must be made first, 1 archive(s), which must be "
            "unpacked first"
        )


def _as_structure_set(dataset: Dataset) -> None:
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"
