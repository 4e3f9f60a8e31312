"""Programs of others: they end in time, with what they started, and garbage is no result."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from models.given_masks import totalsegmentator
from osteo_core.errors import PictureError
from osteo_core.records import Geometry, Volume
from pages.ui.services import chromium


def script(folder: Path, body: str) -> Path:
    file = folder / "program"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return file


def is_gone(pid_file: Path) -> bool:
    """Whether the process whose id the file states has ended."""
    pid = int(pid_file.read_text())
    for _ in range(50):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return True
        time.sleep(0.1)
    os.kill(pid, 9)
    return False


@pytest.mark.parametrize("waits", ["wait", "exit 0"], ids=["hangs", "ends"])
def test_nothing_that_a_browser_started_outlives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: str
) -> None:
    file = script(tmp_path, f"sleep 60 >/dev/null 2>&1 & echo $! > {tmp_path}/pid; {waits}")
    monkeypatch.setenv("BROWSER_PATH", str(file))
    monkeypatch.setattr(chromium, "_PRINT_S", 1)
    with pytest.raises(PictureError, match="HTML report"):
        chromium.print_pdf(b"<p>report</p>")
    assert is_gone(tmp_path / "pid")


@pytest.mark.parametrize("written", ["garbage", "%PDF-1.4 cut off"])
def test_what_is_no_whole_pdf_is_not_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    body = f'for a; do case "$a" in --print-to-pdf=*) printf "{written.replace("%", "%%")}" > "${{a#*=}}";; esac; done'
    monkeypatch.setenv("BROWSER_PATH", str(script(tmp_path, body)))
    with pytest.raises(PictureError, match="ended without a PDF"):
        chromium.print_pdf(b"<p>report</p>")


def test_an_engine_that_hangs_is_ended_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totalsegmentator.sys, "executable", str(script(tmp_path, "sleep 20")))
    monkeypatch.setattr(totalsegmentator, "_LONGEST_S", 1.0, raising=False)
    volume = Volume(voxels_hu=np.zeros((4, 4, 4), np.int16), geometry=Geometry(shape=(4, 4, 4), affine_lps=np.eye(4)))
    with pytest.raises(RuntimeError, match="gave no mask in"):
        totalsegmentator._outlined(volume)


def test_a_program_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "program"
    file.write_text("no program")
    monkeypatch.setenv("BROWSER_PATH", str(file))
    with pytest.raises(PictureError, match="PermissionError"):
        chromium.print_pdf(b"<p>report</p>")
