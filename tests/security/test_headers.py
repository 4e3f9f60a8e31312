"""Every answer of the server carries the security headers: pages, static files, own routes, errors, the socket."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from pages.ui.shared.headers import HEADERS
from tests.browser.server import Server, start_server, stop_server

PATHS = (
    "/",
    "/worklist",
    "/favicon.png",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/stream",
    "/media/none.png",
    "/component/none/index.html",
    "/api/reader/none/screen.js",
    "/api/picture/none",
    "/api/media/none.nii.gz",
    "/api/asset/niivue.js",
    "/api/review/token/save",
    "/nowhere/at/all",
    "/..%2f..%2fetc/passwd",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start_server(tmp_path_factory.mktemp("empty"))
    yield running
    stop_server(running)


def answer(
    server: Server, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.request(method, path, headers=headers or {})
    found = connection.getresponse()
    found.read()
    connection.close()
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_every_header(server: Server, path: str, method: str) -> None:
    found = answer(server, path, method=method)
    assert {name: found.headers.get_all(name) for name in HEADERS} == {name: [value] for name, value in HEADERS.items()}


def test_the_policy_names_no_foreign_host_and_allows_no_script_within_text() -> None:
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert "http" not in HEADERS["Content-Security-Policy"]
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert "sha256-" in policy["script-src"]
