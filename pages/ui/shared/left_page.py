"""Keeps late requests and messages of a page that has been left from changing the page that follows it."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx

_draw_anew = AppSession.request_rerun
#: Session -> Streamlit's hash of the page that its browser asked for last; empty: a page asked for by its name.
_asked: WeakKeyDictionary[AppSession, str] = WeakKeyDictionary()


def drop_late_requests() -> None:
    """From now on, sessions drop requests from fragments of pages that their browser has left.

    Streamlit 1.67 runs such a fragment after the new page, under the hash of the old one, and the browser then
    removes everything but the frame (tests/browser/test_left_page.py).
    """
    AppSession.request_rerun = _request_rerun  # type: ignore[assignment, method-assign]


def is_history() -> bool:
    """Whether the browser asked for this run by Back or Forward, or by a popstate event of our own (go.py, keys.js)."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def restate_query() -> None:
    """Send the browser the query that this run was asked for; an address that agrees stays as it is.

    A message of the run before may have put another query into the address after the browser asked for this one.
    """
    context = get_script_run_ctx()
    if context is not None:
        message = ForwardMsg()
        message.page_info_changed.query_string = context.query_string
        context.enqueue(message)


def _request_rerun(session: AppSession, client_state: ClientState | None) -> None:
    if client_state is not None:
        if not client_state.fragment_id:
            _asked[session] = client_state.page_script_hash
        elif _asked.get(session) not in (None, "", client_state.page_script_hash):
            return
    _draw_anew(session, client_state)
