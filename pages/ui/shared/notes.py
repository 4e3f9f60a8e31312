"""Follow-up elements shared by worklist and patient's page: author, buttons, history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

from osteo_core.programme.follow_up import WITH_CODE, Because, Fact, Note, State, common_next
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import AUTHOR, author, current_user
from pages.ui.shared import wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal
from pages.ui.shared.visit import VISIT

#: The field for the author, and the visit to a page (visit.py) that it was begun for.
_AUTHOR_FIELD, _AUTHOR_VISIT = "author-field", "author-visit"
#: The three outcomes of a review, each with its key.
REVIEWS = ((State.CONFIRMED, "y"), (State.NOT_CONFIRMED, "n"), (State.REPEAT, "a"))
Followed = Sequence[services.FollowedSeries]


def author_name() -> str:
    """The author's name for display."""
    user = current_user()
    return user.name if user and not user.is_local else author()


def show_author(*, label_visibility: Literal["visible", "collapsed"] = "visible") -> None:
    """The field for name or initials, typed once per session; read-only for a signed-in user."""
    user = current_user()
    if user is not None and not user.is_local:
        if may(user, Action.NOTE):
            st.text_input("Noted by", user.name, disabled=True, width=170, label_visibility=label_visibility)
        return
    visit = st.session_state.get(VISIT)
    if st.session_state.get(_AUTHOR_VISIT, 0) != visit:
        # Streamlit returns an empty text from a field that another page drew last: going back would lose the name.
        st.session_state[_AUTHOR_VISIT] = visit
        if AUTHOR in st.session_state:  # else the app was started anew under an open page, whose browser has the name
            st.session_state[_AUTHOR_FIELD] = st.session_state[AUTHOR]
    typed = st.text_input(
        "Noted by",
        key=_AUTHOR_FIELD,
        placeholder="your name or initials",
        help="Recorded with everything you note. Notes are added, never changed or erased.",
        width=170,
        label_visibility=label_visibility,
    )
    st.session_state[AUTHOR] = typed


@in_words()
def note_all(series: Followed, **given: Any) -> None:
    """Add the same note to all these series and confirm it, or say why not."""
    note = Note(author=author(), at=services.moment(), **given)
    done = services.note(series, note)
    what = note.state or note.fact
    later = "" if done.is_stored else wording.APPEARS_LATER
    st.toast(
        f"Noted for {wording.counted(len(series), 'series', 'series')}: {literal(what)}.{later}",
        icon=":material/check:",
    )


def show_answers(series: Followed) -> None:
    """The three outcomes of a review as buttons."""
    if not may(current_user(), Action.NOTE):
        return
    allowed = common_next([one.state for one in series])
    for state, key in REVIEWS:
        st.button(
            wording.sentence(state.value),
            key=f"answer-{key}",
            disabled=state not in allowed,
            on_click=note_all,
            args=(series,),
            kwargs={"state": state},
        )


def show_more_notes(series: Followed) -> None:
    """Every other step and fact, with its code and reason, behind one button."""
    if not may(current_user(), Action.NOTE):
        return
    allowed = common_next([one.state for one in series])
    with st.popover("Other step", disabled=not series, help="Report, refer, DXA, treatment, contact, no action, close"):
        # None chosen: a step that somebody else's note made impossible must not give way to the first of the list.
        what = st.selectbox("Note", [*allowed, *Fact], index=None, format_func=step_words, key="patient-what")
        because = None
        if what in WITH_CODE:
            because = st.selectbox("Because", list(Because), key="patient-because")
        reason = st.text_input("Why, in words", key="patient-reason", placeholder="optional, unless it is put back")
        given: dict[str, Any] = {"state": what} if isinstance(what, State) else {"fact": what}
        st.button(
            f"Note for {wording.counted(len(series), 'series', 'series')}",
            key="patient-note",
            type="primary",
            disabled=what is None,
            on_click=note_all,
            args=(series,),
            kwargs={**given, "because": because, "reason": reason},
        )


def step_words(what: State | Fact) -> str:
    """A state or fact as a choice; going back to review is labelled as a correction."""
    return "Put back to review" if what is State.TO_REVIEW else wording.sentence(what.value)


def show_history(series_key: str) -> None:
    """Notes about one series, the latest first."""
    entries = services.history(series_key)
    if not entries:
        st.caption("Nothing was noted yet.")
        return
    st.dataframe(
        [
            {
                "When": wording.moment(one.at),
                "Who": one.author,
                "Noted": _noted(one),
                "Before": one.previous,
                "Why": one.reason,
            }
            for one in entries
        ],
        hide_index=True,
        placeholder="",
        alt="What was noted",
    )


def _noted(one: services.HistoryEntry) -> str:
    """'closed: patient died', 'L1: non-osteoporotic deformity', 'undone: confirmed', 'confirmed (undone later)'."""
    if one.level is not None:
        return f"{one.level.name}: {one.note}"
    if one.is_undo:
        return f"undone: {one.note}"
    words = f"{one.note}: {one.because}" if one.because else one.note
    return f"{words} (undone later)" if one.is_undone else words
