"""A PACS behind a relay that spoils its answers: no wait without an end, and no answer counts for another object."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian

from commands import pacs
from commands.pacs import ObjectRefusedError, Pacs, PacsGoneError
from osteo_core.settings import Settings
from tests.builders.pacs import TITLE, FakePacs, free_port

ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00"
_P_DATA, _ACCEPT, _RELEASED = 0x04, 0x02, 0x06
_MESSAGE_ID = bytes.fromhex("0000200102000000")
_STORE_ANSWER = bytes.fromhex("00000001020000000180")
#: Of the number of C-STORE answers before it, and a PDU, makes what is sent in its place.
Spoil = Callable[[int, bytes], bytes]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PAUSES_S": (0.01, 0.02), "_ANSWER_S": 1.0, "_CONNECT_S": 1.0}.items():
        monkeypatch.setattr(pacs, name, value)
    for name in ("_START_S", "_OBJECT_S", "_END_S"):
        monkeypatch.setattr(pacs, name, 2.0, raising=False)


def made(n: int, letters: int = 10) -> Dataset:
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = Comprehensive3DSRStorage, f"1.2.3.{n}"
    one.PatientComments = "x" * letters
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return one


def settings(port: int, host: str = "127.0.0.1") -> Settings:
    return Settings(pacs_host=host, pacs_port=port, pacs_ae_title=TITLE)


@contextmanager
def relay(port: int, spoil: Spoil, *, trickles: frozenset[int] = frozenset()) -> Iterator[int]:
    """A port before the PACS; messages of the kinds ``trickles`` never end, and come one byte every 50 ms."""
    listener = socket.create_server(("127.0.0.1", 0))
    counted = iter(range(10_000))

    def back(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError, struct.error):
            while True:
                head = server.recv(6, socket.MSG_WAITALL)
                kind, _, length = struct.unpack(">BBL", head)
                body = server.recv(length, socket.MSG_WAITALL)
                if kind in trickles and (kind != _P_DATA or _STORE_ANSWER in body):
                    client.sendall(struct.pack(">BBL", kind, 0, 1_000_000))
                    while True:
                        client.sendall(b"\0")
                        time.sleep(0.05)
                client.sendall(spoil(next(counted), head + body) if _STORE_ANSWER in body else head + body)
        client.close()

    def forth(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        server.close()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, server = listener.accept()[0], socket.create_connection(("127.0.0.1", port))
                for one in (back, forth):
                    threading.Thread(target=one, args=(client, server), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def in_time(work: Callable[[], None], seconds: float = 30.0) -> BaseException | None:
    """What the work raised. Fails if it does not end."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it does not end"
    return raised[0] if raised else None


@pytest.mark.parametrize("kind", [_ACCEPT, _P_DATA, _RELEASED], ids=["association", "answer", "release"])
def test_a_pacs_that_trickles_a_message_for_ever_holds_nothing(kind: int) -> None:
    def work() -> None:
        with Pacs(settings(port)) as one:
            for n in range(3):
                with contextlib.suppress(ObjectRefusedError):
                    one.store(made(n))

    with FakePacs() as taker, relay(taker.port, lambda _, pdu: pdu, trickles=frozenset({kind})) as port:
        raised = in_time(work)
    assert isinstance(raised, PacsGoneError) == (kind != _RELEASED)
    assert raised is None or kind != _P_DATA or "no longer answers" in str(raised)


def test_an_answer_that_comes_twice_does_not_confirm_the_next_object() -> None:
    with FakePacs(answer=lambda n: 0x0000 if n == 0 else 0xC000) as taker:
        with relay(taker.port, lambda n, pdu: pdu * 2 if n == 0 else pdu) as port, Pacs(settings(port)) as one:
            original = one.store
            original(made(0, 10))
            with pytest.raises(ObjectRefusedError, match="0xC000"):
                original(made(1, 3_000_000))
        assert list(taker.held) == ["1.2.3.0"]


def late(n: int, pdu: bytes, *, kept: list[bytes]) -> bytes:
    """The answer to the first object is also sent as that to the second, before the PACS has decided."""
    kept.append(pdu)
    return kept[0] if n == 1 else pdu


def test_an_answer_to_another_message_confirms_nothing() -> None:
    kept: list[bytes] = []
    with FakePacs(answer=lambda n: 0xC000 if n else 0x0000) as taker:
        with relay(taker.port, lambda n, pdu: late(n, pdu, kept=kept)) as port, Pacs(settings(port)) as one:
            one.store(made(0))
            with pytest.raises(ObjectRefusedError):
                one.store(made(1))


@pytest.mark.parametrize("part", [_MESSAGE_ID, b"1.2.3.0"], ids=["message id", "SOP instance"])
def test_a_pacs_that_always_answers_for_another_object_is_named(part: bytes) -> None:
    def spoil(_: int, pdu: bytes) -> bytes:
        end = pdu.index(part) + len(part)
        return pdu[:end] + b"\x63\0" + pdu[end + 2 :] if part == _MESSAGE_ID else pdu.replace(part, b"1.2.3.9")

    with FakePacs() as taker, relay(taker.port, spoil) as port, Pacs(settings(port)) as one:
        with pytest.raises(ObjectRefusedError, match="it answered for another object"):
            one.store(made(0))


def test_an_association_aborted_directly_after_the_answer_is_made_anew() -> None:
    def work() -> None:
        with Pacs(settings(port)) as one:
            for n in range(5):
                one.store(made(n, 2_000_000))

    with FakePacs() as taker, relay(taker.port, lambda _, pdu: pdu + ABORT) as port:
        assert in_time(work) is None
        assert set(taker.held) == {f"1.2.3.{n}" for n in range(5)}


def test_every_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    gone = free_port()

    def resolved(host: str, port: int, *more: int, **named: int) -> list[object]:
        if host != "pacs.site":
            return list(real(host, port, *more, **named))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.77", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with FakePacs(gone) as taker, Pacs(settings(taker.port, "pacs.site")) as one:
        one.store(made(0))
        assert list(taker.held) == ["1.2.3.0"]


def test_after_65535_objects_the_message_ids_begin_again() -> None:
    with FakePacs() as taker, Pacs(settings(taker.port)) as one:
        one._sent = 65_534
        for n in range(3):
            one.store(made(n))
        assert len(taker.held) == 3
