"""What the browser gets before the first script run: the frame's style and the chunks that every page needs.

Streamlit's own page contains neither, so the layout would shift when they arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STYLE = (Path(__file__).parent / "frame.css").read_text(encoding="utf-8")
_STATIC = Path(streamlit.__file__).parent / "static"
#: Streamlit's chunks of most pages, by the beginning of their file name; loaded at once instead of one after another.
_PIECES = ("PageLink", "StreamlitMarkdown", "Button", "BidiComponent", "Metric", "ButtonGroup", "Html", "Tooltip")
_END = b"</head>"
#: Headers about Streamlit's own file, which differs from what is sent here.
_ASKED = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
_SAID = (b"content-length", b"etag", b"last-modified", b"accept-ranges")


def piece_addresses(names: Iterable[str]) -> list[str]:
    """Addresses of chunks of Streamlit's own script, by the beginnings of their file names."""
    found = (path for name in names for path in sorted((_STATIC / "static" / "js").glob(f"{name}.*.js")))
    return [f"/static/js/{path.name}" for path in found]


def _head() -> bytes:
    links = [f'<link rel="modulepreload" crossorigin href=".{address}">' for address in piece_addresses(_PIECES)]
    links += [
        f'<link rel="preload" as="font" type="font/woff2" crossorigin href="./static/media/{path.name}">'
        for path in sorted((_STATIC / "static" / "media").glob("MaterialSymbols-Rounded.*.woff2"))
    ]
    return "".join([*links, f"<style>{_STYLE}</style>"]).encode()


class FirstPaint:
    """Adds them to the head of the app's page; every other answer passes unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._head = _head()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        accepted = dict(scope.get("headers", ())).get(b"accept", b"")
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in accepted:
            await self._app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name not in _ASKED]
        await self._app({**scope, "headers": plain}, receive, _Adding(send, self._head).send)


class _Adding:
    """Forwards an answer; an HTML page gets the head added."""

    def __init__(self, send: Send, head: bytes) -> None:
        self._send, self._head = send, head
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        """Pass on one message of the answer."""
        if message["type"] == "http.response.start":
            if dict(message["headers"]).get(b"content-type", b"").startswith(b"text/html"):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            whole = self._body.replace(_END, self._head + _END, 1)
            headers = [(name, value) for name, value in self._start["headers"] if name not in _SAID]
            headers.append((b"content-length", str(len(whole)).encode()))
            await self._send({**self._start, "headers": headers})
            await self._send({"type": "http.response.body", "body": whole})
            return
        await self._send(message)
