"""Files of the reader's screen: made once from their source, limited on disk; a missing source gives a sentence."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import read_nifti_labels, read_nifti_volume
from osteo_core.records import Volume
from osteo_core.review import pictures
from osteo_core.terms import Sex
from pages.ui.services import review_files
from pages.ui.services.records import PatientView
from tests.builders.viewer_case import build_viewer_case


def view_of(files: tuple[Path, ...], key: str = "0123abcd") -> PatientView:
    words = {f.name: "" for f in dataclasses.fields(PatientView) if f.type == "str"}
    none = {f.name: None for f in dataclasses.fields(PatientView) if "None" in str(f.type)}
    empty = {f.name: () for f in dataclasses.fields(PatientView) if str(f.type).startswith("tuple")}
    given = {**words, **none, **empty, "series_key": key, "model_hash": "0" * 12, "files": files}
    return PatientView(**given, is_simulated=True, is_flagged=False, sex=Sex.FEMALE, seconds=1.0)


def test_the_files_are_made_from_the_source_and_hold_its_voxels(tmp_path: Path) -> None:
    case, folder = build_viewer_case(tmp_path), tmp_path / "pictures"
    ct = review_files.ensure(folder, view_of((case.ct,)), mask=case.mask, kind=pictures.CT)
    source, shown = read_nifti_volume(case.ct), read_nifti_volume(ct)
    assert isinstance(source, Volume)
    assert isinstance(shown, Volume)
    at = np.rint(source.geometry.to_index(shown.geometry.to_world_mm(np.zeros(3)))).astype(int)
    nx, ny, nz = shown.geometry.shape
    cut = source.voxels_hu[at[0] : at[0] + nx, at[1] : at[1] + ny, at[2] : at[2] + nz]
    assert np.array_equal(cut, shown.voxels_hu)
    for kind in pictures.KINDS:
        assert review_files.ensure(folder, view_of((case.ct,)), mask=case.mask, kind=kind).is_file()
    roi, _ = read_nifti_labels(folder / f"0123abcd_{'0' * 12}{pictures.ROI}")
    labels, _ = read_nifti_labels(folder / f"0123abcd_{'0' * 12}{pictures.MASK}")
    assert set(np.unique(roi)) == set(np.unique(labels))
    assert (labels[roi > 0] == roi[roi > 0]).all()


def test_a_source_that_is_gone_or_damaged_is_a_sentence_without_its_path(tmp_path: Path) -> None:
    gone = view_of((tmp_path / "MUELLER_ANNA.dcm",))
    with pytest.raises(UsageError, match="1 of 1 source files are not where they were") as refused:
        review_files.ensure(tmp_path / "p", gone, mask=None, kind=pictures.CT)
    assert "MUELLER" not in str(refused.value)
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"not an image")
    with pytest.raises(UsageError, match="The files could not be read"):
        review_files.ensure(tmp_path / "p", view_of((broken,), "1234bcde"), mask=None, kind=pictures.CT)


def test_files_opened_longest_ago_go_first_and_those_on_the_screen_stay(tmp_path: Path) -> None:
    for k, name in enumerate(("a_ct.nii.gz", "b_mesh.bin", "c_ct.nii.gz")):
        (tmp_path / name).write_bytes(bytes(600_000))
        os.utime(tmp_path / name, (1000 + k, 1000 + k))
    assert pictures.bound(tmp_path, limit_mb=1, keep="a_") == 2
    assert [file.name for file in tmp_path.iterdir()] == ["a_ct.nii.gz"]
    assert pictures.bound(tmp_path, limit_mb=1) == 0
    assert pictures.bound(tmp_path / "none", limit_mb=1) == 0


def test_processes_that_have_ended_leave_no_open_pipe_behind(tmp_path: Path) -> None:
    def begin(number: int) -> None:
        stem = f"{number}_0"
        review_files.begin_derived(tmp_path, stem, of="1_none")
        with pytest.raises(UsageError, match="the CT cannot be shown"):
            review_files.wait_for(tmp_path / f"{stem}{pictures.ROI}", stem)

    begin(0)
    before = len(os.listdir("/proc/self/fd"))
    for number in (1, 2, 3):
        begin(number)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_that_hangs_is_replaced_at_a_later_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(review_files.sys, "executable", str(program))
    monkeypatch.setattr(review_files, "_making", {})
    monkeypatch.setattr(review_files, "_started", {}, raising=False)
    review_files._start("stem", {})
    hung = review_files._making["stem"]
    try:
        review_files._start("stem", {})
        assert review_files._making["stem"] is hung
        monkeypatch.setattr(review_files, "_HANGS_S", 0.0, raising=False)
        review_files._start("stem", {})
        assert hung.wait(10) == -9
    finally:
        review_files._making["stem"].kill()
        review_files._making.pop("stem").wait()
