"""Masks of every form, read with the numbering they state or the user names, never with an assumed one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from osteo_core.imaging.nifti import read_nifti_labels, write_nifti
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.segmentation.find_masks import MaskFiles
from osteo_core.segmentation.masks import WholeVertebrae, read_mask
from osteo_core.segmentation.naming import MaskTool
from osteo_core.terms import Level
from tests.builders.segs import names_of, write_seg
from tests.builders.spines import grid
from tests.osteo_core.segmentation.test_naming import with_label_table
from tests.shared_data import shared_data

GRID = grid(spacing_mm=(2.0, 2.0, 2.0), extent_mm=(20.0, 20.0, 40.0))


def two_levels(upper: int, lower: int) -> np.ndarray:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[3:7, 3:7, 12:17], labels[3:7, 3:7, 3:8] = upper, lower
    return labels


VERSE = two_levels(Level.L1, Level.L2)


def one(path: Path, tool: MaskTool = MaskTool.NAMES) -> MaskFiles:
    return MaskFiles(files=(path,), tool=tool)


def sentence(mask: MaskFiles) -> str:
    found = read_mask(mask)
    assert isinstance(found, Exclusion)
    assert found.code is ExclusionCode.MASK_REFUSED
    return found.sentence


def whole(mask: MaskFiles) -> WholeVertebrae:
    found = read_mask(mask)
    assert isinstance(found, WholeVertebrae), found
    return found


@pytest.mark.parametrize(
    ("tool", "upper", "lower"),
    [(MaskTool.VERSE, 20, 21), (MaskTool.SPINEPS, 20, 21), (MaskTool.TOTALSEGMENTATOR, 31, 30)],
)
def test_a_named_tools_numbers(tmp_path: Path, tool: MaskTool, upper: int, lower: int) -> None:
    labels = two_levels(upper, lower)
    labels[0, 0, :2] = 120  # a disc of SPINEPS, no structure of the others
    write_nifti(tmp_path / "m.nii.gz", labels, GRID)
    found = whole(one(tmp_path / "m.nii.gz", tool))
    assert np.array_equal(found.labels, VERSE)
    assert found.source == tool


def test_numbers_without_names_are_refused_where_no_tool_is_named(tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii.gz", VERSE, GRID)
    assert "its numbers have no names" in sentence(one(tmp_path / "m.nii.gz"))
    assert "totalsegmentator, verse, spineps" in sentence(one(tmp_path / "m.nii.gz"))


def test_names_in_the_header_count(tmp_path: Path) -> None:
    path = with_label_table(tmp_path / "m.nii.gz", two_levels(3, 7), {3: "vertebrae_L1", 7: "vertebrae_L2", 9: "liver"})
    found = whole(one(path))
    assert np.array_equal(found.labels, VERSE)
    assert found.source == "label map with names of its own"


def test_names_that_contradict_the_named_tool_are_refused(tmp_path: Path) -> None:
    path = with_label_table(tmp_path / "m.nii.gz", two_levels(31, 30), {31: "vertebrae_L1", 30: "vertebrae_L2"})
    assert np.array_equal(whole(one(path, MaskTool.TOTALSEGMENTATOR)).labels, VERSE)
    assert "its own names say 30 is L2, the tool's numbers say no vertebra" in sentence(one(path, MaskTool.VERSE))


@pytest.mark.parametrize("number", [-1, 0, 256, 999])
def test_a_name_for_a_number_that_no_label_has_means_nothing(tmp_path: Path, number: int) -> None:
    write_nifti(tmp_path / "m.nii.gz", VERSE, GRID)
    names = {"L1": 20, "L2": 21, "T5": number}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": names}), encoding="utf-8")
    assert np.array_equal(whole(one(tmp_path / "m.nii.gz")).labels, VERSE)


def test_one_vertebra_under_two_numbers_or_files_is_refused(tmp_path: Path) -> None:
    """Otherwise the larger of two bodies would be measured under that name."""
    write_nifti(tmp_path / "m.nii.gz", VERSE, GRID)
    names = {"vertebrae_L1": 20, "L1": 21}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": names}), encoding="utf-8")
    assert "it names L1 twice" in sentence(one(tmp_path / "m.nii.gz"))
    files = []
    for name, level in (("vertebrae_L1", Level.L1), ("L1", Level.L2)):
        files.append(tmp_path / f"{name}.nii.gz")
        write_nifti(files[-1], (VERSE == level).astype(np.uint8), GRID)
    mask = MaskFiles(files=tuple(files), tool=MaskTool.NAMES, is_one_file_a_structure=True)
    assert "it names L1 twice" in sentence(mask)


@pytest.mark.parametrize("folder", [".", "labelsTr"])
def test_nnunets_names(tmp_path: Path, folder: str) -> None:
    """Beside predictions, or above the labels of a data set."""
    (tmp_path / folder).mkdir(exist_ok=True)
    path = tmp_path / folder / "case.nii.gz"
    write_nifti(path, two_levels(1, 2), GRID)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "L1": 1, "L2": 2}}))
    assert np.array_equal(whole(one(path)).labels, VERSE)


def test_names_above_any_other_folder_are_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    write_nifti(tmp_path / "masks" / "case.nii.gz", two_levels(1, 2), GRID)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "L1": 1, "L2": 2}}))
    assert "its numbers have no names" in sentence(one(tmp_path / "masks" / "case.nii.gz"))


def test_another_tools_numbers_hold_no_vertebra(tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii.gz", two_levels(1, 2), GRID)
    said = sentence(one(tmp_path / "m.nii.gz", MaskTool.TOTALSEGMENTATOR))
    assert "none of its numbers (1, 2) is a vertebra in the numbering of totalsegmentator" in said


def test_version_1_of_totalsegmentator_is_told_from_version_2(tmp_path: Path) -> None:
    """Version 1 counts upwards (24 T11, 25 T10, 27 T8); in version 2, label 24 is never below label 25."""
    labels = two_levels(27, 25)
    labels[5, 5, 0:2] = 24
    write_nifti(tmp_path / "m.nii.gz", labels, GRID)
    assert "TotalSegmentator version 1" in sentence(one(tmp_path / "m.nii.gz", MaskTool.TOTALSEGMENTATOR))
    labels[5, 5, 0:2], labels[0, 5, 18] = 0, 24  # a cyst of a kidney
    write_nifti(tmp_path / "m.nii.gz", labels, GRID)
    assert set(whole(one(tmp_path / "m.nii.gz", MaskTool.TOTALSEGMENTATOR)).boxes) == {Level.L5, Level.SACRUM}


def test_one_file_a_vertebra(tmp_path: Path) -> None:
    for level in (Level.L1, Level.L2):
        write_nifti(tmp_path / f"vertebrae_{level.name}.nii.gz", (VERSE == level).astype(np.uint8), GRID)
    files = tuple(sorted(tmp_path.iterdir()))
    assert np.array_equal(
        whole(MaskFiles(files=files, tool=MaskTool.NAMES, is_one_file_a_structure=True)).labels, VERSE
    )
    small = grid(spacing_mm=(2.0, 2.0, 2.0), extent_mm=(20.0, 20.0, 20.0))
    write_nifti(tmp_path / "vertebrae_L3.nii.gz", np.zeros(small.shape, np.uint8), small)
    said = sentence(
        MaskFiles(files=tuple(sorted(tmp_path.iterdir())), tool=MaskTool.NAMES, is_one_file_a_structure=True)
    )
    assert "do not lie on one grid" in said


def test_an_empty_mask_of_a_named_tool_is_no_fault(tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii.gz", np.zeros(GRID.shape, np.uint8), GRID)
    assert whole(one(tmp_path / "m.nii.gz", MaskTool.VERSE)).boxes == {}


@pytest.mark.parametrize("is_coded", [False, True])
def test_a_seg_by_label_or_code(tmp_path: Path, is_coded: bool) -> None:
    names = {**names_of(VERSE)} if is_coded else {20: "vertebrae_L1", 21: "L2 vertebra"}
    path = write_seg(tmp_path / "s.dcm", VERSE, GRID, names=names, is_coded=is_coded, frame_uid="1.5")
    found = whole(one(path))
    assert (found.source, found.frame_of_reference_uid) == ("DICOM SEG, Tool 7", "1.5")
    assert {level: int((found.labels == level).sum()) for level in found.boxes} == {Level.L1: 80, Level.L2: 80}


def test_a_segment_whose_words_contradict_is_refused(tmp_path: Path) -> None:
    from pydicom import dcmread

    path = write_seg(tmp_path / "s.dcm", VERSE, GRID, names=names_of(VERSE))
    dataset = dcmread(path)
    dataset.SegmentSequence[0].SegmentDescription = "Second lumbar vertebra"
    dataset.save_as(path)
    assert "a segment is named L1 and L2 at once" in sentence(one(path))


def test_a_disc_is_no_vertebra_whatever_its_label(tmp_path: Path) -> None:
    from pydicom import dcmread

    path = write_seg(tmp_path / "s.dcm", VERSE, GRID, names=names_of(VERSE))
    dataset = dcmread(path)
    dataset.SegmentSequence[0].SegmentDescription = "Intervertebral disc below L1"
    dataset.save_as(path)
    assert set(whole(one(path)).boxes) == {Level.L2}


def test_a_seg_without_vertebrae_is_refused(tmp_path: Path) -> None:
    path = write_seg(tmp_path / "s.dcm", VERSE, GRID, names={20: "liver", 21: "spleen"})
    assert "no segment of this SEG is named or coded as a vertebra" in sentence(one(path))


@pytest.mark.parametrize("content", [b"", b"no NIfTI"])
def test_a_damaged_file_is_refused_without_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "DOE_JANE.nii.gz").write_bytes(content)
    said = sentence(one(tmp_path / "DOE_JANE.nii.gz", MaskTool.VERSE))
    assert "expected a label map in NIfTI" in said
    assert "DOE" not in said


def test_an_image_is_no_mask(tmp_path: Path) -> None:
    write_nifti(tmp_path / "ct.nii.gz", np.linspace(-1000, 900, VERSE.size).reshape(GRID.shape).astype("f4"), GRID)
    assert "expected labels of 0-255 as whole numbers" in sentence(one(tmp_path / "ct.nii.gz", MaskTool.VERSE))


def test_totalsegmentators_own_output_for_a_real_ct() -> None:
    path = shared_data("labels", "totalseg_dicom.nii.gz")
    found = whole(one(path, MaskTool.TOTALSEGMENTATOR))
    assert set(found.boxes) == {Level.T11, Level.T12}
    raw, _ = read_nifti_labels(path)
    assert (found.labels == Level.T12).sum() == (raw == 32).sum() == 23576
