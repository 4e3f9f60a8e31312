"""Downloads leave as they are; other answers may be compressed."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.ui.shared.downloads import PlainDownloads


async def text(_: Request) -> Response:
    return PlainTextResponse("series " * 1000)


def test_a_file_is_not_compressed_and_another_answer_is() -> None:
    routes = [Route("/media/cohort.csv", text), Route("/page", text)]
    app = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware)])
    client = TestClient(PlainDownloads(app))
    assert "content-encoding" not in client.get("/media/cohort.csv").headers
    assert client.get("/page").headers["content-encoding"] == "gzip"
