"""Downloads are kept until they are fetched and sent uncompressed; other answers may be compressed."""

from __future__ import annotations

import ast
import time
from unittest.mock import Mock

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import runtime
from streamlit.runtime import memory_media_file_storage
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from pages.ui.shared.downloads import KeptDownloads, PlainDownloads, keep_downloads
from pages.ui.shared.headers import SecurityHeaders
from tests.house.sources import ROOT


async def text(_: Request) -> Response:
    return PlainTextResponse("series " * 1000)


def test_a_file_is_not_compressed_and_another_answer_is() -> None:
    routes = [Route("/media/cohort.csv", text), Route("/page", text)]
    app = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware)])
    client = TestClient(PlainDownloads(app))
    assert "content-encoding" not in client.get("/media/cohort.csv").headers
    assert client.get("/page").headers["content-encoding"] == "gzip"


def test_a_file_stays_in_no_cache() -> None:
    async def cached(_: Request) -> Response:
        return PlainTextResponse("series", headers={"Cache-Control": "public"})

    app = Starlette(routes=[Route("/media/cohort.csv", cached), Route("/static/a.js", cached)])
    client = TestClient(SecurityHeaders(app))
    assert client.get("/media/cohort.csv").headers.get_list("cache-control") == ["no-store"]
    assert client.get("/media/none.csv").headers["cache-control"] == "no-store"
    assert client.get("/static/a.js").headers["cache-control"] == "public"


def ask(manager: MediaFileManager) -> str:
    """Click a button whose file is made on request; returns the file's address."""
    button = manager.add_deferred(lambda: b"n\n1\n", "text/csv", "1.0", "cohort.csv")
    return manager.execute_deferred(button).removeprefix("/media/")


def end_runs(manager: MediaFileManager, count: int) -> None:
    """End this many runs of other sessions."""
    for _ in range(count):
        manager.remove_orphaned_files()


def is_there(files: KeptDownloads, name: str) -> bool:
    try:
        files.get_file(name)
    except MediaFileStorageError:
        return False
    return True


def wait_until_gone(files: KeptDownloads, name: str) -> None:
    ends = time.monotonic() + 30
    while is_there(files, name):
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_download_outlives_other_peoples_runs() -> None:
    """Streamlit's own storage deletes it after the second run."""
    files = KeptDownloads("/media", kept_s=3600)
    manager = MediaFileManager(files)
    name = ask(manager)
    end_runs(manager, 20)
    assert files.get_file(name).content == b"n\n1\n"


def test_a_download_goes_after_its_time_and_a_picture_at_once() -> None:
    files = KeptDownloads("/media", kept_s=0.05)
    manager = MediaFileManager(files)
    picture = manager.add(b"png", "image/png", "1.1").removeprefix("/media/")
    name = ask(manager)
    manager.clear_session_refs()
    end_runs(manager, 2)
    assert not is_there(files, picture)
    wait_until_gone(files, name)
    assert not files._leaving


def test_a_download_asked_for_again_stays() -> None:
    files = KeptDownloads("/media", kept_s=0.05)
    manager = MediaFileManager(files)
    name = ask(manager)
    end_runs(manager, 2)
    held = files.load_and_get_id(b"n\n1\n", "text/csv", MediaFileKind.DOWNLOADABLE, "cohort.csv")
    assert name.startswith(held)
    time.sleep(0.2)
    assert is_there(files, name)


def test_the_running_app_keeps_downloads() -> None:
    """Streamlit detects ``st.App`` in app.py from its source and imports the storage by name: both must still work."""
    source = ast.parse((ROOT / "app.py").read_text(encoding="utf-8"))
    calls = [ast.unparse(node.func) for node in ast.walk(source) if isinstance(node, ast.Call)]
    assert calls.index("keep_downloads") < calls.index("st.App")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_media_file_storage, "MemoryMediaFileStorage", MemoryMediaFileStorage)
        keep_downloads()
        patch.setattr(runtime, "Runtime", Mock())
        st.App(ROOT / "app.py")._create_runtime()
        (config,), _ = runtime.Runtime.call_args
    assert isinstance(config.media_file_storage, KeptDownloads)
