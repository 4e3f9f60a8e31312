"""Files that people download: kept until the browser has fetched them, sent uncompressed, and only to the person who
asked.

Streamlit deletes a file made on request as soon as two runs of any session have ended, unless the requesting session
still holds it: with twenty users the browser's own request came too late and got 404. It would also compress each file
at the highest level: 26 s of a core for a cohort of a million series. And it would make and send a file for anyone who
knows the identifier of its button or its address; here either is useless to another person.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import memory_media_file_storage
from streamlit.runtime import runtime as streamlit_runtime
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryFile, MemoryMediaFileStorage

from pages.ui.access.roles import Action
from pages.ui.access.users import current_user, later, user_of_cookies

_FILES = "/media/"
_ASKS_FOR_LESS = b"accept-encoding"
#: s that a deleted download stays in memory; long enough for a request that waits behind others.
KEPT_S = 60.0
#: The subject of who sends the request, or holds the socket, that is being answered; '' for nobody and where no sign-in
#: is configured, None where a page's script runs.
_asks: ContextVar[str | None] = ContextVar("asks", default=None)
_NOT_YOURS = "this file is not there, or was made for another person"


def _subject() -> str | None:
    """Who a file is for: the user of the running script, else who asks; it is made on request beside the script."""
    user = current_user()
    return user.subject if user else _asks.get()


class OwnButtons(MediaFileManager):
    """Streamlit's buttons of downloads, each restricted to the user whose page it is on, while their sign-in lasts.

    Streamlit makes a file for any socket that knows the identifier of its button.
    """

    def add_deferred(self, data_callable: Callable[[], Any], *args: Any, **more: Any) -> str:
        """Add a file to be made on request; making it fails for another person, and once the sign-in has ended."""
        subject, make = _subject(), later(Action.USE, data_callable) if current_user() else data_callable

        def made() -> Any:
            if _asks.get() not in (None, subject):
                raise MediaFileStorageError(_NOT_YOURS)
            return make()

        return super().add_deferred(made, *args, **more)


class KeptDownloads(MemoryMediaFileStorage):
    """Streamlit's files in memory, each restricted to the users whose pages made it.

    A download is deleted ``kept_s`` after Streamlit has asked for its deletion.
    """

    def __init__(self, endpoint: str, *, kept_s: float = KEPT_S) -> None:
        super().__init__(endpoint)
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._leaving: dict[str, threading.Timer] = {}
        self._subjects: dict[str, set[str]] = {}

    def load_and_get_id(
        self, path_or_data: str | bytes, mimetype: str, kind: MediaFileKind, filename: str | None = None
    ) -> str:
        """Add a file for the current user; one that was about to be deleted stays."""
        subject = _subject()
        with self._lock:
            file_id = super().load_and_get_id(path_or_data, mimetype, kind, filename)
            if subject is not None:
                self._subjects.setdefault(file_id, set()).add(subject)
            if leaving := self._leaving.pop(file_id, None):
                leaving.cancel()
            return file_id

    def get_file(self, filename: str) -> MemoryFile:
        """The file of that name. Raises MediaFileStorageError if there is none, or it is not for this user."""
        subject = _asks.get()
        if subject is not None and subject not in self._subjects.get(filename.partition(".")[0], ()):
            raise MediaFileStorageError(_NOT_YOURS)
        return super().get_file(filename)

    def delete_file(self, file_id: str) -> None:
        """Delete a picture at once and a download later; a missing file is not an error."""
        with self._lock:
            file = self._files_by_id.get(file_id)
            if file is None or file.kind is not MediaFileKind.DOWNLOADABLE:
                self._forget(file_id)
            elif file_id not in self._leaving:
                timer = threading.Timer(self._kept_s, self._drop, [file_id])
                timer.daemon = True
                self._leaving[file_id] = timer
                timer.start()

    def _drop(self, file_id: str) -> None:
        """Delete a file after its time; a file added again meanwhile stays."""
        with self._lock:
            if self._leaving.get(file_id) is threading.current_thread():
                del self._leaving[file_id]
                self._forget(file_id)

    def _forget(self, file_id: str) -> None:
        self._subjects.pop(file_id, None)
        super().delete_file(file_id)


def keep_downloads() -> None:
    """Make apps that start from now on keep their downloads.

    Streamlit has no setting for its file storage; a starting app uses the classes of these names.
    """
    memory_media_file_storage.MemoryMediaFileStorage = KeptDownloads  # type: ignore[misc, assignment]
    streamlit_runtime.MediaFileManager = OwnButtons  # type: ignore[attr-defined]


class PlainDownloads:
    """Requests files uncompressed, and records the user who requests them or has them made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_file = scope["type"] == "http" and scope["path"].startswith(_FILES)
        if is_file or scope["type"] == "websocket":
            user = user_of_cookies(HTTPConnection(scope).cookies)
            _asks.set(user.subject if user else "")  # each request is a task of its own: it ends with it
        if is_file:
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != _ASKS_FOR_LESS]}
        await self._app(scope, receive, send)
