"""An address in another person's hands opens nothing: pictures, targets of the reader's screen, files to download."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from streamlit.runtime import memory_media_file_storage, runtime
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.web.server.starlette.starlette_routes import create_media_routes

from pages.ui.access import users
from pages.ui.access.doors import Doors
from pages.ui.access.users import claims_of_cookies, end_login, user_of_cookies
from pages.ui.services import review_case
from pages.ui.shared import downloads
from pages.ui.shared.downloads import KeptDownloads, OwnButtons, PlainDownloads
from pages.ui.viewer import review_routes
from tests.pages.access.conftest import SIGN_IN, with_sign_in

__all__ = ["with_sign_in"]

Cookies = Callable[..., dict[str, str]]
HOST = {"host": "bone.example"}


class Site:
    """A server with its own files; a file is made when the socket requests one, as by a click on a button."""

    def __init__(self) -> None:
        self.files = KeptDownloads("/media")
        self.manager = OwnButtons(self.files)
        routes = [
            *review_routes.review_routes(),
            WebSocketRoute("/_stcore/stream", self._stream),
            *create_media_routes(self.files, None),
        ]
        self.app = Starlette(routes=routes, middleware=[Middleware(Doors), Middleware(PlainDownloads)])

    async def _stream(self, socket: WebSocket) -> None:
        """As in Streamlit: in a task of the socket, on another thread."""
        await socket.accept()
        button = socket.query_params.get("button") or self.button()
        made = asyncio.create_task(asyncio.to_thread(self.manager.execute_deferred, button))
        await socket.send_text(await made)
        await socket.close()

    def button(self) -> str:
        """The identifier of a button for a file that is made on request."""
        return self.manager.add_deferred(lambda: b"n\n1\n", "text/csv", "1.0", "cohort.csv")

    def client(self, cookies: dict[str, str] | None = None) -> TestClient:
        return TestClient(self.app, base_url="http://localhost:8501", client=("127.0.0.1", 50000), cookies=cookies)

    def download(self, cookies: dict[str, str] | None = None, *, button: str = "") -> str:
        """The address of a file made on request, by a new button or the one given."""
        with self.client(cookies).websocket_connect(f"/_stcore/stream?button={button}", headers=HOST) as socket:
            return socket.receive_text()


@pytest.fixture
def site() -> Site:
    return Site()


def here(monkeypatch: pytest.MonkeyPatch, cookies: dict[str, str]) -> None:
    """Run as a page's script for the person with these cookies."""
    for module in (review_routes, downloads):
        monkeypatch.setattr(module, "current_user", lambda: user_of_cookies(cookies))


def test_a_picture_is_for_the_person_whose_page_asked(
    site: Site, with_sign_in: Cookies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0a_0b_lines.json").write_bytes(b"{}")
    monkeypatch.setattr(review_case, "pictures_dir", lambda: tmp_path)
    anna, bert = with_sign_in("reader", sub="anna"), with_sign_in("reader", sub="bert")
    here(monkeypatch, anna)
    address = review_routes.picture_address(tmp_path / "0a_0b_lines.json")
    again = with_sign_in("reader", sub="anna", nonce="another")
    answers = {
        name: site.client(c).get(address, headers=HOST).status_code
        for name, c in {"anna": anna, "anna again": again, "bert": bert, "nobody": None}.items()
    }
    assert answers == {"anna": 200, "anna again": 200, "bert": 403, "nobody": 401}


def test_a_file_made_on_request_is_for_who_asked(site: Site, with_sign_in: Cookies) -> None:
    anna, bert = with_sign_in("lead", sub="anna"), with_sign_in("lead", sub="bert")
    address = site.download(anna)
    assert site.client(anna).get(address, headers=HOST).text == "n\n1\n"
    assert site.client(bert).get(address, headers=HOST).status_code == 404
    assert site.client().get(address, headers=HOST).status_code == 401
    assert site.download(bert) == address  # the same content, requested by both
    assert site.client(bert).get(address, headers=HOST).text == "n\n1\n"


def test_a_button_is_for_who_has_it_on_a_page_and_as_long_as_their_sign_in_lasts(
    site: Site, with_sign_in: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = with_sign_in("lead", sub="anna"), with_sign_in("researcher", sub="bert")
    with monkeypatch.context() as script:
        script.setattr(downloads, "current_user", lambda: user_of_cookies(anna))
        claims = claims_of_cookies(anna, SIGN_IN.cookie_secret)
        script.setattr(users.st, "user", SimpleNamespace(to_dict=lambda: claims))
        button = site.button()
    assert site.download(anna, button=button).endswith(".csv")
    for cookies in (bert, None):
        with pytest.raises(MediaFileStorageError, match="made for another person"):
            site.download(cookies, button=button)
    end_login(anna)
    again = with_sign_in("lead", sub="anna", nonce="another")
    with pytest.raises(MediaFileStorageError, match="run out"):
        site.download(again, button=button)


def test_the_app_uses_these_files_and_buttons(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((memory_media_file_storage, "MemoryMediaFileStorage"), (runtime, "MediaFileManager")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back afterwards
    downloads.keep_downloads()
    assert runtime.Runtime.__init__.__globals__["MediaFileManager"] is OwnButtons


def test_a_file_that_a_page_shows_is_for_who_sees_the_page(
    site: Site, with_sign_in: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, bert = with_sign_in("lead", sub="anna"), with_sign_in("lead", sub="bert")
    here(monkeypatch, anna)
    address = site.manager.add(b"png", "image/png", "1.1")
    answers = [site.client(cookies).get(address, headers=HOST).status_code for cookies in (anna, bert)]
    assert answers == [200, 404]
    site.manager.clear_session_refs()
    site.manager.remove_orphaned_files()
    assert site.files._subjects == {}


def test_without_a_sign_in_the_one_local_user_has_them_all(site: Site) -> None:
    local = site.client()
    assert local.get(site.manager.add(b"png", "image/png", "1.1")).content == b"png"
    with local.websocket_connect("/_stcore/stream", headers={"host": "localhost:8501"}) as socket:
        assert local.get(socket.receive_text()).text == "n\n1\n"
