"""The part of the patient's page for readings: grade and cause of every level, and the notes."""

from __future__ import annotations

import streamlit as st

from osteo_core.programme.cause import Cause, CauseReading
from osteo_core.terms import Level
from pages.ui import services
from pages.ui.access.roles import Action, may
from pages.ui.access.users import author, current_user
from pages.ui.shared import wording
from pages.ui.shared.faults import in_words
from pages.ui.shared.literal import literal
from pages.ui.shared.notes import show_answers, show_more_notes

_DEPRESSION_HELP = (
    "How far the middle of the endplates lies below the height expected from the rims and the level's normal shape, "
    "as a share; negative where it lies above, empty where the endplates were not measured"
)
_SUGGESTED_HELP = "Cause that the endplates of a deformed level suggest to the program; separate from the grade"
_READER_HELP = "Latest m2ABQ class by a reader; all readings are under Follow-up"


def show_fractures(view: services.PatientView, *, is_blind: bool) -> None:
    """Grade and cause of every level, the program's suggestion beside the reader's class, which a blind reader does not
    see.
    """
    st.subheader("Fracture: grade and cause")
    st.dataframe(
        [
            {
                "level": row.level.name,
                "grade": wording.grade(row.fracture_grade),
                "suggested": row.suggested_cause,
                "reader": wording.MISSING if is_blind else row.reader_cause or wording.MISSING,
                "by": "" if is_blind else row.read_by,
                "depression": None if row.endplate_depression is None else round(100 * row.endplate_depression),
                "heights": " / ".join(wording.number(h, 1) for h in row.heights_mm),
            }
            for row in view.levels
        ],
        hide_index=True,
        placeholder="",
        alt="Fracture: grade and cause",
        column_config={
            "level": st.column_config.TextColumn("Level", width=50),
            "grade": st.column_config.TextColumn("Grade", width=65, help="Genant grade by heights"),
            "suggested": st.column_config.TextColumn("Suggested cause", width=265, help=_SUGGESTED_HELP),
            "reader": st.column_config.TextColumn("Reader's class (m2ABQ)", width=265, help=_READER_HELP),
            "by": st.column_config.TextColumn("Read by", width=130),
            "depression": st.column_config.NumberColumn(
                "Endplates lower by", format="%d %%", width=125, help=_DEPRESSION_HELP
            ),
            "heights": st.column_config.TextColumn("Heights, mm", width=130, help="Anterior / middle / posterior"),
        },
    )


def show_reading(view: services.PatientView, *, is_blind: bool) -> None:
    """The notes possible for this series and its levels; follow-up steps are hidden from a blind reader."""
    rows = [services.followed_of(view)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if view.levels and may(current_user(), Action.NOTE):
            show_cause_form(view)
        if is_blind:
            st.caption(f"Follow-up: {wording.HIDDEN_STATE}.")
            return
        show_answers(rows)
        show_more_notes(rows)


def show_cause_form(view: services.PatientView) -> None:
    """Level, class and words of one reading, behind one button; the deformed level comes first."""
    levels, key = [row.level for row in view.levels], f"cause-{view.series_key}"  # nothing typed goes to the next one
    worst = max(range(len(levels)), key=lambda n: view.levels[n].fracture_grade or 0)
    with st.popover("Cause of a level", help="Your reading of one level, separate from its grade"):
        level = st.selectbox("Level", levels, index=worst, format_func=lambda one: one.name, key=f"{key}-level")
        cause = st.selectbox("Class (m2ABQ)", list(Cause), format_func=wording.sentence, key=f"{key}-class", index=None)
        reason = st.text_input("Why, in words", key=f"{key}-reason", placeholder="optional")
        st.button(
            f"Note for {literal(level.name)}",
            key="cause-note",
            type="primary",
            disabled=cause is None,
            on_click=_note,
            args=(view, level, cause, reason),
        )


@in_words()
def _note(view: services.PatientView, level: Level, cause: Cause, reason: str) -> None:
    suggested = next(row.suggested_cause for row in view.levels if row.level is level)
    reading = CauseReading(
        level=level,
        cause=cause,
        author=author(),
        at=services.moment(),
        reason=reason,
        suggested=suggested,
    )
    taken_in = services.note_cause(view, reading)
    later = "" if taken_in else wording.APPEARS_LATER
    st.toast(f"Noted for {literal(level.name)}: {cause.value}.{later}", icon=":material/check:")
