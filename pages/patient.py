"""Patient: the reader's screen, and below it every level, points to note, notes and how it was measured."""

from __future__ import annotations

import streamlit as st

from pages.ui import services
from pages.ui.access.roles import may
from pages.ui.access.users import current_user
from pages.ui.patient.parts import show_level_table, show_origin, show_other_series, show_points_to_note
from pages.ui.patient.priors import show_priors
from pages.ui.patient.reader import show_screen
from pages.ui.patient.readings import show_fractures, show_reading
from pages.ui.patient.report import show_report
from pages.ui.patient.stored import show_stored
from pages.ui.shared import address, figures, frame, go, identity, wording
from pages.ui.shared.faults import draw_fault, in_words
from pages.ui.shared.notes import show_author, show_history
from pages.ui.shared.sign_in import while_signed_in

#: The screen takes the height of the window, so that it needs no scrolling.
_STYLE = """
<style>
  [data-testid="stMainBlockContainer"] { padding: 2.2rem 1rem 2rem !important; max-width: none !important; }
  /* Where the menu is folded away, its bar would cover that this is for research use only. */
  @media (max-width: 768px) { [data-testid="stMainBlockContainer"] { padding-top: 3.75rem !important; } }
  [data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.35rem; }
</style>
"""


def show_levels(view: services.PatientView) -> None:
    """Every level: value, interval, and why it does not count."""
    st.subheader("Levels")
    show_level_table(view)
    limits = services.limits()
    st.caption(
        f"Limits: {limits.osteoporosis_below:g} and {limits.normal_above:g} "
        f"{wording.UNIT}, applied to the mean of the levels that count."
    )


@st.fragment
@in_words(draw_fault)
@while_signed_in
def show_level_figure(view: services.PatientView) -> None:
    """vBMD from level to level, with the limits drawn; on demand, since Plotly's script of 4.7 MB would
    keep the CT waiting."""
    points = [
        figures.LevelPoint(level=row.level.name, vbmd_mg_cm3=row.vbmd_mg_cm3, used=row.level in view.levels_used)
        for row in view.levels
        if row.vbmd_mg_cm3 is not None
    ]
    if points and st.toggle("Show vBMD by level", key="level-figure"):
        st.plotly_chart(figures.levels_figure(points, services.limits()), config={"displayModeBar": False})


def show_patient(view: services.PatientView) -> None:
    """The screen, and below it less urgent details; a blind second reader sees no first read there."""
    is_read = view.is_read
    view, earlier = show_screen(view, top)
    is_blind = is_read and not view.is_read
    show_priors(earlier)
    if view.levels:
        show_levels(view)
        show_fractures(view, is_blind=is_blind)
    st.subheader("Follow-up and readings")
    show_reading(view, is_blind=is_blind)
    if is_blind:
        st.caption("Earlier notes and stored values are hidden while you read blind.")
    else:
        show_history(view.series_key)
    left, right = st.columns(2, gap="large")
    with left:
        show_points_to_note(view)
        show_level_figure(view)
    with right:
        show_origin(view)
        if not is_blind:
            show_stored(view)
        show_other_series(view)


top = st.container(horizontal=True, vertical_alignment="center", gap="medium")
with top:
    go.link(
        "pages/worklist.py",
        label="Worklist",
        icon=":material/arrow_back:",
        query_params=address.query_of("worklist") or None,
        width="content",
    )
    show_author(label_visibility="collapsed")
    if st.session_state["series"]:
        identity.show_reveal(st.session_state["series"])
        show_report(st.session_state["series"])
key = st.session_state["series"]
where = "the worklist" if may(current_user(), "worklist") else "a list on Exclusions"  # a researcher has no worklist
if not services.has_series():
    st.title("Patient")
    frame.draw_no_series()
elif not key:
    st.title("Patient")
    frame.draw_empty(f"No patient is open. Choose one in {where}.", icon=":material/person_search:")
else:
    view = services.patient(key)
    if view is None:
        st.title("Patient")
        frame.draw_empty(
            f"This store holds no such series; the address may come from another store. Choose one in {where}."
        )
    else:
        st.html(_STYLE)
        show_patient(view)
