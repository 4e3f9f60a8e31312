"""What the network library leaves open on one association: an end to every wait, and which message an answer is to.

The library waits for the rest of a message for as long as single bytes arrive, and takes the next message that comes as
the answer to its own: an answer sent twice would confirm the object after it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pynetdicom import evt
from pynetdicom.association import Association

#: Command field of the answer to C-STORE.
_C_STORE_RSP = 0x8001


class Line:
    """The watch over one association. ``is_answered``: the last object has its answer; ``is_astray``: another message
    came, or a second answer, so that nothing further may be asked here.

    ``answer_s``: longest wait for the next bytes, in seconds.
    """

    def __init__(self, answer_s: float) -> None:
        self.is_answered = self.is_astray = False
        self._answer_s = answer_s
        self._association: Association | None = None
        self._is_cut = self._is_echoed = False
        self._awaited: tuple[int, str] | None = None

    def handlers(self) -> list[tuple[evt.EventType, Callable[[evt.Event], None]]]:
        """What the association must call."""
        return [(evt.EVT_CONN_OPEN, self._opened), (evt.EVT_DIMSE_RECV, self._received)]

    def expect(self, message_id: int, uid: str) -> None:
        """From now on the only answer is one to the C-STORE of this object."""
        self._awaited, self.is_answered = (message_id, uid), False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut the connection if the block takes longer; then whatever waits for it ends."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _opened(self, event: evt.Event) -> None:
        self._association = event.assoc
        held = event.assoc.dul.socket
        if held is not None and held.socket is not None:
            held.socket.settimeout(self._answer_s)  # a PACS that stops within a message, or accepts none, is gone
        if self._is_cut:
            self._cut()

    def _cut(self) -> None:
        self._is_cut = True
        held = self._association.dul.socket if self._association is not None else None
        if held is not None and held.socket is not None:
            with contextlib.suppress(OSError):  # closed already
                socket.socket.shutdown(held.socket, socket.SHUT_RDWR)

    def _received(self, event: evt.Event) -> None:
        if self._awaited is None:  # C-ECHO
            self.is_astray, self._is_echoed = self._is_echoed, True
            return
        said = event.message.command_set
        uid = str(said.get("AffectedSOPInstanceUID") or self._awaited[1])  # it may be left out
        answer = (said.get("CommandField"), said.get("MessageIDBeingRespondedTo"), uid)
        is_ours = answer == (_C_STORE_RSP, *self._awaited) and not self.is_answered
        self.is_answered |= is_ours and not self.is_astray
        self.is_astray |= not is_ours
