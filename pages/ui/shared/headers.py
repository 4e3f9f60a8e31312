"""Headers of every response: what a page may load, and who may frame it.

The policy allows what Streamlit's own front end needs and nothing from another host: its one script within the page by
its hash, scripts of components by blob: addresses, and styles within the page. Injected markup could neither run nor
fetch an external image.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Downloads and pictures of pages: no browser or proxy may cache them.
_FILES = "/media/"
_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def _policy() -> str:
    scripts = _INLINE_SCRIPT.findall(_INDEX.read_text(encoding="utf-8"))
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    known = " ".join(f"'sha256-{one}'" for one in hashes)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: {known}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


HEADERS = {
    "Content-Security-Policy": _policy(),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """ASGI middleware around the whole app: pages, static files, media, uploads and the app's own addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; every response gets HEADERS, a file also no-store."""

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if scope["path"].startswith(_FILES):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, with_headers)


async def answer_fault(_request: Request, _error: Exception) -> PlainTextResponse:
    """The response to an unforeseen error in a route: Starlette sends it outside of every middleware."""
    return PlainTextResponse("the server failed over this address; its log says more", 500, headers=HEADERS)
