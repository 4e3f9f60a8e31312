"""Files that exist completely or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from osteo_core.whole_files import (
    HALF_WRITTEN,
    _remove_remains,
    keep_from_others,
    private_folder,
    write_bytes,
    write_text,
    writing,
)
from tests.house.sources import ROOT


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


def test_a_private_folder_goes_with_its_process_or_with_the_next_one_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is killed left a copy of a patient's file in the system's temporary folder for good."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    holds = (
        "import sys, time; from osteo_core.whole_files import private_folder\n"
        "with private_folder() as folder:\n"
        "    (folder / 'a.dcm').touch(); print(folder, flush=True); time.sleep(60)"
    )
    made = [
        subprocess.Popen([sys.executable, "-c", holds], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    dead, young, alive = (Path(one.stdout.readline().strip()) for one in made if one.stdout)
    for killed in made[:2]:
        killed.kill()
        killed.wait()
    foreign = tmp_path / "another.dcm"
    foreign.touch()
    long_ago = time.time() - 3600
    for folder in (dead, alive):
        os.utime(folder, (long_ago, long_ago))
    _remove_remains.cache_clear()
    with private_folder() as own:
        assert own.stat().st_mode & 0o777 == 0o700
        assert sorted(tmp_path.iterdir()) == sorted([young, alive, foreign, own])
        assert (alive / "a.dcm").exists()
    assert not own.exists()
    made[2].kill()
    made[2].wait()
