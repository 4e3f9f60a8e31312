"""Levels by name, by code and by the tools' published numbers; everything else is not a vertebra."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from osteo_core.segmentation.naming import (
    TABLES,
    MaskTool,
    disagreement,
    level_of_code,
    level_of_name,
    levels_of_names,
    names_in,
)
from osteo_core.settings import MASK_TOOLS
from osteo_core.terms import Level


def with_label_table(path: Path, labels: np.ndarray, names: dict[int, str], affine: np.ndarray | None = None) -> Path:
    """A NIfTI file with the header extension written by TotalSegmentator (nifti_ext_header.py of version 2.18)."""
    image = nibabel.Nifti1Image(labels, np.eye(4) if affine is None else affine)
    rows = "".join(
        f'<Label Key="{n}" Red="1.0" Green="0.0" Blue="0.0" Alpha="1"><![CDATA[{name}]]></Label>\n'
        for n, name in names.items()
    )
    xml = f'<?xml version="1.0"?> <CaretExtension><VolumeInformation Index="0"><LabelTable>{rows}</LabelTable>'
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, f"{xml}</VolumeInformation>".encode()))
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("vertebrae_L1", Level.L1),
        ("vertebrae_T12", Level.T12),
        ("L5", Level.L5),
        ("Th11", Level.T11),
        ("T13", Level.T13),
        ("vertebrae_L6", Level.L6),
        ("L1 vertebra", Level.L1),
        ("Vertebra L04", Level.L4),
        ("First lumbar vertebra", Level.L1),
        ("12th thoracic vertebra", Level.T12),
        ("thoracic vertebra 12", Level.T12),
        ("Structure of second lumbar vertebra (body structure)", Level.L2),
        ("L2 vertebral body", Level.L2),
        ("body_T12", Level.T12),
        ("sacrum", Level.SACRUM),
        ("vertebrae_S1", Level.SACRUM),
    ],
)
def test_a_vertebra_is_known_by_its_name(name: str, level: Level) -> None:
    assert level_of_name(name) is level


@pytest.mark.parametrize(
    "name",
    [
        "rib_left_12",
        "T1-2",
        "L1-L2",
        "disc_L1_L2",
        "Intervertebral disc L1",
        "liver",
        "lung",
        "C8",
        "L12",
        "T0",
        "l",
        "",
    ],
)
def test_what_is_no_vertebra_of_a_level_is_none(name: str) -> None:
    assert level_of_name(name) is None


def test_codes_are_those_of_the_standard() -> None:
    """Against pydicom's copy of the standard's codes."""
    from pydicom.sr.codedict import codes

    for level in (level for level in Level if level.name not in ("L6", "T13", "SACRUM", "COCCYX")):
        assert level_of_code(getattr(codes.SCT, f"{level.name}Vertebra").value) is level
    assert level_of_code("51282000") is None  # a vertebra without a level


def test_tables_against_published_numbers() -> None:
    """README of TotalSegmentator 2: vertebrae_L5 27, L1 31, T12 32, C1 50; VerSe 2020: T12 19, L1 20, L6 25, T13 28."""
    total, verse = TABLES[MaskTool.TOTALSEGMENTATOR], TABLES[MaskTool.VERSE]
    assert [total[n] for n in (25, 27, 31, 32, 43, 44, 50)] == [
        *(Level.SACRUM, Level.L5, Level.L1, Level.T12, Level.T1, Level.C7, Level.C1),
    ]
    assert [verse[n] for n in (1, 19, 20, 25, 28)] == [Level.C1, Level.T12, Level.L1, Level.L6, Level.T13]
    assert TABLES[MaskTool.SPINEPS] == verse
    assert set(total) == set(range(25, 51))
    assert tuple(MaskTool) == MASK_TOOLS


def test_names_are_read_from_totalsegmentators_header(tmp_path: Path) -> None:
    path = with_label_table(tmp_path / "m.nii.gz", np.zeros((2, 2, 2), np.uint8), {31: "vertebrae_L1", 5: "liver"})
    assert names_in(path) == {31: "vertebrae_L1", 5: "liver"}
    assert levels_of_names(names_in(path)) == {31: Level.L1}


@pytest.mark.parametrize("labels", [{"background": 0, "L1": 1, "L2": 2}, {"0": "background", "1": "L1", "2": "L2"}])
def test_names_are_read_from_nnunets_dataset_of_either_version(tmp_path: Path, labels: dict) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), tmp_path / "m.nii.gz")
    assert names_in(tmp_path / "m.nii.gz") == {}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert levels_of_names(names_in(tmp_path / "m.nii.gz")) == {1: Level.L1, 2: Level.L2}


def test_a_spoilt_dataset_names_nothing(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), tmp_path / "m.nii.gz")
    for text in ("{", "[]", '{"labels": 3}', '{"labels": {"L1": [1, 2]}}'):
        (tmp_path / "dataset.json").write_text(text)
        assert names_in(tmp_path / "m.nii.gz") == {}


def test_names_against_a_tools_numbers() -> None:
    table = TABLES[MaskTool.TOTALSEGMENTATOR]
    assert disagreement({31: Level.L1}, table, [31, 5]) == ""
    said = disagreement({22: Level.L1}, table, [22])  # TotalSegmentator version 1
    assert said == "its own names say 22 is L1, the tool's numbers say no vertebra"
    assert disagreement({26: Level.L6}, table, [27]) == ""  # named, but not in the mask
    assert "26 is L6, the tool's numbers say SACRUM" in disagreement({26: Level.L6}, table, [26])
