"""Follow-up as figures: states of flags, flags per week, the queue ahead."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from osteo_core.programme.capacity import Plan
from pages.ui.services.follow_up import Queue, StateCount
from pages.ui.shared.colours import BLUE, GREY, ORANGE, VERMILION
from pages.ui.shared.figures import layout

#: Up to so many weeks have a tick each.
_NAMED_WEEKS = 8


def states_figure(found: Sequence[StateCount]) -> go.Figure:
    """Series by state in order of follow-up, overdue ones in their own colour."""
    words = [one.state.value for one in found]
    figure = go.Figure()
    for name, counts, colour in (
        ("in time", [one.count - one.overdue for one in found], BLUE),
        ("overdue", [one.overdue for one in found], VERMILION),
    ):
        figure.add_trace(
            go.Bar(
                name=name,
                y=words,
                x=counts,
                orientation="h",
                marker_color=colour,
                hovertemplate="%{y}, " + name + ": %{x:,}<extra></extra>",
            )
        )
    figure.update_layout(barmode="stack", bargap=0.25)
    figure.update_yaxes(autorange="reversed")
    if max((one.count for one in found), default=0) <= 8:
        figure.update_xaxes(dtick=1)
    return layout(figure, height=420, x="series", y="")


def flags_figure(queue: Queue, *, slots: float) -> go.Figure:
    """Patients flagged per week with the clinic's slots as a line."""
    figure = go.Figure(
        go.Bar(
            x=list(queue.weeks),
            y=list(queue.flags),
            marker_color=ORANGE,
            hovertemplate="week of %{x|%-d %b %Y}: %{y} patients flagged<extra></extra>",
        )
    )
    figure.add_hline(slots, line={"color": GREY, "dash": "dash", "width": 1.5}, annotation_text=f"{slots:,.0f} slots")
    figure.update_xaxes(tickformat="%-d %b")
    if len(queue.weeks) <= _NAMED_WEEKS:  # few bars: a tick for each, or the axis names the same day several times
        figure.update_xaxes(tickvals=list(queue.weeks))
    return layout(figure, height=300, x="week (its Monday)", y="patients flagged a week")


def queue_figure(ahead: Plan) -> go.Figure:
    """Patients expected to wait for a slot at the end of each week ahead."""
    figure = go.Figure(
        go.Scatter(
            x=list(range(len(ahead.queue))),
            y=list(ahead.queue),
            mode="lines+markers",
            line={"color": BLUE},
            hovertemplate="in %{x} weeks: %{y:.0f} wait<extra></extra>",
        )
    )
    figure.update_yaxes(rangemode="tozero")
    return layout(figure, height=300, x="weeks from now", y="patients waiting for a slot (expected)")
