"""Follow-up: from flag to action. The state of every flag, what is overdue, the indicators, the clinic's capacity."""

from __future__ import annotations

import streamlit as st

from osteo_core.errors import UsageError
from osteo_core.programme.capacity import plan
from osteo_core.programme.follow_up import ENDED
from osteo_core.programme.indicators import Band, Indicator
from pages.ui import services
from pages.ui.access.users import seen_by
from pages.ui.follow_up import figures as follow_up_figures
from pages.ui.shared import address, filters, frame, wording
from pages.ui.shared.literal import literal
from pages.ui.shared.take_figure import show_figure

_COLOURS = {Band.RED: "#B02A1E", Band.AMBER: "#8F5E00", Band.GREEN: "#00724F", Band.UNKNOWN: "#5F646D"}
_SHARE_HELP = "Share of newly flagged patients and of those waiting for review; the others are closed at review"


def show_states(chosen: services.CohortFilter, found: list[services.StateCount]) -> None:
    """Every state with its count, and the list of overdue series."""
    open_ones = sum(s.count for s in found if s.state not in ENDED)
    overdue = sum(s.overdue for s in found)
    columns = st.columns(3)
    columns[0].metric("Series followed", f"{sum(s.count for s in found):,}", border=True)
    columns[1].metric("Open", f"{open_ones:,}", border=True, help="Neither ended nor closed")
    columns[2].metric("Overdue", f"{overdue:,}", border=True, help="The time allowed since the flag has passed")
    if overdue:
        st.page_link(
            "pages/worklist.py",
            label=f"Work through the {overdue:,} overdue",
            icon=":material/list_alt:",
            query_params={**filters.link_query(chosen), "overdue": "true", "sort": "due date"},
        )
    else:
        st.caption("Nothing is overdue.")
    show_figure(follow_up_figures.states_figure(found), name="follow_up_states", chosen=chosen, key="states")
    st.caption(
        "Deadlines run from the flag: review 5 working days; assessment and DXA 12 weeks; start of treatment and "
        "4-month contact 16 weeks; 12-month contact 52 weeks. Notes are added in the worklist or on the patient's "
        "page; nothing is ever erased."
    )


def _line(one: Indicator) -> dict[str, object]:
    return {
        "no": one.number,
        "words": one.words,
        "share": wording.percent(one.share),
        "band": [one.band.value],
        "done": f"{one.count.done:,} of {one.count.due:,}" if one.share else wording.MISSING,
        "running": f"{one.count.running:,}",
    }


def show_indicators(chosen: services.CohortFilter) -> None:
    """The eleven published indicators and the programme's own."""
    st.subheader("Indicators")
    expected = st.number_input(
        "Expected spine fractures in this period",
        0,
        None,
        key="expected",
        width=290,
        help="Number expected in the population served; without it, the second indicator has no denominator",
    )
    found = services.programme_indicators(chosen, expected_spine_fractures=int(expected), seen_by=seen_by())
    config = {
        "no": st.column_config.NumberColumn("", width=30),
        "words": st.column_config.TextColumn("Indicator", width=310),
        "share": st.column_config.TextColumn("Share (95 % interval)", width=140),
        "band": st.column_config.MultiselectColumn(
            "Band",
            options=[band.value for band in Band],
            color=[_COLOURS[band] for band in Band],
            width=85,
            help="Below 50 % red, above 80 % green, amber between them",
        ),
        "done": st.column_config.TextColumn("Done", width=75, help="Of the patients whose time span is over"),
        "running": st.column_config.TextColumn("Under way", width=75, help="Patients whose time span is not over yet"),
    }
    st.dataframe(
        [_line(one) for one in found],
        hide_index=True,
        placeholder="",
        alt="Indicators",
        height="content",
        column_config=config,
    )
    for why in dict.fromkeys(one.why for one in found if one.why):
        numbers = ", ".join(str(one.number) for one in found if one.why == why)
        st.caption(literal(f"{numbers}: {why}"))
    st.caption(
        "A patient counts once, by the first confirmed flag, otherwise by the flag that has waited longest for "
        "review. Weeks count from the flag. Indicators 3 to 11 count patients whose flag was confirmed and whose "
        "time span is over; patients who died or moved away earlier are not counted. 11: fracture risk, DXA, falls and "
        "a decision are recorded, or the reason why the follow-up ended. 1 to 11 are those of IOF, FFN and NOF "
        "(Javaid 2020, Osteoporos Int 31:1193); 12 and 13 are the programme's own. Wilson 95 % intervals."
    )


def show_capacity(chosen: services.CohortFilter) -> None:
    """Patients flagged per week against the clinic's slots."""
    st.subheader("Capacity")
    queue = services.flag_queue(chosen, seen_by=seen_by())
    left, middle, right = st.columns([1, 1, 2], vertical_alignment="bottom")
    slots = left.number_input("Clinic slots a week", 0, address.MOST_SLOTS, key="slots")
    share = middle.number_input("Patients who need a slot, %", 0, 100, key="share", help=_SHARE_HELP)
    try:
        ahead = plan(
            queue.flags,
            to_review=queue.to_review,
            before_clinic=queue.before_clinic,
            slots_a_week=float(slots),
            share_to_clinic=share / 100,
        )
    except UsageError as refused:
        st.info(literal(wording.sentence(str(refused))) + ".", icon=":material/event_busy:")
        return
    clear = (
        "The queue does not empty."
        if ahead.weeks_to_clear is None
        else f"The queue empties in {wording.counted(ahead.weeks_to_clear, 'week')}."
    )
    right.markdown(
        f"**{ahead.flags_a_week:.1f}** patients flagged a week ({ahead.flags_low:.1f} to {ahead.flags_high:.1f}) over "
        f"{wording.counted(len(queue.weeks), 'full week')}; {queue.to_review:,} wait for review and "
        f"{queue.before_clinic:,} for the clinic; of these, {ahead.queue[0]:,.0f} need a slot. "
        f"{literal(clear)} "
        f"**{ahead.slots_needed:,}** slots a week would cover the upper estimate."
    )
    left, right = st.columns(2, gap="large")
    with left:
        flags = follow_up_figures.flags_figure(queue, slots=float(slots))
        show_figure(flags, name="flags_a_week", chosen=chosen, key="flags")
    with right:
        show_figure(follow_up_figures.queue_figure(ahead), name="queue_ahead", chosen=chosen, key="queue")


if not services.has_series():
    st.title("Follow-up")
    frame.draw_no_series()
else:
    chosen = filters.heading("Follow-up", "follow_up")
    found = services.states(chosen, seen_by=seen_by())
    if not sum(one.count for one in found):
        frame.draw_empty("No patient in this filter is flagged: nothing to follow up.", icon=":material/flag:")
    else:
        show_states(chosen, found)
        show_indicators(chosen)
        show_capacity(chosen)
