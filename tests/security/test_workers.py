"""Workers on this machine: another account can reach their ports, but get nothing out of them and nothing in."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from distributed import Client, Security

from commands.cluster.client import open_client
from osteo_core.settings import Settings


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_client(Settings(workers=1, worker_memory_gb=1.0)) as opened:
        yield opened


def greeting(address: str, security: Security | None) -> bytes:
    """The first bytes that Dask sends to a client with that certificate, or without TLS; none if it hangs up.

    The client accepts any certificate of the other side, so that a refusal is the other side's.
    """
    split = urlsplit(address)
    try:
        with socket.create_connection((split.hostname, split.port), timeout=60) as plain:
            if security is None:
                plain.sendall(bytes(64))
                return plain.recv(64)
            context = security.get_connection_args("client")["ssl_context"]
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(plain) as sealed:
                return sealed.recv(64)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_who_has_not_the_certificate_of_this_run_is_not_let_in(client: Client) -> None:
    for address in (client.scheduler.address, *client.scheduler_info()["workers"]):
        assert greeting(address, None) == b""
        assert greeting(address, Security.temporary()) == b""
        assert greeting(address, client.security) != b""


def test_no_http_answer_tells_anything(client: Client) -> None:
    ports = [client.scheduler_info()["services"]["dashboard"]]
    ports += [worker["services"]["dashboard"] for worker in client.scheduler_info()["workers"].values()]
    paths = ("", "info/main/workers.html", "info/main/logs.html", "json/identity.json", "metrics", "health", "status")
    for port in ports:
        for path in paths:
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60)
