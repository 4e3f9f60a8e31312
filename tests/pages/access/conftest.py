"""A configured sign-in without an identity provider, and the cookies that a sign-in sets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from pages.ui.access import doors, sign_in, users
from pages.ui.access.roles import Role

SECRET = "0123456789abcdef" * 4
ORIGIN = "https://bone.example"
SIGN_IN = sign_in.SignIn(origin=ORIGIN, cookie_secret=SECRET, client_id="bone")


def claims_of(*roles: str, **more: Any) -> dict[str, Any]:
    """Claims as in the cookie of a person who has just signed in."""
    now = int(time.time())
    return {
        "sub": "subject-1",
        "aud": "bone",
        "name": "Anna Example",
        "roles": list(roles),
        "iat": now,
        "exp": now + 300,
        "nonce": "n",
        "is_logged_in": True,
        "origin": ORIGIN,
        **more,
    }


def cookie_of(claims: dict[str, Any], secret: str = SECRET) -> dict[str, str]:
    """The cookie that Streamlit sets for these claims."""
    value = create_signed_value(secret, users.USER_COOKIE, json.dumps(claims)).decode()
    return {users.USER_COOKIE: value}


@pytest.fixture
def with_sign_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Configure a sign-in; returns a function from roles to a cookie."""
    for module in (doors, users):
        monkeypatch.setattr(module, "read_sign_in", lambda: SIGN_IN)
    monkeypatch.setattr(users, "_ended", set())
    return lambda *roles, **more: cookie_of(claims_of(*roles, **more))


ALL = tuple(Role)
