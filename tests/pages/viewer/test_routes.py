"""The addresses beside the pages: pieces for everybody, images only behind a signature."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from pages.ui.viewer import routes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server said."""

    status_code: int
    content: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return self.content.decode()


Client = Callable[[str], Answer]


def ask(address: str) -> Answer:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return _answer(answer.status, answer)
    except urllib.error.HTTPError as refused:
        return _answer(refused.code, refused)


def _answer(code: int, answer: object) -> Answer:
    headers = {name.lower(): value for name, value in answer.headers.items()}  # type: ignore[attr-defined]
    return Answer(status_code=code, content=answer.read(), headers=headers)  # type: ignore[attr-defined]


@pytest.fixture
def get(tmp_path: Path) -> Iterator[Client]:
    """A server with one CT, one secret beside it, and one front-end piece."""
    media = tmp_path / "store" / "media"
    media.mkdir(parents=True)
    (media / "0123abcd_ct.nii.gz").write_bytes(b"volume")
    (media / "0123abcd_scene.html").write_text("<p>scene</p>")
    (media / "notes.txt").write_text("secret")
    (tmp_path / "store" / "osteo.duckdb").write_text("secret")
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "require.js").write_text("// require")
    app = Starlette(routes=list(routes.build_routes(lambda: media, assets=assets)))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield lambda path: ask(f"http://127.0.0.1:{port}{path}")
    server.should_exit = True
    thread.join(timeout=10)


def test_an_image_needs_its_signature(get: Client) -> None:
    assert get("/api/media/0123abcd_ct.nii.gz").status_code == 403
    answer = get(routes.media_address(Path("0123abcd_ct.nii.gz")))
    assert (answer.status_code, answer.content) == (200, b"volume")
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["content-type"] == "application/gzip"


def test_a_scene_is_a_page(get: Client) -> None:
    answer = get(routes.media_address(Path("0123abcd_scene.html")))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("name", ["notes.txt", "ffff_ct.nii.gz", "..%2Fosteo.duckdb"])
def test_a_signature_opens_nothing_but_images_that_are_there(get: Client, name: str) -> None:
    address = routes.media_address(Path(name))
    assert get(address).status_code in (403, 404)
    assert "secret" not in get(address).text


def test_pieces_are_kept_for_ever_under_their_hash(get: Client) -> None:
    answer = get(routes.asset_address("require.js"))
    assert (answer.status_code, answer.text) == (200, "// require")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


def test_an_unknown_or_missing_piece_says_what_to_run(get: Client) -> None:
    for name in ("niivue.js", "secret.js"):
        answer = get(f"/api/asset/{name}")
        assert answer.status_code == 404
        assert "python -m pages.ui.viewer.fetch" in answer.text


def test_the_notebook_extension_of_itkwidgets_is_served_from_both_places(get: Client) -> None:
    for place in ("/api/nb/itkwidgets/index.js", "/api/nb/nbextensions/itkwidgets/index.js"):
        answer = get(place)
        assert answer.status_code == 200
        assert "javascript" in answer.headers["content-type"]
