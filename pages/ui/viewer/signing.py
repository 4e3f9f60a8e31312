"""Signed addresses for images: a path, an expiry and an HMAC-SHA256 over both and the user they are for.

Routes outside the pages have no session; access is granted by the signature made on a page, only for the user of that
page: ``subject`` is the stable identifier from the identity provider, '' without a configured sign-in. The key lives as
long as the process, so addresses expire with it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

#: How long an address stays valid, in seconds.
LIFETIME_S = 1800
#: Expiries are rounded up to this, so that a rerun within it gives the same address, and nothing is fetched again.
_STEP_S = 900
_EXPIRY_DIGITS = 12

_KEY = secrets.token_bytes(32)


def _signature(path: str, expiry: int, subject: str) -> str:
    return hmac.new(_KEY, f"{path}|{expiry}|{subject}".encode(), hashlib.sha256).hexdigest()


def sign(path: str, *, subject: str, clock: Callable[[], float] = time.time) -> str:
    """``path`` with its expiry and signature as a query; valid for 30 to 45 minutes, only for ``subject``."""
    expiry = (int(clock()) // _STEP_S + 1) * _STEP_S + LIFETIME_S
    return f"{path}?exp={expiry}&sig={_signature(path, expiry, subject)}"


def is_valid(path: str, *, subject: str, expiry: str, signature: str, clock: Callable[[], float] = time.time) -> bool:
    """Whether ``signature`` was made here for ``path``, ``expiry`` and ``subject`` and has not expired."""
    # An address may contain anything: non-ASCII digits, thousands of them, letters that no signature has.
    if not (expiry.isascii() and expiry.isdecimal() and len(expiry) <= _EXPIRY_DIGITS and int(expiry) >= clock()):
        return False
    made = _signature(path, int(expiry), subject)
    return hmac.compare_digest(made.encode(), signature.encode(errors="replace"))
