"""A .zip uploaded on Home: stored by its content and indexed; an unreadable or interrupted one leaves nothing."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from osteo_core.errors import UsageError
from pages.ui import services
from pages.ui.services import indexing, running_app
from tests.builders.series import write_series
from tests.builders.store import build_store

ZIP = "application/zip"
OpenPage = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return build_store(tmp_path, [])


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    built = write_series(tmp_path / "ct")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in built.files:
            zipped.write(file, f"CT/{file.name}")
    return content.getvalue()


def upload(app: AppTest, content: bytes) -> AppTest:
    app.file_uploader[0].set_value(("Muster, Max.zip", content, ZIP)).run()
    return app.button(key="index-upload-start").click().run()


def kept(store: Path) -> list[Path]:
    return sorted((store / indexing.INCOMING).glob("*"))


def test_an_upload_is_kept_once_and_indexed(store: Path, packed: bytes, open_page: OpenPage) -> None:
    app = open_page(store)
    upload(app, packed)
    assert not app.exception
    (path,) = kept(store)
    assert path.read_bytes() == packed
    assert "Muster" not in path.name, "a file name may hold a patient's"
    until = time.monotonic() + 120
    while services.cohort_numbers(seen_by=None).series == 0 and time.monotonic() < until:
        time.sleep(0.5)
    assert services.cohort_numbers(seen_by=None).series == 1
    run = running_app.last_run()
    assert run is not None
    while run.is_running and time.monotonic() < until:
        time.sleep(0.2)
    upload(app.run(), packed)
    assert kept(store) == [path]


@pytest.mark.parametrize("content", [b"", b"PK no archive", b"PK\x05\x06" + bytes(18)])
def test_what_cannot_be_read_is_refused_and_not_kept(store: Path, content: bytes, open_page: OpenPage) -> None:
    app = upload(open_page(store), content)
    assert "archive" in app.toast[0].value
    assert kept(store) == []
    assert not services.running_command()


def test_a_zip_cut_short_is_refused_and_not_kept(store: Path, packed: bytes, open_page: OpenPage) -> None:
    app = upload(open_page(store), packed[: len(packed) // 2])
    assert "damaged archive" in app.toast[0].value
    assert kept(store) == []


def test_one_that_is_too_large_is_refused(
    store: Path, packed: bytes, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTEO_UPLOAD_LIMIT_MB", "1")
    open_page(store)
    with pytest.raises(UsageError, match="may have 1 MB"):
        services.start_upload(io.BytesIO(packed + bytes(2 * 10**6)))
    assert kept(store) == []


def test_switched_off_there_is_no_field(store: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTEO_INDEX_FOLDERS", "")
    app = open_page(store)
    assert not app.file_uploader
    with pytest.raises(UsageError, match="switched off"):
        services.start_upload(io.BytesIO(b"x"))
    assert kept(store) == []


class Broken(io.BytesIO):
    """An upload whose reading fails in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 0:
            raise OSError(5, "Input/output error")
        return super().read(100)


def test_one_that_breaks_off_leaves_nothing(store: Path, packed: bytes, open_page: OpenPage) -> None:
    open_page(store)
    with pytest.raises(UsageError, match="cannot be kept"):
        services.start_upload(Broken(packed))
    assert kept(store) == []


def test_what_a_killed_dashboard_left_half_written_goes(store: Path, packed: bytes, open_page: OpenPage) -> None:
    folder = store / indexing.INCOMING
    folder.mkdir()
    old, young = folder / ".a.writing.zip", folder / ".b.writing.zip"
    for half, age_s in ((old, 7200.0), (young, 10.0)):
        half.write_bytes(packed[:100])
        os.utime(half, (time.time() - age_s,) * 2)
    upload(open_page(store), b"PK no archive")
    assert kept(store) == [young]
