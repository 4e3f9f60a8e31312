"""Walking: each file once, loops end, nothing that blocks is opened, unchanged folders are not read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from osteo_core.dicom.walk import Known, walk
from osteo_core.errors import UsageError


def names(*paths: Path) -> list[str]:
    return [file.path.name for folder in walk(paths) for file in folder.files]


def test_every_file_once_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/9", "0"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert names(tmp_path) == ["0", "9", "1", "2"]
    assert names(tmp_path, tmp_path / "b", tmp_path / "b" / "1") == ["0", "9", "1", "2"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("x")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "b" / "again").symlink_to(tmp_path / "a" / "b" / "file")
    assert len(names(tmp_path)) == 1


def test_links_to_elsewhere_are_followed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "file").write_text("x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "store", target_is_directory=True)
    assert names(tmp_path / "in") == ["file"]


def test_pipes_and_dead_links_do_not_stop_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "file").write_text("x")
    (folder,) = walk([tmp_path])
    assert [f.path.name for f in folder.files] == ["file"]
    assert folder.unreachable == 2


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist; give"):
        list(walk([tmp_path / "missing"]))


def test_unchanged_means_all_known_by_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (folder,) = walk([tmp_path])
    (file,) = folder.files
    known = {str(file.path): Known(stamp=(file.size, file.mtime_ns))}
    assert folder.is_unchanged(known)
    assert not folder.is_unchanged({str(file.path): Known(stamp=(file.size + 1, file.mtime_ns))})
    assert not folder.is_unchanged({})
    (tmp_path / "second").write_text("y")
    assert not next(iter(walk([tmp_path]))).is_unchanged(known)


def test_what_is_to_be_passed_over_is_not_walked(tmp_path: Path) -> None:
    for name in ("masks/1", "ct/masks/2", "series.parquet", "ct/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    without = (tmp_path / "masks", tmp_path / "series.parquet", tmp_path / "not there")
    found = [file.path.name for folder in walk([tmp_path], without) for file in folder.files]
    assert found == ["3", "2"]
