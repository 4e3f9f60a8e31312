"""Every address of ours: refused without its signature, with an expired or changed one, and from another page."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from pages.ui.services import review_case
from pages.ui.shared.headers import HEADERS, SecurityHeaders, answer_fault
from pages.ui.viewer import review_routes, signing

SECRET = b"secret of the store"
#: Each signed address as the function that makes it, and its method.
SIGNED = {
    "picture": ("GET", lambda: review_routes.picture_address(Path("0a_0b_ct.nii.gz"))),
    "save": ("POST", lambda: review_routes.review_address("token", "save")),
    "measure": ("POST", lambda: review_routes.review_address("token", "measure")),
    "sign": ("POST", lambda: review_routes.review_address("token", "sign")),
}


async def _fail(_: Any) -> None:
    raise RuntimeError(f"Zzmarkname in {SECRET!r}")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0a_0b_ct.nii.gz").write_bytes(SECRET)
    monkeypatch.setattr(review_case, "pictures_dir", lambda: tmp_path / "pictures")
    own = [*review_routes.review_routes(), Route("/fails", _fail)]
    return Starlette(routes=own, middleware=[Middleware(SecurityHeaders)], exception_handlers={Exception: answer_fault})


def ask(
    app: Starlette, address: str, *, method: str = "GET", body: bytes = b"{}", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request, without a network."""
    split = urlsplit(address)
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": split.path,
        "raw_path": split.path.encode(),
        "query_string": split.query.encode(errors="replace"),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
    }

    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not given:
            await asyncio.Event().wait()  # the other end stays connected
        return given.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        try:
            await app(scope, receive, send)
        except RuntimeError:
            pass  # Starlette raises again after answering, for the server's log

    asyncio.run(call())
    start = sent[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(one.get("body", b"") for one in sent[1:])


def changed(address: str, **parts: str) -> str:
    split = urlsplit(address)
    return f"{split.path}?{urlencode(dict(parse_qsl(split.query)) | parts)}"


@pytest.mark.parametrize("name", SIGNED)
def test_a_sound_signature_opens_its_address(served: Starlette, name: str) -> None:
    method, address = SIGNED[name]
    status, headers, body = ask(served, address(), method=method)
    assert status == (200 if method == "GET" else 409)  # nobody has a read open under that token
    assert (SECRET in body) == (method == "GET")
    if method == "GET":
        assert headers["cache-control"] == "no-store", "no browser keeps a patient's CT on its disk"
    assert {key.lower(): value for key, value in HEADERS.items()}.items() <= headers.items()


def test_a_picture_that_leads_elsewhere_is_none(served: Starlette, tmp_path: Path) -> None:
    picture = tmp_path / "pictures" / "0a_0b_ct.nii.gz"
    picture.rename(tmp_path / "secrets.toml")
    picture.symlink_to(tmp_path / "secrets.toml")
    status, _, body = ask(served, SIGNED["picture"][1]())
    assert status == 404
    assert SECRET not in body


@pytest.mark.parametrize("name", SIGNED)
def test_no_other_signature_does(served: Starlette, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method, address = SIGNED[name]
    sound = address()
    expiry = dict(parse_qsl(urlsplit(sound).query))["exp"]
    signature = dict(parse_qsl(urlsplit(sound).query))["sig"]
    other = next(make() for key, (_, make) in SIGNED.items() if key != name)
    wrong = {
        "none": urlsplit(sound).path,
        "later": changed(sound, exp=str(int(expiry) + 900)),
        "no number": changed(sound, exp="9e99"),
        "cut": changed(sound, sig=signature[:-1]),
        "another letter": changed(sound, sig=("0" if signature[0] != "0" else "1") + signature[1:]),
        "empty": changed(sound, sig=""),
        "no ASCII": changed(sound, sig="ß" * 64),
        "of another address": changed(sound, sig=dict(parse_qsl(urlsplit(other).query))["sig"]),
        "path within": sound.replace(urlsplit(sound).path, urlsplit(sound).path + "/."),
        "upper case": changed(sound, sig=signature.upper()) if signature.upper() != signature else urlsplit(sound).path,
    }
    for what, asked in wrong.items():
        status, _, body = ask(served, asked, method=method)
        assert status in (403, 404), what
        assert SECRET not in body, what
    monkeypatch.setattr(signing.time, "time", lambda: float(expiry) + 1)
    monkeypatch.setitem(signing.is_valid.__kwdefaults__, "clock", lambda: float(expiry) + 1)
    assert ask(served, sound, method=method)[0] == 403, "after it has run out"


@pytest.mark.parametrize("name", ["measure", "sign"])
def test_decisions_are_short(served: Starlette, name: str) -> None:
    """What is signed stays for ever, on every page that shows the read."""
    method, address = SIGNED[name]
    sent = json.dumps({"words": "a" * 2**16}).encode()
    status, _, body = ask(served, address(), method=method, body=sent)
    assert (status, json.loads(body)["problem"][:38]) == (409, "decisions may have 64 KiB at most; sho")


@pytest.mark.parametrize("sent", [b'{"words": "\\ud800"}', b'{"\\udfff": 1}', b"[" * 60_000, b"\xff", b"null"])
def test_what_is_no_object_of_texts_is_refused(served: Starlette, sent: bytes) -> None:
    method, address = SIGNED["sign"]
    status, _, body = ask(served, address(), method=method, body=sent)
    assert (status, json.loads(body)["problem"]) == (409, "expected a JSON object; reload the page")


@pytest.mark.parametrize("name", SIGNED)
def test_no_answer_may_be_read_from_another_page(served: Starlette, name: str) -> None:
    """A foreign page may send a request, but no header lets it read the answer, whatever origin it states."""
    method, address = SIGNED[name]
    for origin in ("http://foreign.example", "null", "http://localhost:1"):
        _, headers, _ = ask(served, address(), method=method, origin=origin, host="foreign.example")
        assert not [key for key in headers if key.startswith("access-control")]
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_an_unforeseen_error_says_nothing_of_what_it_met(served: Starlette) -> None:
    status, headers, body = ask(served, "/fails")
    assert (status, headers["x-frame-options"]) == (500, "DENY")
    assert b"Zzmark" not in body
    assert SECRET not in body
