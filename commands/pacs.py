"""Sends to a PACS by DICOM: one association, checked with C-ECHO, then one object at a time by C-STORE.

A lost association is re-established and the object retried after growing pauses. No log line names a patient: the
network library logs nothing here, and a refusal is stated by its status. Whatever the PACS sends, every step ends
(`commands.pacs_line`).
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from types import TracebackType
from typing import Self

from pydicom import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, SegmentationStorage
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.status import code_to_category

from commands.pacs_line import Line
from osteo_core.errors import OsteoError, SettingsError
from osteo_core.settings import Settings

#: Waits before each retry of an object, in seconds; then it has failed.
PAUSES_S: tuple[float, ...] = (1.0, 5.0, 15.0)
#: Longest waits in seconds: for a connection; for an answer of the PACS, and for the next bytes of a message.
_CONNECT_S, _ANSWER_S = 10.0, 60.0
#: Longest times in seconds for a whole step, whatever arrives meanwhile: an association with its C-ECHO; an object
#: (20 MB at 100 kB/s); the end of an association.
_START_S, _OBJECT_S, _END_S = 90.0, 300.0, 20.0
#: Objects in a row that may remain without an answer: one may be at fault itself, two mean that the PACS is.
_MOST_UNANSWERED = 2
_SUCCESS, _WARNING = "Success", "Warning"
#: The PACS already holds this object, which can happen after a command was killed.
_DUPLICATE = 0x0111
#: Possibly transient statuses: out of resources (A7xx) and a failure while processing.
_PASSING, _OUT_OF_RESOURCES = 0x0110, 0xA7
#: Each kind of object, and the message if the PACS does not accept it.
_NOT_TAKEN = {
    SegmentationStorage: (
        "the PACS does not accept Segmentation objects; enable them there, or set outlines = false under [pacs] to "
        "send reports only"
    ),
    Comprehensive3DSRStorage: "the PACS does not accept Comprehensive 3D SR objects; enable them there",
}
for _library in ("pynetdicom", "highdicom"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)


class PacsGoneError(OsteoError):
    """The PACS does not answer or does not accept what is sent; the sentence says what to check."""


class ObjectRefusedError(OsteoError):
    """One object was not stored, and why."""


class Pacs:
    """A PACS to store in, as a context manager; connects on entry and checks that the PACS answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ae = AE(ae_title=settings.pacs_calling_ae_title)
        self._ae.connection_timeout = self._ae.acse_timeout = _CONNECT_S
        self._ae.dimse_timeout = self._ae.network_timeout = _ANSWER_S
        self._ae.add_requested_context(Verification)
        for kind in _NOT_TAKEN:
            self._ae.add_requested_context(kind, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        self._tls = _tls(settings)
        self._open: Association | None = None
        self._line = Line(_ANSWER_S)
        self._sent = self._unanswered = 0

    def __enter__(self) -> Self:
        """Raises PacsGoneError if it does not answer."""
        self._associated()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None and self._open.is_established:
            with self._line.within(_END_S):
                self._open.release() if error is None else self._open.abort()
        self._open = None

    def store(self, made: Dataset) -> None:
        """Store one object; returns once the PACS has confirmed it.

        Raises ObjectRefusedError if it was refused, PacsGoneError if the PACS no longer answers.
        """
        why = ""
        for pause_s in (0.0, *PAUSES_S):
            time.sleep(pause_s)
            status, why = self._try(self._associated(), made)
            if status == _DUPLICATE or (status >= 0 and code_to_category(status) in (_SUCCESS, _WARNING)):
                self._unanswered = 0
                return
            if status >= 0 and status != _PASSING and status >> 8 != _OUT_OF_RESOURCES:
                break
        self._unanswered = self._unanswered + 1 if status < 0 else 0
        if self._unanswered >= _MOST_UNANSWERED:
            raise PacsGoneError(f"the PACS {self._place} no longer answers ({why}); send again once it works")
        raise ObjectRefusedError(f"the PACS did not store it ({why})")

    def _try(self, association: Association, made: Dataset) -> tuple[int, str]:
        """Status of one attempt and its words; -1, and no association any more, without a status for this object.

        Raises ObjectRefusedError if the PACS does not accept such objects, or this one cannot be written.
        """
        if made.SOPClassUID not in {one.abstract_syntax for one in association.accepted_contexts}:
            raise ObjectRefusedError(_NOT_TAKEN[made.SOPClassUID])
        self._sent = self._sent % 65_535 + 1
        with self._line.within(_OBJECT_S):
            self._line.expect(self._sent, str(made.SOPInstanceUID))
            try:
                status = -1 if self._line.is_astray else _status(association, made, self._sent)
            except (RuntimeError, ValueError, AttributeError):  # lost since, or not to be encoded
                if association.is_established:
                    raise ObjectRefusedError("it cannot be written as DICOM") from None
                status = -1
            if status >= 0 and self._line.is_answered:
                return status, f"status 0x{status:04X}"
            if association.is_established:
                association.abort()
        return -1, "it answered for another object" if self._line.is_astray else "it did not answer"

    @property
    def _place(self) -> str:
        return f"{self._settings.pacs_ae_title} at {self._settings.pacs_host}, port {self._settings.pacs_port}"

    def _associated(self) -> Association:
        """A working association, re-established if it was lost. Raises PacsGoneError after the last pause."""
        if self._open is not None and self._open.is_established:
            return self._open
        why = ""
        for turn, pause_s in enumerate((0.0, *PAUSES_S)):
            time.sleep(pause_s)
            self._line = Line(_ANSWER_S)
            with self._line.within(_START_S):
                try:
                    made = self._associate(turn)
                except (OSError, UnicodeError):  # before there is any connection
                    why = "this host name is unknown"
                    continue
                if made.is_established:
                    if _answers(made):
                        self._open = made
                        return made
                    made.abort()
                    why = "it does not answer to C-ECHO"
                elif made.is_rejected:
                    raise PacsGoneError(
                        f"the PACS {self._place} refuses us as {self._settings.pacs_calling_ae_title}: register this "
                        "title there, and check the settings pacs_ae_title and pacs_calling_ae_title"
                    )
                else:
                    why = "it accepts no connection"
        where = "pacs_host, pacs_port and, as TLS is on, the certificates" if self._tls else "pacs_host and pacs_port"
        raise PacsGoneError(f"the PACS {self._place} cannot be reached ({why}); check {where}, and send again")

    def _associate(self, turn: int) -> Association:
        """A new association, at another address of the host in each turn: the library knows only the first one.

        Raises OSError or UnicodeError if the host name is unknown.
        """
        host, port = self._settings.pacs_host, self._settings.pacs_port
        found = list(dict.fromkeys(one[4] for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        address = found[turn % len(found)]
        return self._ae.associate(
            (str(address[0]), int(address[2]), int(address[3])) if len(address) == 4 else str(address[0]),
            port,
            ae_title=self._settings.pacs_ae_title,
            evt_handlers=self._line.handlers(),  # type: ignore[arg-type]
            tls_args=self._tls,
        )


def _status(association: Association, made: Dataset, message_id: int) -> int:
    return int(association.send_c_store(made, msg_id=message_id).get("Status", -1))


def _answers(association: Association) -> bool:
    try:
        return bool(association.send_c_echo().get("Status", -1) == 0)
    except (RuntimeError, ValueError):  # lost since, or C-ECHO was not agreed on
        return False


def _tls(settings: Settings) -> tuple[ssl.SSLContext, str] | None:
    if not settings.pacs_tls_ca:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.pacs_tls_ca)
        if settings.pacs_tls_certificate:
            context.load_cert_chain(settings.pacs_tls_certificate)
    except (OSError, ssl.SSLError):
        raise SettingsError(
            "the files of pacs_tls_ca and pacs_tls_certificate must be PEM, the latter with its key"
        ) from None
    return context, settings.pacs_host
