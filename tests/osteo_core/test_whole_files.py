"""Files that exist completely or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from osteo_core.whole_files import HALF_WRITTEN, keep_from_others, write_bytes, write_text, writing


def test_what_is_written_appears_under_its_name_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lines.csv"
    write_text(path, "ä,1\r\n")
    assert path.read_bytes() == "ä,1\r\n".encode()
    write_bytes(path, b"\0\1")
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("lines.csv", b"\0\1")]


def test_an_error_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_text(path, "before")

    def fail() -> None:
        with writing(path) as temporary:
            temporary.write_text("half")
            assert path.read_text() == "before"
            assert list(tmp_path.glob(HALF_WRITTEN)) == [temporary]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("table.parquet", "before")]


@pytest.mark.parametrize(
    ("name", "suffix"), [("1.2.840_mask.nii.gz", ".nii.gz"), ("a.b.parquet", ".parquet"), ("note", "")]
)
def test_the_temporary_name_keeps_the_suffix_and_is_short(tmp_path: Path, name: str, suffix: str) -> None:
    with writing(tmp_path / ("x" * (255 - len(name)) + name)) as temporary:
        assert temporary.name.endswith(f".writing{suffix}")
        assert len(temporary.name) < 60
        temporary.touch()


@pytest.mark.parametrize(("number", "is_said"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_the_folder_is_brought_to_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_said: bool
) -> None:
    """Until then a power cut may undo the rename; a file system that cannot sync folders returns EINVAL."""
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        if synced[-1] == str(tmp_path):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=os.strerror(number)) if is_said else nullcontext():
        write_text(tmp_path / "note", "text")
    assert synced[-1] == str(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize(("own", "rights"), [(0o022, 0o640), (0o002, 0o660), (0o077, 0o600)])
def test_what_is_written_is_kept_from_others(tmp_path: Path, own: int, rights: int) -> None:
    before = os.umask(own)
    try:
        keep_from_others()
        write_text(tmp_path / "a.json", "a")
        (tmp_path / "b").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "b").stat().st_mode & 0o777 == rights
    assert (tmp_path / "a.json").stat().st_mode & 0o007 == 0
