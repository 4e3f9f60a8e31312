"""Who is signed in: the claims of the identity provider as a user with roles, in pages and in requests."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

import streamlit as st
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from osteo_core.settings import Settings, read_settings
from pages.ui.access.roles import ACTIONS, LOCAL, Action, NotAllowedError, Role, User, may
from pages.ui.access.sign_in import read_sign_in, role_names

USER_COOKIE = "_streamlit_user"
#: In the session: the name that the local user typed, where no sign-in is configured.
AUTHOR = "author"
#: Tolerance for an identity provider's clock ahead of ours, in seconds.
_SKEW_S = 300.0
#: Longest sign-in (setting session_hours).
_LONGEST_S = 24 * 3600.0
#: Longest name that is shown, in letters.
_NAME_LETTERS = 100
#: Sign-ins ended here before they expired: a copy of the cookie is no longer valid.
_ended: set[str] = set()
#: Last use of each sign-in, in seconds since 1970; if missing, the time of signing in counts.
_last_use: dict[str, float] = {}

_P = ParamSpec("_P")
_R = TypeVar("_R")


def user_of(claims: Mapping[str, Any], settings: Settings, *, clock: Callable[[], float] = time.time) -> User | None:
    """The user named by these claims; None without a subject, or if the sign-in has expired, was ended or was idle."""
    subject, issued = claims.get("sub"), claims.get("iat")
    if not isinstance(subject, str) or not subject.strip() or not isinstance(issued, int | float):
        return None
    if not _is_for_us(claims.get("aud")):
        return None
    login = login_of(claims)
    if not issued - _SKEW_S <= clock() < _ends_at(login, issued, settings) or login in _ended:
        return None
    names = role_names(settings)
    roles = frozenset(names[value] for value in _values(claims, settings.role_claim) if value in names)
    sees_images = Role.RESEARCHER in roles and settings.researcher_images
    name = next((str(claims[key]) for key in ("name", "preferred_username", "email") if claims.get(key)), subject)
    return User(
        subject=subject.strip(),
        name=_plain(name) or _plain(subject),
        roles=roles,
        login=login,
        more=frozenset({Action.SEE_IMAGES} if sees_images else ()),
    )


def _is_for_us(audience: Any) -> bool:
    """Whether the provider made the token for this dashboard (OpenID Connect Core 1.0, 3.1.3.7, 3); Streamlit's library
    accepts one for another client if only its 'azp' names us.
    """
    sign_in = read_sign_in()
    return sign_in is None or sign_in.client_id in (audience if isinstance(audience, list) else [audience])


def _plain(name: str) -> str:
    """A name on one line, without signs that turn or hide other text, up to 100 letters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())[:_NAME_LETTERS]


def _ends_at(login: str, issued: float, settings: Settings) -> float:
    """When a sign-in expires: after session_hours, or idle_minutes after its last use if these are not 0."""
    longest = issued + 3600 * settings.session_hours
    if not settings.idle_minutes:
        return longest
    return min(longest, max(issued, _last_use.get(login, issued)) + 60 * settings.idle_minutes)


def was_idle() -> bool:
    """Whether the sign-in of this session ended because nobody used it."""
    claims, settings = st.user.to_dict(), read_settings()
    with_no_limit = user_of(claims, replace(settings, idle_minutes=0.0)) if claims.get("is_logged_in") else None
    return with_no_limit is not None and user_of(claims, settings) is None


def note_use(user: User) -> None:
    """Record activity (a page opened, mouse or keyboard used) under this valid sign-in."""
    if user.is_local:
        return
    now = time.time()
    _last_use[user.login] = now
    for login in [one for one, at in _last_use.items() if now - at > _LONGEST_S]:
        del _last_use[login]


def login_of(claims: Mapping[str, Any]) -> str:
    """Identifier of one sign-in: the same in all windows of a browser, another after signing in again."""
    parts = [claims.get(name) for name in ("iss", "sub", "iat", "nonce", "at_hash")]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def _values(claims: Mapping[str, Any], name: str) -> list[str]:
    """The values of a claim, by its whole name, else by its path ('realm_access.roles')."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def current_user() -> User | None:
    """The user of this session; None if nobody is signed in. Without a sign-in configured: the local user."""
    if read_sign_in() is None:
        return LOCAL
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    claims = st.user.to_dict()
    return user_of(claims, read_settings()) if claims.get("is_logged_in") else None


def author() -> str:
    """The author of notes: the subject of the signed-in user, else the name that the local user typed, '' if none
    yet.
    """
    user = current_user()
    if user is not None and user.is_local:
        return str(st.session_state.get(AUTHOR, "")).strip()
    return user.subject if user else ""


def seen_by() -> str | None:
    """The reader to whom lists are shown: results they may not see yet are left out (db/seen_by.sql).

    '' for a reader who has not given a name yet; None for a user who may not sign, and so reads nothing blind.
    """
    return author() if may(current_user(), Action.SIGN) else None


def user_of_cookies(cookies: Mapping[str, str]) -> User | None:
    """The user who sends a request with these cookies; None if nobody is signed in, or a cookie was tampered with."""
    sign_in = read_sign_in()
    if sign_in is None:
        return LOCAL
    claims = claims_of_cookies(cookies, sign_in.cookie_secret)
    # Streamlit gives a session its user only under the origin that it signed in from.
    if not claims.get("is_logged_in") or claims.get("origin") != sign_in.origin:
        return None
    return user_of(claims, read_settings())


def claims_of_cookies(cookies: Mapping[str, str], secret: str) -> dict[str, Any]:
    """The claims in the signed cookie; empty if there is none, or it is not signed with ``secret``."""

    def one(name: str) -> bytes | None:
        return decode_signed_value(secret, name, cookies[name]) if name in cookies else None

    try:
        found = get_cookie_with_chunks(one, USER_COOKIE)
        claims = json.loads(found) if found else {}
    except (ValueError, TypeError):
        return {}
    return claims if isinstance(claims, dict) else {}


def end_logins(logins: Iterable[str]) -> None:
    """Mark sign-ins that were ended before this server started."""
    _ended.update(logins)


def end_login(cookies: Mapping[str, str]) -> None:
    """End this sign-in in every window and for every copy of its cookie."""
    sign_in = read_sign_in()
    if sign_in is not None and (claims := claims_of_cookies(cookies, sign_in.cookie_secret)):
        _ended.add(login_of(claims))


def needs(what: Action | str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let only permitted users run a function: an action, or part of a page. Raises NotAllowedError."""

    def around(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            check(current_user(), what)
            return function(*args, **kwargs)

        return checked

    return around


def later(what: Action, function: Callable[[], _R]) -> Callable[[], _R]:
    """``function`` for a button that calls it outside the script, where no user is known: bound to the current user.

    Calling it raises NotAllowedError if the user may not by then, or their sign-in has ended since.
    """
    claims = st.user.to_dict() if read_sign_in() else None

    def checked() -> _R:
        check(LOCAL if claims is None else user_of(claims, read_settings()), what)
        return function()

    return checked


def check(user: User | None, what: Action | str) -> None:
    """Raises NotAllowedError with a sentence if ``user`` may not."""
    if user is None:
        raise NotAllowedError("you are not signed in, or your sign-in has run out; reload the page and sign in")
    if not may(user, what):
        wish = what if what in ACTIONS else f"use the page '{what}'"
        raise NotAllowedError(f"your role ({user.role_words or 'none'}) may not {wish}; ask your administrator")
