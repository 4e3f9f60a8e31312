"""Agreement with QCT as figures: scatter with the line of identity, and Bland-Altman a vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from osteo_core.programme.comparison import Comparison
from osteo_core.records import Estimate
from osteo_core.statistics.regression import Line
from pages.ui import wording
from pages.ui.colours import BLUE, GREY, VENDOR_SYMBOLS, vendor_colour
from pages.ui.figures import vendor_marker

_AXIS = "vBMD by QCT"
#: Above so many points a figure shows how many lie where instead.
MOST_POINTS = 20_000


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One patient or level measured both ways, in mg/cm3; ``who`` is the patient's short key, and the level."""

    series_key: str
    who: str
    patient: str
    vendor: str
    measured: float
    reference: float


def _frame(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=440,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(title=x, automargin=True)
    figure.update_yaxes(title=y, automargin=True)
    return figure


def _by_vendor(pairs: Sequence[Pair]) -> Mapping[str, list[Pair]]:
    groups: dict[str, list[Pair]] = {}
    for pair in sorted(pairs, key=lambda p: p.vendor):
        groups.setdefault(pair.vendor, []).append(pair)
    return groups


def _points(vendor: str, pairs: Sequence[Pair], x: list[float], y: list[float]) -> go.Scatter:
    return go.Scatter(
        name=f"{vendor} (n {len(pairs)})",
        x=x,
        y=y,
        mode="markers",
        marker=vendor_marker(vendor, VENDOR_SYMBOLS),
        customdata=[[p.who, p.measured, p.reference, p.series_key] for p in pairs],
        hovertemplate=f"{vendor}<br>patient %{{customdata[0]}}<br>"
        "CT %{customdata[1]:.0f}, QCT %{customdata[2]:.0f} mg/cm³"
        "<extra></extra>",
    )


def scatter_figure(pairs: Sequence[Pair], lines: Mapping[str, Line]) -> go.Figure:
    """Measured against QCT with the lines of identity, Passing-Bablok and Deming; vendors by colour and shape."""
    figure = go.Figure()
    values = [value for p in pairs for value in (p.measured, p.reference)]
    ends = [0.0, max(values, default=200.0) * 1.05]
    figure.add_trace(
        go.Scatter(
            x=ends, y=ends, mode="lines", name="identity", line={"color": GREY, "dash": "dash"}, hoverinfo="skip"
        )
    )
    for (name, line), dash in zip(lines.items(), ("solid", "dot"), strict=False):
        y = [line.intercept.value + line.slope.value * x for x in ends]
        figure.add_trace(
            go.Scatter(x=ends, y=y, mode="lines", name=name, line={"color": BLUE, "dash": dash}, hoverinfo="skip")
        )
    if len(pairs) > MOST_POINTS:
        figure.add_trace(_binned([p.reference for p in pairs], [p.measured for p in pairs]))
        return _frame(figure, f"{_AXIS} ({wording.UNIT})", f"vBMD from this CT ({wording.UNIT})")
    for vendor, group in _by_vendor(pairs).items():
        figure.add_trace(_points(vendor, group, [p.reference for p in group], [p.measured for p in group]))
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    return _frame(figure, f"{_AXIS} ({wording.UNIT})", f"vBMD from this CT ({wording.UNIT})")


def _binned(x: list[float], y: list[float]) -> go.Histogram2d:
    """Too many points to tell apart: how many lie where."""
    return go.Histogram2d(
        x=x,
        y=y,
        nbinsx=80,
        nbinsy=80,
        colorscale="Blues",
        colorbar={"title": "pairs"},
        hovertemplate="%{x}, %{y}: %{z} pairs<extra></extra>",
    )


def bland_altman_figure(pairs: Sequence[Pair], comparison: Comparison) -> go.Figure:
    """Difference against mean, with bias, 95 % limits of agreement and their intervals as bands."""
    figure = go.Figure()
    agreement = comparison.bland_altman
    if len(pairs) > MOST_POINTS:
        figure.add_trace(
            _binned([(p.measured + p.reference) / 2 for p in pairs], [p.measured - p.reference for p in pairs])
        )
    for vendor, group in _by_vendor(pairs).items() if len(pairs) <= MOST_POINTS else ():
        mean = [(p.measured + p.reference) / 2 for p in group]
        figure.add_trace(_points(vendor, group, mean, [p.measured - p.reference for p in group]))
    single = comparison.group if comparison.group in _by_vendor(pairs) else None
    colour = vendor_colour(single) if single else GREY
    figure.add_hline(0.0, line={"color": GREY, "width": 1})
    named: tuple[tuple[str, Estimate, str], ...] = ()
    if agreement is not None:
        named = (
            ("bias", agreement.bias, "solid"),
            ("lower limit", agreement.lower_limit, "dash"),
            ("upper limit", agreement.upper_limit, "dash"),
        )
    for name, estimate, dash in named:
        figure.add_hrect(estimate.low, estimate.high, fillcolor=colour, opacity=0.14, line_width=0)
        figure.add_hline(
            estimate.value,
            line={"color": colour, "dash": dash, "width": 2},
            annotation_text=f"{name} {estimate.value:+.1f}",
            annotation_position="top right",
        )
    return _frame(figure, f"mean of both ({wording.UNIT})", f"this CT minus QCT ({wording.UNIT})")
