"""The app's page contains the frame's style from the start; other answers are unchanged."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.ui.shared.first_paint import FirstPaint

PAGE = "<html><head><title>Streamlit</title></head><body>é</body></html>"


async def page(request: Request) -> Response:
    if request.headers.get("if-none-match"):
        return Response(status_code=304)
    return HTMLResponse(PAGE, headers={"etag": "abc"})


async def plain(request: Request) -> Response:
    return PlainTextResponse("</head>")


def client() -> TestClient:
    routes = [Route("/", page), Route("/plain", plain)]
    return TestClient(FirstPaint(Starlette(routes=routes)))


def test_the_page_has_the_style_and_the_usual_pieces_in_its_head() -> None:
    answer = client().get("/", headers={"accept": "text/html"})
    head = answer.text.split("</head>")[0]
    assert "stMainBlockContainer" in head
    assert "modulepreload" in head
    assert "PageLink." in head
    assert "MaterialSymbols-Rounded." in head
    assert answer.text.endswith("</head><body>é</body></html>")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "etag" not in answer.headers, "Streamlit's own tag would outlive a change of the style"


def test_a_browser_that_has_the_page_gets_it_anew_and_other_answers_pass() -> None:
    again = client().get("/", headers={"accept": "text/html", "if-none-match": "abc"})
    assert again.status_code == 200
    assert client().get("/", headers={"accept": "*/*"}).text == PAGE
    assert client().get("/plain", headers={"accept": "text/html"}).text == "</head>"
