"""Figures as SVG and PNG: one Chromium, started with the first picture and kept for the following ones.

Starting it takes seconds; a picture then takes less than half a second.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import plotly.graph_objects as go

from osteo_core.errors import PictureError
from pages.ui.services.chromium import needed_browser

if TYPE_CHECKING:
    from kaleido import Kaleido

PictureKind = Literal["svg", "png"]
_Answer = TypeVar("_Answer")
_PATIENCE_S = 120.0
#: PNG pixels per pixel of the figure: sharp on paper at 300 dots an inch and 12 cm.
PNG_SCALE = 2


class Artist:
    """The Chromium that is kept running. Raises PictureError if it cannot be started."""

    def __init__(self, browser: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="pictures", daemon=True)
        self._thread.start()
        try:
            self._kaleido: Kaleido = self._wait(self._open(browser))
        except PictureError:
            self._end_thread()
            raise

    @staticmethod
    async def _open(browser: str) -> Kaleido:
        from kaleido import Kaleido  # saves half a second when opening a page

        # Without MathJax, which would be fetched from a foreign host; Plotly's own script is the installed one.
        kaleido = Kaleido(n=1, path=browser, mathjax=False)
        await kaleido.open()
        return kaleido

    def _wait(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        if not self._thread.is_alive():
            work.close()
            raise PictureError("the figure could not be drawn (Chromium was ended); try again: it is restarted")
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)
        except Exception as error:  # the browser's many failure modes are the same to a reader
            raise PictureError(
                f"the figure could not be drawn ({type(error).__name__}); try again: Chromium is restarted"
            ) from error

    def draw(self, figure: go.Figure, kind: PictureKind, *, width: int, height: int, scale: float = PNG_SCALE) -> bytes:
        """The figure at ``width`` x ``height`` px, as PNG with ``scale`` times as many."""
        options = {"format": kind, "width": width, "height": height, "scale": scale if kind == "png" else 1}
        return bytes(self._wait(self._kaleido.calc_fig(figure, options)))

    def close(self) -> None:
        """End Chromium and the thread."""
        try:
            self._wait(self._kaleido.close())
        except PictureError:  # it is gone already
            return
        finally:
            self._end_thread()

    def _serve(self) -> None:
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))  # they end
        self._loop.close()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)


_artist: Artist | None = None
_lock = threading.Lock()


def picture(figure: go.Figure, kind: PictureKind, *, width: int, height: int, scale: float = PNG_SCALE) -> bytes:
    """The figure as a file. Raises PictureError with what to do if there is no Chromium, or it failed."""
    global _artist
    with _lock:
        if _artist is None:
            _artist = Artist(needed_browser())
        try:
            return _artist.draw(figure, kind, width=width, height=height, scale=scale)
        except PictureError:
            _artist.close()
            _artist = None
            raise


def close_pictures() -> None:
    """End the kept Chromium, if one was started."""
    global _artist
    with _lock:
        if _artist is not None:
            _artist.close()
            _artist = None
