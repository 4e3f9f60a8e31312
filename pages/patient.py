"""Patient: the planes with the mask, every level with its number and interval, what to mind, how it was made."""

from __future__ import annotations

import streamlit as st

from pages.ui import services
from pages.ui.patient.parts import (
    focus_key,
    show_header,
    show_level_table,
    show_origin,
    show_other_series,
    show_what_to_mind,
)
from pages.ui.patient.readings import show_fractures, show_reading
from pages.ui.shared import figures, frame, wording
from pages.ui.shared.notes import show_history
from pages.ui.viewer.planes import show_planes


@st.fragment
def show_viewer(view: services.PatientView) -> None:
    """The three planes; the CT is made from its source files when it is seen for the first time."""
    with st.spinner("Preparing the CT for the viewer (some seconds at the first time)"):
        images = services.images(view)
    if images.problem:
        st.info(images.problem, icon=":material/image_not_supported:")
    if images.ct is None:
        return
    level, clicks = st.session_state.get(focus_key(view), (None, 0))
    show_planes(
        view.series_key,
        ct=images.ct,
        mask=images.mask,
        centres_lps_mm=view.centres_lps_mm,
        focus=level,
        clicks=clicks,
    )
    if (
        images.mask is not None
        and view.centres_lps_mm
        and st.toggle("3D view of the vertebral bodies", key=f"scene-{view.series_key}")
    ):
        with st.spinner("Building the 3D view (about ten seconds at the first time)"):
            scene = services.scene(view)
        if scene.problem:
            st.info(scene.problem, icon=":material/view_in_ar_off:")
        elif scene.address:
            st.iframe(scene.address, height=680)
            st.caption("Drag to turn, wheel to zoom. Bodies only, on a coarser grid than the one measured.")


def show_levels(view: services.PatientView) -> None:
    """Every level: number, interval, and why one does not count."""
    st.subheader("Levels")
    show_level_table(view)
    limits = services.limits()
    st.caption(
        f"Click a level to move the planes there. Limits: {limits.osteoporosis_below:g} and {limits.normal_above:g} "
        f"{wording.UNIT}, applied to the mean of the levels that count."
    )


def show_level_figure(view: services.PatientView) -> None:
    """vBMD from level to level, with the limits drawn."""
    points = [
        figures.LevelPoint(level=row.level.name, vbmd_mg_cm3=row.vbmd_mg_cm3, used=row.level in view.levels_used)
        for row in view.levels
        if row.vbmd_mg_cm3 is not None
    ]
    if points:
        st.subheader("From level to level")
        st.plotly_chart(figures.levels_figure(points, services.limits()), config={"displayModeBar": False})


def show_patient(view: services.PatientView) -> None:
    """The whole page of one series."""
    show_header(view)
    pictures = st.container()
    if view.levels:
        show_levels(view)
        show_fractures(view)
    st.subheader("Follow-up and readings")
    show_reading(view)
    show_history(view.series_key)
    left, right = st.columns(2, gap="large")
    with left:
        show_what_to_mind(view)
        show_level_figure(view)
    with right:
        show_origin(view)
        show_other_series(view)
    with pictures:  # last, for the first look at a CT takes seconds and the numbers need not wait for it
        show_viewer(view)


st.page_link("pages/worklist.py", label="Worklist", icon=":material/arrow_back:")
key = st.query_params.get("series") or st.session_state.get(frame.OPEN_SERIES)
if not services.cohort_numbers().series:
    st.title("Patient")
    frame.draw_no_series()
elif not key:
    st.title("Patient")
    frame.draw_empty("No patient is open. Choose one in the worklist.", icon=":material/person_search:")
else:
    view = services.patient(key)
    if view is None:
        st.title("Patient")
        frame.draw_empty(
            "This store holds no such series; the address may come from another store. Choose one in the worklist."
        )
    else:
        st.session_state[frame.OPEN_SERIES] = key
        if st.query_params.get("series") != key:
            st.query_params["series"] = key
        show_patient(view)
