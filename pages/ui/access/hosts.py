"""Checks the host name a request uses and the page it comes from.

Another site may point its own name at this server (DNS rebinding); the browser then treats the answers as that site's
own. Such a request names the foreign host, so the host is compared with the names of this server. An IP address is
never foreign: it cannot be pointed elsewhere.
"""

from __future__ import annotations

import functools
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from osteo_core.settings import read_settings
from pages.ui.access.sign_in import SignIn, is_loopback

_FOREIGN = "this request comes from another site or under another name; open the dashboard at its own address"
_UNNAMED = f"{_FOREIGN}: its IP address, or a name in the setting host_names"


def why_foreign(scope: Scope, headers: Headers, sign_in: SignIn | None) -> str:
    """Why a request does not use this server's own name or come from its own pages; '' if it does."""
    if not _host_is_ours(scope, headers, sign_in):
        return _UNNAMED if sign_in is None and read_settings().open_to_network else _FOREIGN
    return "" if _origin_is_ours(headers, sign_in) else _FOREIGN


def _host_is_ours(scope: Scope, headers: Headers, sign_in: SignIn | None) -> bool:
    """With a sign-in: its own address, or this machine (behind a proxy); without one: only this machine.

    Open to the network without a sign-in: any IP address, and the names of this machine.
    """
    if len(headers.getlist("host")) != 1:
        return False
    host = headers["host"]
    if sign_in is not None and f"//{host}" == sign_in.origin.partition(":")[2]:
        return True
    name = _name_in(host)
    if sign_in is None and read_settings().open_to_network:
        return _is_address(name) or name in own_names() or name in _stated_names()
    peer = scope.get("client")
    return is_loopback(name) and (sign_in is not None or peer is None or is_loopback(peer[0]))


def _name_in(host: str) -> str:
    """The name without its port, in lower case; '' for an invalid host."""
    try:
        split = urlsplit(f"//{host}")
    except ValueError:
        return ""
    return "" if split.username is not None else (split.hostname or "").rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@functools.cache
def own_names() -> frozenset[str]:
    """The names of this machine: 'localhost', its host name, short and with its domain, and its mDNS name.

    Looking up the domain may take seconds, so it is done once, before the server starts.
    """
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local", socket.getfqdn().lower()})


def _stated_names() -> set[str]:
    return {one.strip().lower().rstrip(".") for one in read_settings().host_names.split(",")} - {""}


def _origin_is_ours(headers: Headers, sign_in: SignIn | None) -> bool:
    """Browsers send the origin with every WebSocket and every request that changes something; other clients send
    none.
    """
    origins = headers.getlist("origin")
    if not origins:
        return True
    if len(origins) > 1:
        return False
    if sign_in is not None:
        return origins[0] == sign_in.origin
    return origins[0] in {f"{scheme}://{headers.get('host', '')}" for scheme in ("http", "https")}
