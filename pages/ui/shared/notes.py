"""What the worklist and the patient's page share of the follow-up: who notes, the buttons, the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from osteo_core.errors import UsageError
from osteo_core.programme.follow_up import WITH_CODE, Because, Fact, Note, State, common_next
from pages.ui import services
from pages.ui.shared import wording

#: In the session: who notes.
AUTHOR = "author"
_AUTHOR_FIELD = "author-field"
#: The three answers of a review, each with its key.
_ANSWERS = ((State.CONFIRMED, "y"), (State.NOT_CONFIRMED, "n"), (State.REPEAT, "a"))
Rows = Sequence[dict[str, Any]]


def show_author() -> str:
    """The field for name or initials; typed once a session."""
    st.session_state.setdefault(_AUTHOR_FIELD, st.session_state.get(AUTHOR, ""))
    typed = st.text_input(
        "Noted by",
        key=_AUTHOR_FIELD,
        placeholder="your name or initials",
        help="Shown with every note of yours. Notes are added, never changed or erased.",
        width=170,
    )
    st.session_state[AUTHOR] = typed
    return typed


def note_all(rows: Rows, **given: Any) -> None:
    """Note the same of all rows and say so, or say why not."""
    try:
        note = Note(author=st.session_state.get(AUTHOR, ""), at=datetime.now(UTC), **given)
        taken_in = services.note(rows, note)
    except UsageError as refused:
        st.toast(wording.sentence(str(refused)), icon=":material/error:")
        return
    what = note.state or note.fact
    later = "" if taken_in else " It shows when the process that owns the store has taken it in."
    st.toast(f"Noted for {wording.counted(len(rows), 'series', 'series')}: {what}.{later}", icon=":material/check:")


def show_answers(rows: Rows) -> None:
    """The three answers of a review as buttons with keys."""
    allowed = common_next([services.state_of(row) for row in rows])
    for state, key in _ANSWERS:
        st.button(
            wording.sentence(state.value),
            key=f"answer-{key}",
            shortcut=key,
            disabled=state not in allowed,
            on_click=note_all,
            args=(rows,),
            kwargs={"state": state},
        )


def show_more_notes(rows: Rows, *, key: str) -> None:
    """Every other step and fact, with its code and reason, behind one button."""
    allowed = common_next([services.state_of(row) for row in rows])
    with st.popover("Other step", disabled=not rows, help="Report, refer, DXA, treatment, contact, no action, close"):
        what = st.selectbox("Note", [*allowed, *Fact], format_func=_words, key=f"{key}-what")
        because = None
        if what in WITH_CODE:
            because = st.selectbox("Because", list(Because), key=f"{key}-because")
        reason = st.text_input("Why, in words", key=f"{key}-reason", placeholder="optional, unless it is put back")
        given: dict[str, Any] = {"state": what} if isinstance(what, State) else {"fact": what}
        st.button(
            f"Note for {wording.counted(len(rows), 'series', 'series')}",
            key=f"{key}-note",
            type="primary",
            disabled=what is None,
            on_click=note_all,
            args=(rows,),
            kwargs={**given, "because": because, "reason": reason},
        )


def _words(what: State | Fact) -> str:
    return "Put back to review" if what is State.TO_REVIEW else wording.sentence(what.value)


def show_history(series_key: str) -> None:
    """What was noted about one series, the latest first."""
    rows = services.history(series_key)
    if not rows:
        st.caption("Nothing was noted yet.")
        return
    st.dataframe(rows, hide_index=True)


def chosen_rows(rows: Rows, selection: Any) -> list[dict[str, Any]]:
    """The rows that are ticked; without any, the one under the cursor."""
    ticked = [n for n in selection["rows"] if n < len(rows)]
    cursor = [cell[0] for cell in selection["cells"] if cell[0] < len(rows)]
    return [rows[n] for n in (ticked or cursor[:1])]


def open_button(rows: Rows, go: Callable[[str], None]) -> None:
    """Open the first of the chosen."""
    if st.button("Open", icon=":material/open_in_full:", shortcut="o", key="open", disabled=not rows, type="primary"):
        go(str(rows[0]["series_key"]))
