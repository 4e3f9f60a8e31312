"""Uploads through Streamlit's own routes: by whom, how much at once, and how much may stay in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit import config
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.starlette import starlette_routes

from pages.ui.access import uploads
from pages.ui.access.doors import Doors
from pages.ui.access.uploads import Uploads
from tests.pages.access.conftest import with_sign_in

__all__ = ["with_sign_in"]

Cookies = Callable[..., dict[str, str]]
HOST = {"host": "bone.example"}
HALF = bytes(600_000)


@pytest.fixture
def files() -> MemoryUploadedFileManager:
    return MemoryUploadedFileManager("/_stcore/upload_file")


@pytest.fixture
def app(files: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    """An app that accepts archives of 1 MB and tables of 1,000 bytes."""
    monkeypatch.setenv("OSTEO_UPLOAD_LIMIT_MB", "1")
    monkeypatch.setattr(uploads, "MOST_TABLE_BYTES", 1000)
    monkeypatch.setattr(starlette_routes, "is_xsrf_enabled", lambda: False)
    routes = starlette_routes.create_upload_routes(Mock(is_active_session=lambda _: True), files, None)
    layers = [Middleware(Doors), Middleware(Uploads, uploaded=lambda: files.file_storage)]
    return Starlette(routes=routes, middleware=layers)


def send(app: Starlette, cookies: dict[str, str] | None, where: str, content: bytes) -> tuple[int, str]:
    client = TestClient(app, base_url="http://localhost:8501", client=("127.0.0.1", 50000), cookies=cookies)
    answer = client.put(f"/_stcore/upload_file/{where}", files={"file": ("a.zip", content)}, headers=HOST)
    return answer.status_code, answer.text


def test_who_is_not_signed_in_uploads_nothing(
    app: Starlette, files: MemoryUploadedFileManager, with_sign_in: Cookies
) -> None:
    assert send(app, None, "window/a", b"x")[0] == 401
    assert send(app, with_sign_in("reader"), "window/a", b"x")[0] == 403
    assert files.file_storage == {}


def test_an_archive_is_bounded_by_the_setting_and_of_who_may_not_index_by_what_a_table_may_be(
    app: Starlette, files: MemoryUploadedFileManager, with_sign_in: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(app, with_sign_in("administrator"), "window/a", bytes(1_200_000)) == (
        413,
        "an upload may have 1 MB at most",
    )
    assert send(app, with_sign_in("lead"), "window/a", HALF)[0] == 413
    assert send(app, with_sign_in("lead"), "window/a", bytes(900))[0] == 204
    monkeypatch.setenv("OSTEO_INDEX_FOLDERS", "")
    assert send(app, with_sign_in("administrator"), "window/b", HALF)[0] == 413
    assert [len(one) for one in files.file_storage.values()] == [1]


def test_what_lies_in_memory_counts_for_its_sign_in_over_all_its_windows(
    app: Starlette, files: MemoryUploadedFileManager, with_sign_in: Cookies
) -> None:
    anna, bert = (with_sign_in("administrator", sub=name) for name in ("anna", "bert"))
    assert send(app, anna, "one/a", HALF)[0] == 204
    status, words = send(app, anna, "two/b", HALF)
    assert (status, words[:36]) == (413, "your uploads may have 1 MB together;")
    assert send(app, bert, "three/c", HALF)[0] == 204
    files.remove_session_files("one")
    assert send(app, anna, "two/b", HALF)[0] == 204


def test_what_is_on_its_way_counts_too(with_sign_in: Cookies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTEO_UPLOAD_LIMIT_MB", "1")
    monkeypatch.setattr(uploads, "MOST_TABLE_BYTES", 1000)
    ((name, cookie),) = with_sign_in("administrator").items()
    headers = [(b"cookie", f"{name}={cookie}".encode()), (b"content-length", str(len(HALF)).encode())]
    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/window/a", "headers": headers}

    async def both() -> list[int]:
        statuses: list[int] = []
        begun, go = asyncio.Event(), asyncio.Event()

        async def slow(*_: Any) -> None:
            begun.set()
            await go.wait()

        async def answered(message: Any) -> None:
            statuses.append(message.get("status", 0))

        layer = Uploads(slow, uploaded=dict)
        first = asyncio.create_task(layer(scope, Mock(), answered))
        await begun.wait()
        await layer(scope, Mock(), answered)
        go.set()
        await first
        await layer(scope, Mock(), answered)
        return statuses

    with ThreadPoolExecutor(max_workers=1) as pool:  # other tests' browser has its loop in this thread
        statuses = pool.submit(asyncio.run, both()).result()
    assert [status for status in statuses if status] == [413]


def test_one_that_does_not_say_how_long_it_is_is_not_read(app: Starlette, with_sign_in: Cookies) -> None:
    def content() -> Iterator[bytes]:
        yield HALF

    cookies = with_sign_in("administrator")
    client = TestClient(app, base_url="http://localhost:8501", client=("127.0.0.1", 50000), cookies=cookies)
    assert client.put("/_stcore/upload_file/window/a", content=content(), headers=HOST).status_code == 411
    both = {**HOST, "content-length": "5", "transfer-encoding": "chunked"}  # servers use the chunks
    assert client.put("/_stcore/upload_file/window/a", content=content(), headers=both).status_code == 411


def test_streamlits_own_limit_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    before = config.get_option("server.maxUploadSize")
    try:
        for given, found in (("3000", 3000), ("1", 64)):
            monkeypatch.setenv("OSTEO_UPLOAD_LIMIT_MB", given)
            uploads.open_to_limit()
            assert config.get_option("server.maxUploadSize") == found
    finally:
        config.set_option("server.maxUploadSize", before)


def test_an_upload_that_is_kept_leaves_the_memory(
    files: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.add_file("window", Mock(file_id="a", data=HALF))
    here = SimpleNamespace(uploaded_file_mgr=files, session_id="window")
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: here)
    uploads.forget(Mock(file_id="a"))
    assert files.file_storage == {"window": {}}
