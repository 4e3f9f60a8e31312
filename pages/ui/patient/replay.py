"""The reading of one series as it was at an earlier moment: chosen above the screen, shown in it."""

from __future__ import annotations

from datetime import datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from osteo_core.review.reads import Read, Reading, SavedMask
from pages.ui import services
from pages.ui.shared import wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal

#: In the session: the moment that is shown of a series.
_MOMENT = "replayed_moment"


def replayed_moment(series_key: str) -> datetime | None:
    """The moment chosen for this series, None for now."""
    chosen: dict[str, datetime] = st.session_state.get(_MOMENT, {})
    return chosen.get(series_key)


def show_replay(series_key: str, reading: Reading, top: DeltaGenerator) -> None:
    """Saved and signed states, each with a button that shows the screen as it was then; nothing if there are none.

    ``reading`` is the current one, for a user who may see it.
    """
    steps = reading.steps
    if not steps:
        return
    shown = replayed_moment(series_key)
    with top:
        if shown is not None:
            st.badge(literal(f"Screen as it was on {wording.moment(shown)}"), icon=":material/history:", color="orange")
            st.button("Back to now", key="replay-now", type="tertiary", on_click=_choose, args=(series_key, None))
        with st.popover("Earlier states", icon=":material/history:", width="content"):
            for number, step in enumerate(reversed(steps)):
                st.button(
                    literal(_words(step)),
                    key=f"replay-{number}",
                    type="tertiary",
                    disabled=shown == step.at,
                    on_click=_choose,
                    args=(series_key, step.at),
                )


def _words(step: SavedMask | Read) -> str:
    what = f"{step.verdict.value}, signed as {step.role.value}" if isinstance(step, Read) else "outlines saved"
    return f"{wording.moment(step.at)}: {what}, by {services.name_of(step.reader)}"


@in_words()
def _choose(series_key: str, moment: datetime | None) -> None:
    chosen = st.session_state.setdefault(_MOMENT, {})
    chosen.pop(series_key, None)
    if moment is not None:
        chosen[series_key] = moment
