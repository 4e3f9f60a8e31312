"""The server's access control: an ASGI layer around everything that it serves, HTTP and WebSocket.

Hosts and origins are compared exactly, each path requires what the table of roles states (roles.py), cookies are sent
only to this site. A refusal is one sentence: 401 without a sign-in, 403 without the role.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from osteo_core.settings import read_settings
from pages.ui.access.hosts import own_names, why_foreign
from pages.ui.access.roles import PAGES, Action, Door, User, may, route_rule
from pages.ui.access.sign_in import SignIn, read_sign_in
from pages.ui.access.sockets import Sockets, in_short_messages
from pages.ui.access.users import end_login, note_use, user_of_cookies

_log = logging.getLogger("osteo.doors")
_LOGOUT, _SENDS = "/auth/logout", "/api/review/"
#: Route by which a page reports mouse or keyboard activity (pages/ui/shared/sign_in.py).
_ACTIVE = "/api/active"
_POLICY_VIOLATION = 1008
#: Streamlit's cookies that name the user; only its own pages need them.
_USER_COOKIES = (b"_streamlit_user",)
_PLAIN = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


async def _used(_: Request) -> Response:
    return Response(status_code=204, headers=_PLAIN)


#: The access layer records the use; there is nothing to answer.
ACTIVE = Route(_ACTIVE, _used, methods=["POST"])


class Doors:
    """Passes allowed requests; ``note_sign_out`` records that a sign-in was ended, however that was requested."""

    def __init__(self, app: ASGIApp, note_sign_out: Callable[[User], None] = lambda _: None) -> None:
        self._app, self._note_sign_out, self._sockets = app, note_sign_out, Sockets()
        if read_settings().open_to_network:
            own_names()  # may take seconds: before the first request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        sign_in, headers = read_sign_in(), Headers(scope=scope)
        if foreign := why_foreign(scope, headers, sign_in):
            _log.warning("refused: host %r, origin %r", headers.get("host"), headers.get("origin"))
            await _refuse(scope, receive, send, 403, foreign)
        elif scope["type"] == "websocket":
            user, (address, _) = user_of_cookies(HTTPConnection(scope).cookies), scope.get("client") or ("", 0)
            if user is not None and not user.roles:  # any account of the organisation: it may do no more than nobody
                user = None
            with self._sockets.opened(user, address) as why_not:
                if why_not:
                    await _refuse(scope, receive, send, 403, why_not)
                else:
                    given = receive if user else in_short_messages(receive, send)
                    await self._app(_under_its_origin(scope, headers), given, send)
        else:
            await self._pass(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, cookies = scope["path"], HTTPConnection(scope).cookies
        rule, user = route_rule(path), user_of_cookies(cookies)
        if path == _LOGOUT:
            end_login(cookies)
            if user is not None and not user.is_local:
                await run_in_threadpool(self._note_sign_out, user)
        is_use = path == _ACTIVE or path.startswith(_SENDS) or (rule is None and path.strip("/") in PAGES)
        if user is not None and is_use:  # automatic requests of pages do not keep a sign-in alive
            note_use(user)
        send = _with_strict_cookies(send, read_sign_in())
        if rule is Door.CLOSED:
            await _refuse(scope, receive, send, 403, "this address is closed")
        elif isinstance(rule, Action) and not may(user, rule):
            await _refuse(scope, receive, send, *_why_not(user, rule))
        elif rule is None and user is not None and path.strip("/") in PAGES and not may(user, path.strip("/")):
            # The page itself says that it is closed to this role, with menu and sign-out; so does the status.
            await self._app(_never_unchanged(scope), receive, _with_403(send))
        else:
            await self._app(scope, receive, send)


def _why_not(user: User | None, rule: Action) -> tuple[int, str]:
    if user is None:
        return 401, "sign in first: this address is for people who are signed in"
    return 403, f"your role ({user.role_words or 'none'}) may not {rule}"


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": words})
        return
    if scope["path"].startswith(_SENDS):  # the reader's screen shows the sentence and keeps what was drawn
        answer: Response = JSONResponse({"problem": words}, status_code=status, headers=_PLAIN)
    else:
        answer = PlainTextResponse(words, status_code=status, headers=_PLAIN)
    await answer(scope, receive, send)


def _under_its_origin(scope: Scope, headers: Headers) -> Scope:
    """With the host that its origin names: behind a proxy that names another one Streamlit would ask a foreign host
    for this machine's address before it compares."""
    origin = headers.get("origin")
    if origin is None:
        return scope
    kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [*kept, (b"host", urlsplit(origin).netloc.encode())]}


def _never_unchanged(scope: Scope) -> Scope:
    """Remove conditional headers: an answer 'unchanged since' has no body."""
    conditions = (b"if-none-match", b"if-modified-since")
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in conditions]}


def _with_403(send: Send) -> Send:
    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message = {**message, "status": 403}
        await send(message)

    return changed


def _with_strict_cookies(send: Send, sign_in: SignIn | None) -> Send:
    """Restrict the user's cookies to requests of our own pages, over https only, ending with the sign-in."""
    if sign_in is None:
        return send
    seconds = int(3600 * read_settings().session_hours)

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, _strict(value, sign_in, seconds) if name.lower() == b"set-cookie" else value)
                for name, value in message.get("headers", ())
            ]
            message = {**message, "headers": headers}
        await send(message)

    return changed


def _strict(cookie: bytes, sign_in: SignIn, seconds: int) -> bytes:
    if cookie.startswith(_USER_COOKIES):
        cookie = re.sub(rb"(?i)samesite=lax", b"SameSite=strict", cookie)
        cookie = re.sub(rb"(?i)max-age=[1-9]\d*", f"Max-Age={seconds}".encode(), cookie)
    is_secure = re.search(rb"(?i);\s*secure", cookie) is not None
    return cookie + b"; Secure" if sign_in.origin.startswith("https") and not is_secure else cookie
