"""Bias and limits of agreement of each test set beside the targets."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from osteo_core.records import Estimate
from pages.ui.services.replication import StudyLine
from pages.ui.shared import wording
from pages.ui.shared.colours import GREEN, GREY, vendor_colour
from pages.ui.shared.figures import layout
from pages.ui.shared.literal import literal_in_figure

_ROW_PX = 64


def forest_figure(groups: Sequence[Sequence[StudyLine]]) -> go.Figure:
    """One panel per calibration: bias with its interval as a bar, limits as ends of a line, targets as background
    bands.
    """
    titles = [literal_in_figure(group[0].calibration) for group in groups]
    figure = make_subplots(rows=1, cols=len(groups), subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.04)
    for column, group in enumerate(groups, start=1):
        for line in group:
            _draw_set(figure, line, column)
        _draw_targets(figure, group[0], column)  # after the sets: an empty panel takes no ground
    layout(figure, height=120 + _ROW_PX * len(groups[0]), x=f"this CT minus QCT ({wording.UNIT})", y="")
    figure.update_layout(showlegend=False)
    figure.update_xaxes(zeroline=False, matches="x")
    figure.update_yaxes(autorange="reversed")
    return figure


def _draw_targets(figure: go.Figure, line: StudyLine, column: int) -> None:
    """Limits should end within the pale band, and the bias within the darker one."""
    for reach, opacity in ((line.targets["target_loa"], 0.10), (line.targets["target_bias"], 0.18)):
        figure.add_vrect(
            -reach, reach, fillcolor=GREEN, opacity=opacity, line_width=0, layer="below", row=1, col=column
        )
    figure.add_vline(0.0, line={"color": GREY, "width": 1}, row=1, col=column)


def _draw_set(figure: go.Figure, line: StudyLine, column: int) -> None:
    name = literal_in_figure(f"Set {line.number}, {line.vendor}")
    found = [line.figures.get(part) for part in ("loa_low", "bias", "loa_high")]
    if not all(found):
        return
    low, bias, high = (one for one in found if one is not None)
    colour = vendor_colour(line.vendor)
    figure.add_trace(
        go.Scatter(
            x=[low.value, high.value],
            y=[name, name],
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": "line-ns-open", "size": 16, "color": colour},
            customdata=[_words("lower limit", low), _words("upper limit", high)],
            hovertemplate="%{y}<br>%{customdata}<extra></extra>",
        ),
        row=1,
        col=column,
    )
    figure.add_trace(
        go.Scatter(
            x=[bias.value],
            y=[name],
            mode="markers",
            marker={"symbol": "diamond", "size": 11, "color": colour},
            error_x={"array": [bias.high - bias.value], "arrayminus": [bias.value - bias.low], "thickness": 5},
            customdata=[_words("bias", bias)],
            hovertemplate="%{y}<br>%{customdata}<extra></extra>",
        ),
        row=1,
        col=column,
    )


def _words(part: str, found: Estimate) -> str:
    return f"{part} {wording.estimate(found, digits=1, unit=wording.UNIT)}"
