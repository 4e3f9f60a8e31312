"""Drift as figures: a scanner's days with their baseline, and the CUSUM below with its limits."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from osteo_core.programme.drift import Chart, Quantity
from pages.ui.shared import wording
from pages.ui.shared.colours import BLUE, GREY, ORANGE, SKY, VERMILION

UNITS = {Quantity.VBMD: wording.UNIT, Quantity.FAT: "HU", Quantity.MUSCLE: "HU"}


def drift_figure(chart: Chart, quantity: Quantity) -> go.Figure:
    """Daily means with Shewhart limits above; CUSUM upwards and downwards with its limits below; alarms as lines."""
    days = chart.days
    when = np.array(days.day, dtype="datetime64[D]")
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.06)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.abs((days.mean - chart.baseline) / chart.z) * chart.shewhart_limit
    for edge, name in ((chart.baseline + half, "Shewhart limits"), (chart.baseline - half, "")):
        figure.add_trace(
            go.Scatter(
                x=when,
                y=edge,
                mode="lines",
                line={"color": GREY, "dash": "dot", "width": 1},
                name=name,
                showlegend=bool(name),
                hoverinfo="skip",
            ),
            row=1,
            col=1,
        )
    figure.add_trace(
        go.Scatter(
            x=when,
            y=days.mean,
            mode="markers",
            marker={"color": SKY, "size": 5},
            name="mean of the day",
            customdata=days.n,
            hovertemplate="%{x|%-d %b %Y}: %{y:.1f} " + UNITS[quantity] + ", n %{customdata:.0f}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=when,
            y=chart.baseline,
            mode="lines",
            line={"color": BLUE, "width": 2},
            name="baseline",
            hovertemplate="baseline %{y:.1f} " + UNITS[quantity] + "<extra></extra>",
        ),
        row=1,
        col=1,
    )
    _add_cusum(figure, chart, when)
    for alarm in chart.alarms:
        figure.add_vline(alarm.day, line={"color": VERMILION, "width": 1.5})
    figure.update_layout(
        height=460,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        dragmode=False,
    )
    figure.update_yaxes(title=f"difference ({UNITS[quantity]})", automargin=True, row=1, col=1)
    figure.update_yaxes(title="CUSUM (SD × patients)", automargin=True, row=2, col=1)
    figure.update_xaxes(title="day of the study", row=2, col=1)
    return figure


def _add_cusum(figure: go.Figure, chart: Chart, when: NDArray[np.datetime64]) -> None:
    for name, values, colour in (("CUSUM up", chart.high, ORANGE), ("CUSUM down", -chart.low, BLUE)):
        figure.add_trace(
            go.Scatter(
                x=when,
                y=values,
                mode="lines",
                line={"color": colour, "width": 1.5},
                name=name,
                hovertemplate=name + " %{y:.0f}<extra></extra>",
            ),
            row=2,
            col=1,
        )
    for limit in (chart.cusum_limit, -chart.cusum_limit):
        figure.add_hline(limit, line={"color": VERMILION, "dash": "dash", "width": 1}, row=2, col=1)
