"""Files that people download leave as they are.

Streamlit would compress each for its one reader at the highest level: 26 s of a core for a cohort of a million series,
while every session waits.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

_FILES = "/media/"
_ASKS_FOR_LESS = b"accept-encoding"


class PlainDownloads:
    """Asks for files as no browser does: not compressed; every other request passes as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].startswith(_FILES):
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != _ASKS_FOR_LESS]}
        await self._app(scope, receive, send)
