"""Exclusions: the flow of all series from found to a category; every box opens the list of its series."""

from __future__ import annotations

import streamlit as st

from pages.ui import services
from pages.ui.access.users import seen_by
from pages.ui.services import Box, BoxKind
from pages.ui.shared import filters, frame, wording
from pages.ui.shared.faults import draw_fault, in_words
from pages.ui.shared.literal import literal

STEP_WORDS = {
    "find": "left out by their headers",
    "read": "left out when the volume was read",
    "segment": "left out when the vertebrae were outlined",
    "measure": "left out when they were measured",
    "calibrate": "left out when HU were calibrated",
    "assess": "left without a category",
    "run": "failed (software or hardware)",
}
AFTER_WORDS = {
    "find": "eligible by their headers",
    "read": "whose volume was read",
    "segment": "with vertebrae outlined",
    "measure": "measured",
    "calibrate": "calibrated",
    "assess": "assessed",
    "run": "analyzed to the end",
}
#: In the address: the box whose series are listed.
BOX = "box"
_WIDTHS = (1.25, 0.14, 1.6)


def box_button(count: int, words: str, box: Box, *, help: str = "", is_reason: bool = False) -> None:
    """One box: a number, what it counts, and its list on a click."""
    st.button(
        f"{count:,} · {literal(words)}" if is_reason else f"**{count:,}** {literal(words)}",
        key=f"box-{box.to_query()}",
        type="tertiary" if is_reason else "secondary",
        width="content" if is_reason else "stretch",
        help=literal(help) or None,
        disabled=not count,
        on_click=_open,
        args=(box,),
    )


@in_words()
def _open(box: Box) -> None:
    st.session_state[BOX] = box.to_query()


@in_words()
def _close() -> None:
    st.session_state[BOX] = ""


def arrow(sign: str) -> None:
    """An arrow from box to box."""
    st.html(f'<div class="flow-arrow" aria-hidden="true">{sign}</div>')


def show_step(step: services.FlowStep, before: tuple[str, ...], waiting: int) -> None:
    """Series that reached a step on the left, series left out there on the right, by reason."""
    left, middle, right = st.columns(_WIDTHS, vertical_alignment="center", gap="small")
    with left:
        if before:
            words = AFTER_WORDS[before[-1]] if before != ("find",) or not waiting else "eligible and analyzed"
            box_button(step.entered, f"series {words}", Box(kind=BoxKind.GOES_ON, steps=before))
        else:
            box_button(step.entered, "series found", Box(kind=BoxKind.FOUND))
        arrow("↓")
    with middle:
        arrow("→")
    with right.container(border=True, gap=None):
        box = Box(kind=BoxKind.LEFT_OUT, steps=(step.step,))
        box_button(step.left_out, STEP_WORDS[step.step], box)
        for reason in step.reasons:
            one = Box(kind=BoxKind.LEFT_OUT, steps=(step.step,), code=reason.code)
            box_button(reason.count, reason.words, one, help=services.reason_help(reason.code), is_reason=True)
    if step.step == "find" and waiting:
        with right:
            box_button(waiting, "not analyzed yet", Box(kind=BoxKind.WAITING))


def show_ends(flow: services.Flow) -> None:
    """The last box and its categories, each with its flags and its series comparable with QCT."""
    steps = tuple(step.step for step in flow.steps)
    box_button(flow.categorised, "series with a category", Box(kind=BoxKind.GOES_ON, steps=steps))
    for column, end in zip(st.columns(len(flow.ends)), flow.ends, strict=True):
        with column:
            arrow("↓")
            with st.container(border=True, gap=None, height="stretch"):
                box = Box(kind=BoxKind.CATEGORY, code=end.category.value)
                box_button(end.count, end.category.value, box)
                st.caption(
                    f"{end.flagged:,} flagged  \n{end.with_qct:,} with a QCT value, "
                    f"{end.count - end.with_qct:,} without"
                )


def show_flow(flow: services.Flow) -> None:
    """The whole diagram, from the top down."""
    done: tuple[str, ...] = ()
    for step in flow.steps:
        show_step(step, done, flow.waiting)
        done = (*done, step.step)
    show_ends(flow)


def title_of(box: Box) -> str:
    """What a box holds, in words."""
    if box.kind is BoxKind.LEFT_OUT:
        words = services.reason_words(box.code) if box.code else ", ".join(STEP_WORDS[step] for step in box.steps)
        return f"Series: {words}"
    if box.kind is BoxKind.GOES_ON:
        return f"Series {AFTER_WORDS[box.steps[-1]]}" if box.steps else "Series that go on"
    return {
        BoxKind.FOUND: "All series found",
        BoxKind.PROCESSED: "Series processed",
        BoxKind.WAITING: "Series not analyzed yet",
    }.get(box.kind, f"Series: {box.code}")


def show_series(box: Box, chosen: services.CohortFilter) -> None:
    """The series of one box; a click on a row opens the patient."""
    rows = services.box_series(box, chosen)
    if not rows:
        st.caption("No series in this filter.")
        return
    more = " Only the latest are listed; Export gives all." if len(rows) == services.MOST_LISTED else ""
    st.caption(f"{wording.counted(len(rows), 'series', 'series')}. Click a row to open the patient.{more}")
    shown = ("patient", "status", "sentence", "vbmd", "vendor", "age", "sex", "study_date")
    event = st.dataframe(
        [{name: row[name] for name in shown} for row in rows],
        hide_index=True,
        placeholder="",
        alt="Series of the box",
        on_select="rerun",
        selection_mode="single-cell",
        key=f"rows-{box.to_query()}",
        column_config={
            "patient": st.column_config.TextColumn("Patient", width=85),
            "status": st.column_config.TextColumn("Status", width=80),
            "sentence": st.column_config.TextColumn("Reason or category", width=300),
            "vbmd": st.column_config.NumberColumn("vBMD", format="%.0f", width=60, help=f"Mean, {wording.UNIT}"),
            "vendor": st.column_config.TextColumn("Vendor", width=100),
            "age": st.column_config.NumberColumn("Age", format="%.0f", width=50),
            "sex": st.column_config.TextColumn("Sex", width=45),
            "study_date": st.column_config.DateColumn("Study", format="D MMM YYYY", width=95),
        },
    )
    cells = event["selection"]["cells"]
    if cells:
        frame.open_patient(str(rows[cells[0][0]]["series_key"]))


if not services.has_series():
    st.title("Exclusions")
    frame.draw_no_series()
else:
    chosen = filters.heading("Exclusions", "exclusions")
    flow = services.exclusion_flow(chosen, reader=seen_by())
    columns = st.columns(3)
    columns[0].metric("Series found", f"{flow.found:,}", border=True, help="Failures and exclusions stay in it")
    columns[1].metric(
        "Without a category",
        wording.share(flow.left_out, flow.found),
        border=True,
        help="Excluded, failed, or measured without a category, by their first reason; series not yet analyzed are in "
        "neither",
    )
    columns[2].metric("With a category", wording.share(flow.categorised, flow.found), border=True)
    if flow.found:
        show_flow(flow)
        st.caption(
            "Each series counts once, at its first reason. All shares are of the series found: failed and excluded "
            "series stay in the denominator. Click a box to see its series."
        )
    else:
        st.caption("No series in this filter.")
    if flow.levels:
        with st.expander(f"Single levels left out within measured series ({sum(r.count for r in flow.levels):,})"):
            for reason in flow.levels:
                st.markdown(f"**{reason.count:,}** · {literal(reason.words)}")
    asked = Box.from_query(st.session_state[BOX])
    if asked is None and st.session_state[BOX]:
        st.warning(f"There is no box '{literal(st.session_state[BOX])}' in this figure.", icon=":material/link_off:")
    if asked is not None:
        show = in_words(draw_fault)(show_series)
        listed = st.dialog(literal(title_of(asked)), width="large", on_dismiss=_close)(show)
        listed(asked, chosen)
