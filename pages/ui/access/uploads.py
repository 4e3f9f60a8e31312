"""Bounds on uploads: Streamlit keeps each one in memory and limits only its own size.

An upload states its length first. It is refused if it is longer than this user may send, alone or together with this
sign-in's uploads already in memory, over all windows.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from osteo_core.settings import read_settings
from osteo_core.tables.content import MOST_BYTES as MOST_TABLE_BYTES
from pages.ui.access.roles import Action, User, may
from pages.ui.access.users import user_of_cookies

_UPLOADS = "/_stcore/upload_file/"
#: As Streamlit and the browser's upload box count.
MIB = 2**20
#: Overhead of the request around the file: its name, and the part boundaries.
_FRAME_BYTES = 2**16

_Files = Mapping[str, Mapping[str, UploadedFileRec]]


def limit_bytes(user: User) -> int:
    """How much this user may send at once: a table, or an archive if they may index one."""
    settings = read_settings()
    is_archive = may(user, Action.INDEX) and bool(settings.index_folders.strip())
    return max(MOST_TABLE_BYTES, settings.upload_limit_mb * MIB if is_archive else 0)


def open_to_limit() -> None:
    """Let Streamlit accept what our own setting allows: it applies one limit to all uploads, in MiB."""
    config.set_option("server.maxUploadSize", max(read_settings().upload_limit_mb, MOST_TABLE_BYTES // MIB))


def forget(file: UploadedFile) -> None:
    """Release an upload from memory once it is saved; Streamlit would hold it until its window closes."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def _uploaded() -> _Files:
    """Uploads in memory, by session and file."""
    manager = runtime.get_instance().uploaded_file_mgr
    return manager.file_storage if isinstance(manager, MemoryUploadedFileManager) else {}


class Uploads:
    """Passes uploads within the limits; ``uploaded`` gives those in memory."""

    def __init__(self, app: ASGIApp, uploaded: Callable[[], _Files] = _uploaded) -> None:
        self._app, self._uploaded = app, uploaded
        self._coming: Counter[str] = Counter()
        self._logins: dict[tuple[str, str], str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or not scope["path"].startswith(_UPLOADS):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        user, length = user_of_cookies(request.cookies), request.headers.get("content-length", "")
        if user is None:
            await PlainTextResponse("sign in first", status_code=401)(scope, receive, send)
        elif "transfer-encoding" in request.headers or not (length.isascii() and length.isdecimal()):
            await PlainTextResponse("an upload must state its length", status_code=411)(scope, receive, send)
        elif refused := self._why_not(user, int(length)):
            await PlainTextResponse(refused, status_code=413)(scope, receive, send)
        else:
            with self._counted(user.login, int(length), scope["path"]):
                await self._app(scope, receive, send)

    def _why_not(self, user: User, length: int) -> str:
        most = limit_bytes(user)
        if length > most + _FRAME_BYTES:
            return f"an upload may have {most / MIB:,.0f} MB at most"
        if length + self._held(user.login) > most + _FRAME_BYTES:
            most_words = f"your uploads may have {most / MIB:,.0f} MB together"
            return f"{most_words}; close windows with other uploads, or wait for them to finish"
        return ""

    def _held(self, login: str) -> int:
        """Bytes of this sign-in in memory or being received."""
        files = self._uploaded()
        held = {key: file for key in self._logins if (file := files.get(key[0], {}).get(key[1])) is not None}
        self._logins = {key: self._logins[key] for key in held}
        return self._coming[login] + sum(len(held[key].data) for key, by in self._logins.items() if by == login)

    @contextlib.contextmanager
    def _counted(self, login: str, length: int, path: str) -> Iterator[None]:
        """While an upload arrives, its stated length counts for its sign-in; after that, what Streamlit has kept of
        it.
        """
        session, _, file = path.removeprefix(_UPLOADS).partition("/")
        self._coming[login] += length
        try:
            yield
        finally:  # Streamlit may have kept it even if the response was lost
            self._logins[session, file] = login
            self._coming[login] -= length
            if not self._coming[login]:
                del self._coming[login]
