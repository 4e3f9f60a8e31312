"""Sends to a PACS by DICOM: one association, checked with C-ECHO, then one object at a time by C-STORE.

A lost association is re-established and the object retried after growing pauses. No log line names a patient: the
network library logs nothing here, and a refusal is stated by its status.
"""

from __future__ import annotations

import logging
import ssl
import time
from types import TracebackType
from typing import Self

from pydicom import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, SegmentationStorage
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.status import code_to_category

from osteo_core.errors import OsteoError, SettingsError
from osteo_core.settings import Settings

#: Waits before each retry of an object, in seconds; then it has failed.
PAUSES_S: tuple[float, ...] = (1.0, 5.0, 15.0)
#: Longest waits in seconds: for a connection; for an answer of the PACS, and for the next bytes of a message.
_CONNECT_S, _ANSWER_S = 10.0, 60.0
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

    def __enter__(self) -> Self:
        """Raises PacsGoneError if it does not answer."""
        self._associated()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None and self._open.is_established:
            self._open.release() if error is None else self._open.abort()
        self._open = None

    def store(self, made: Dataset) -> None:
        """Store one object; returns once the PACS has confirmed it.

        Raises ObjectRefusedError if it was refused, PacsGoneError if the PACS no longer answers.
        """
        why = ""
        for pause_s in (0.0, *PAUSES_S):
            time.sleep(pause_s)
            association = self._associated()
            if made.SOPClassUID not in {one.abstract_syntax for one in association.accepted_contexts}:
                raise ObjectRefusedError(_NOT_TAKEN[made.SOPClassUID])
            try:
                status = int(association.send_c_store(made).get("Status", -1))
            except (RuntimeError, ValueError, AttributeError):  # lost since, or not to be encoded
                if association.is_established:
                    raise ObjectRefusedError("it cannot be written as DICOM") from None
                status = -1
            if status == _DUPLICATE or (status >= 0 and code_to_category(status) in (_SUCCESS, _WARNING)):
                return
            why = "it did not answer" if status < 0 else f"status 0x{status:04X}"
            if status >= 0 and status != _PASSING and status >> 8 != _OUT_OF_RESOURCES:
                break
            if status < 0 and association.is_established:
                association.abort()
        raise ObjectRefusedError(f"the PACS did not store it ({why})")

    def _associated(self) -> Association:
        """A working association, re-established if it was lost. Raises PacsGoneError after the last pause."""
        if self._open is not None and self._open.is_established:
            return self._open
        place = f"{self._settings.pacs_ae_title} at {self._settings.pacs_host}, port {self._settings.pacs_port}"
        why = ""
        for pause_s in (0.0, *PAUSES_S):
            time.sleep(pause_s)
            try:
                made = self._ae.associate(
                    self._settings.pacs_host,
                    self._settings.pacs_port,
                    ae_title=self._settings.pacs_ae_title,
                    evt_handlers=[(evt.EVT_CONN_OPEN, _never_wait_for_ever)],
                    tls_args=self._tls,
                )
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
                    f"the PACS {place} refuses us as {self._settings.pacs_calling_ae_title}: register this title "
                    "there, and check the settings pacs_ae_title and pacs_calling_ae_title"
                )
            else:
                why = "it accepts no connection"
        where = "pacs_host, pacs_port and, as TLS is on, the certificates" if self._tls else "pacs_host and pacs_port"
        raise PacsGoneError(f"the PACS {place} cannot be reached ({why}); check {where}, and send again")


def _never_wait_for_ever(event: evt.Event) -> None:
    """Treat a PACS that stops within a message, or accepts none, as gone: the library itself would wait forever."""
    held = event.assoc.dul.socket
    if held is not None and held.socket is not None:
        held.socket.settimeout(_ANSWER_S)


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
