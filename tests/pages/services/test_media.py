"""Images of the viewer: made when asked, bounded on disk, and a missing source is a sentence."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from osteo_core.imaging.nifti import read_nifti_volume
from osteo_core.records import Volume
from osteo_core.terms import Sex
from pages.ui.services import media
from pages.ui.services.records import PatientView
from tests.builders.viewer_case import build_viewer_case


def view_of(files: tuple[Path, ...], *, mask_file: str = "") -> PatientView:
    words = {f.name: "" for f in dataclasses.fields(PatientView) if f.type == "str"}
    none = {f.name: None for f in dataclasses.fields(PatientView) if "None" in str(f.type)}
    empty = {f.name: () for f in dataclasses.fields(PatientView) if str(f.type).startswith("tuple")}
    given = {**words, **none, **empty, "series_key": "0123abcd", "mask_file": mask_file, "files": files}
    return PatientView(**given, is_simulated=True, is_flagged=False, sex=Sex.FEMALE, seconds=1.0)


def test_the_ct_is_made_once_from_its_source(tmp_path: Path) -> None:
    case = build_viewer_case(tmp_path)
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "mask.nii.gz").write_bytes(case.mask.read_bytes())
    images = media.find_images(folder, view_of((case.ct,), mask_file="mask.nii.gz"), limit_mb=100)
    assert (images.problem, images.mask) == ("", folder / "mask.nii.gz")
    assert images.ct == folder / "0123abcd_none_ct.nii.gz"
    source, shown = read_nifti_volume(case.ct), read_nifti_volume(images.ct)
    assert isinstance(source, Volume)
    assert isinstance(shown, Volume)
    assert shown.geometry.is_close(source.geometry)
    assert (shown.voxels_hu == source.voxels_hu).all()
    case.ct.unlink()
    assert media.find_images(folder, view_of((case.ct,)), limit_mb=100).ct == images.ct


def test_a_source_that_is_gone_is_told_without_its_path(tmp_path: Path) -> None:
    images = media.find_images(tmp_path, view_of((tmp_path / "MUELLER_ANNA.dcm",)), limit_mb=100)
    assert images.ct is None
    assert "1 of 1 source files are not where they were" in images.problem
    assert "MUELLER" not in images.problem


def test_a_source_that_cannot_be_read_gives_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"not an image")
    images = media.find_images(tmp_path, view_of((broken,)), limit_mb=100)
    assert images.ct is None
    assert images.problem.startswith("The CT cannot be shown: The files could not be read")


def test_a_scene_without_mask_says_so(tmp_path: Path) -> None:
    assert "needs the CT and its mask" in media.find_scene(tmp_path, view_of(())).problem


def test_pictures_opened_longest_ago_go_first_and_masks_stay(tmp_path: Path) -> None:
    for k, name in enumerate(("a_ct.nii.gz", "b_scene.html", "c_ct.nii.gz", "a_m_mask.nii.gz")):
        (tmp_path / name).write_bytes(bytes(600_000))
        os.utime(tmp_path / name, (1000 + k, 1000 + k))
    assert media.bound_media(tmp_path, limit_mb=1, keep=("c_ct.nii.gz",)) == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a_m_mask.nii.gz", "c_ct.nii.gz"]


@pytest.mark.parametrize("limit_mb", [3, 100])
def test_a_folder_within_its_limit_is_left_alone(tmp_path: Path, limit_mb: int) -> None:
    (tmp_path / "a_ct.nii.gz").write_bytes(bytes(600_000))
    assert media.bound_media(tmp_path, limit_mb=limit_mb) == 0
