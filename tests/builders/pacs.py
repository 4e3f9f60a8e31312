"""A PACS for tests: a storage SCP in this process that stores what it receives, and misbehaves on request."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Any

from pydicom import Dataset
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

TITLE = "TESTPACS"


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class FakePacs:
    """A PACS on ``port``. ``held``: the objects by UID; ``received``: every UID in order, including repetitions.

    ``takes``: the SOP classes that it accepts. ``answer`` returns the status of each object from the number of
    objects before it; None aborts the association.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        answer: Callable[[int], int | None] = lambda n: 0x0000,
        takes: tuple[str, ...] = (SegmentationStorage, Comprehensive3DSRStorage),
        calling: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port or free_port()
        self.held: dict[str, Dataset] = {}
        self.received: list[str] = []
        self._answer, self._tls = answer, tls
        self._ae = AE(ae_title=TITLE)
        self._ae.add_supported_context(Verification)
        for kind in takes:
            self._ae.add_supported_context(kind)
        self._ae.require_called_aet = True
        self._ae.require_calling_aet = list(calling)

    def __enter__(self) -> FakePacs:
        self._server: Any = self._ae.start_server(
            ("127.0.0.1", self.port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._store)],
            ssl_context=self._tls,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop accepting connections; a second call has no effect."""
        if self._server in self._ae._servers:
            self._server.shutdown()

    def _store(self, event: evt.Event) -> int:
        data = event.dataset
        data.file_meta = event.file_meta
        self.received.append(str(data.SOPInstanceUID))
        status = self._answer(len(self.received) - 1)
        if status is None:
            event.assoc.abort()
            return 0xC000
        if status in (0x0000, 0xB000):
            self.held[str(data.SOPInstanceUID)] = data
        return status

    def kinds(self) -> list[str]:
        """The modalities of the stored objects, in order."""
        return sorted(str(one.Modality) for one in self.held.values())
