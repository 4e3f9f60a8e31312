"""Screens of the sign-in: its page, why access is refused, who is signed in, and signing out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from pages.ui import services
from pages.ui.access.roles import Action, Role, User
from pages.ui.access.users import USER_COOKIE, current_user, end_logins, was_idle
from pages.ui.shared import wording
from pages.ui.shared.faults import draw_fault, in_words
from pages.ui.shared.literal import literal

_P = ParamSpec("_P")
#: Interval at which an idle page checks whether its sign-in has expired or was ended elsewhere.
_WATCH_S = 30
_WAS_IN = "was-signed-in"
#: In the session: what the user of the drawn page may do, by roles and by a setting.
_RIGHTS = "signed-in-rights"
#: The identity provider redirects to Home: the tab remembers the requested address and goes there.
_JS = """
const name = "asked-for-before-sign-in";
export default function ({ data }) {
  const here = window.location.pathname + window.location.search;
  const asked = window.sessionStorage.getItem(name);
  if (!data.is_in && here !== "/") {
    window.sessionStorage.setItem(name, here);
    return;
  }
  window.sessionStorage.removeItem(name);
  // Loaded anew: a change of the address alone is overtaken by the run of Home that is still under way.
  // With its origin: a path that begins with two slashes would be another host.
  if (data.is_in && asked && here === "/") window.location.replace(window.location.origin + asked);
}
"""
_asked_for = st.components.v2.component("asked_for", js=_JS)
#: Scrolling through slices sends no request, so the page itself reports activity from time to time.
_USE_JS = """
let reported = 0, everyMs = 60000;
const tell = () => {
  if (Date.now() - reported < everyMs) return;
  reported = Date.now();
  fetch(window.location.origin + "/api/active", { method: "POST" }).catch(() => null);
};
const kinds = ["pointerdown", "pointermove", "keydown", "wheel"];
export default function ({ data }) {
  everyMs = data.every_ms;
  for (const kind of kinds) document.addEventListener(kind, tell, { capture: true, passive: true });
  return () => { for (const kind of kinds) document.removeEventListener(kind, tell, { capture: true }) };
}
"""
_in_use = st.components.v2.component("in_use", js=_USE_JS)
#: Longest interval between these reports, in seconds; at least four fit in the idle time of a sign-in.
_REPORT_EVERY_S = 60.0


def admit() -> User | None:
    """The user of this session if they have a role; else None, after drawing a page that says what to do."""
    user = current_user()
    if user is None:
        _show_sign_in()
        return None
    st.session_state[_RIGHTS] = _rights(user)
    if not user.is_local:
        st.session_state[_WAS_IN] = True
        services.note_sign_in(user)
    if not user.roles:
        _show_no_role(user)
        return None
    return user


def while_signed_in(part: Callable[_P, None]) -> Callable[_P, None]:
    """Placed below every ``@st.fragment``: a fragment runs without the page around it, so the sign-in is checked again.

    If it has ended, or the roles are others, the whole page is drawn again and says so.
    """

    @functools.wraps(part)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> None:
        user = current_user()
        if user is None or _rights(user) != st.session_state.get(_RIGHTS):
            st.rerun()
        part(*args, **kwargs)

    return checked


def _rights(user: User) -> tuple[frozenset[Role], frozenset[Action]]:
    return user.roles, user.more


def _show_sign_in() -> None:
    st.title("Bone screening on CT")
    st.caption(f":material/science: {wording.RESEARCH_USE}")
    if was_idle():
        minutes = services.settings().idle_minutes
        st.info(
            f"Your sign-in ended after {minutes:g} minutes without use. What you drew and did not save is kept in this "
            "browser. Sign in again.",
            icon=":material/lock_clock:",
        )
    elif st.session_state.get(_WAS_IN) or USER_COOKIE in st.context.cookies:
        st.info(
            "Your sign-in has run out, was ended, or cannot be verified. Sign in again.", icon=":material/lock_clock:"
        )
    else:
        st.markdown("Sign in to go on.")
    st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
    _asked_for(key="asked-for", data={"is_in": False}, height=1)


def _show_no_role(user: User) -> None:
    claim = services.settings().role_claim
    st.title("No access")
    st.text(f"Signed in as {user.name}.")
    st.error(
        "This account has no role here. Ask the administrator of your organisation for one of "
        f"{literal(', '.join(Role))} (claim '{literal(claim)}' of the identity provider), then sign in again.",
        icon=":material/block:",
    )
    _show_way_out(user)


def show_forbidden(user: User, title: str) -> None:
    """Say, in place of a page, that this role may not open it."""
    st.title(literal(title))
    st.error(
        f"403: the page {literal(title)} is not for your role ({literal(user.role_words)}). The menu lists what you "
        "may open; ask your administrator for another role.",
        icon=":material/block:",
    )


def show_user(user: User) -> None:
    """At the foot of the menu: the user, their role, and signing out."""
    with st.sidebar.container(key="user", gap="xsmall"):
        if user.is_local:
            st.caption(":material/person: No sign-in: one local user with every role.")
            if services.settings().open_to_network:
                st.warning("Anybody on the network can use this without a sign-in.", icon=":material/lock_open:")
            return
        st.text(user.name)
        st.caption(literal(user.role_words))
        _show_way_out(user)
        _asked_for(key="asked-for", data={"is_in": True}, height=1)
        if idle := services.settings().idle_minutes:
            _in_use(key="in-use", data={"every_ms": 1000 * min(_REPORT_EVERY_S, 15 * idle)}, height=1)
        _watch()


def _show_way_out(user: User) -> None:
    st.button("Sign out", icon=":material/logout:", key="sign-out", on_click=_sign_out, args=(user,))


@in_words()
def _sign_out(user: User) -> None:
    end_logins([user.login])  # now: whether the browser goes on to /auth/logout is its own decision
    services.note_sign_out(user)
    st.logout()


@st.fragment(run_every=_WATCH_S)
@in_words(draw_fault)
@while_signed_in
def _watch() -> None:
    """Only checks the sign-in."""
