"""Limits the sockets open without a sign-in and what they send: each holds a session, which takes memory and a thread.

Signed-in users are not counted. A refused window retries by itself until others are closed.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from starlette.types import Message, Receive, Send

from pages.ui.access.roles import User
from pages.ui.access.sign_in import is_loopback

#: Maximum number of windows on the sign-in page: from one address, and in total.
_EACH, _ALL = 20, 200
#: Windows of the local user, where no sign-in is configured.
_LOCAL = 500
#: Longest message without a sign-in, in bytes: the sign-in page sends far less, and Streamlit takes up to fifty times
#: as much memory for its content.
_MOST_BYTES = 2**16
_TOO_BIG = 1009
_TOO_MANY = "too many windows are open here without a sign-in; close some, or try again in a minute"


class Sockets:
    """The open sockets of one server without a sign-in, for use in its single event loop."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextlib.contextmanager
    def opened(self, user: User | None, address: str) -> Iterator[str]:
        """Count a socket of this user from that address while it is open; returns why it may not open, or ''.

        Requests through a proxy on this machine that sends no X-Forwarded-For all come from this machine: for them only
        the bound on all counts.
        """
        if user is not None and not user.is_local:
            yield ""
            return
        most = _ALL if user is None else _LOCAL
        is_one_place = user is None and bool(address) and not is_loopback(address)
        if self._open.total() >= most or (is_one_place and self._open[address] >= _EACH):
            yield _TOO_MANY
            return
        self._open[address] += 1
        try:
            yield ""
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


def in_short_messages(receive: Receive, send: Send) -> Receive:
    """The messages of a socket without a sign-in; one that is too long closes it."""

    async def checked() -> Message:
        message = await receive()
        if len(message.get("bytes") or message.get("text") or "") <= _MOST_BYTES:
            return message
        await send({"type": "websocket.close", "code": _TOO_BIG})
        return {"type": "websocket.disconnect", "code": _TOO_BIG}

    return checked
