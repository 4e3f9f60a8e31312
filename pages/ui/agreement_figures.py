"""Agreement with QCT as figures: scatter with the line of identity, and Bland-Altman a vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from osteo_core.records import Estimate
from pages.ui import wording
from pages.ui.colours import GREY, VENDOR_SYMBOLS, vendor_colour
from pages.ui.figures import vendor_marker

_AXIS = "vBMD by QCT"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One patient or level measured both ways, in mg/cm3; ``who`` is the patient's short key, and the level."""

    series_key: str
    who: str
    vendor: str
    measured: float
    reference: float


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What Bland-Altman and Pearson say of one group; differences are measured minus QCT."""

    group: str
    n: int
    r: Estimate | None
    bias: Estimate | None
    lower_limit: Estimate | None
    upper_limit: Estimate | None


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


def scatter_figure(pairs: Sequence[Pair]) -> go.Figure:
    """Measured against QCT with the line of identity, vendors told apart by colour and shape."""
    figure = go.Figure()
    values = [value for p in pairs for value in (p.measured, p.reference)]
    ends = [0.0, max(values, default=200.0) * 1.05]
    figure.add_trace(
        go.Scatter(
            x=ends, y=ends, mode="lines", name="identity", line={"color": GREY, "dash": "dash"}, hoverinfo="skip"
        )
    )
    for vendor, group in _by_vendor(pairs).items():
        figure.add_trace(_points(vendor, group, [p.reference for p in group], [p.measured for p in group]))
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    return _frame(figure, f"{_AXIS} ({wording.UNIT})", f"vBMD from this CT ({wording.UNIT})")


def bland_altman_figure(pairs: Sequence[Pair], agreement: Agreement) -> go.Figure:
    """Difference against mean, with bias, 95 % limits of agreement and their intervals as bands."""
    figure = go.Figure()
    for vendor, group in _by_vendor(pairs).items():
        mean = [(p.measured + p.reference) / 2 for p in group]
        figure.add_trace(_points(vendor, group, mean, [p.measured - p.reference for p in group]))
    single = agreement.group if agreement.group in _by_vendor(pairs) else None
    colour = vendor_colour(single) if single else GREY
    figure.add_hline(0.0, line={"color": GREY, "width": 1})
    named = (
        ("bias", agreement.bias, "solid"),
        ("lower limit", agreement.lower_limit, "dash"),
        ("upper limit", agreement.upper_limit, "dash"),
    )
    for name, estimate, dash in named:
        if estimate is None:
            continue
        figure.add_hrect(estimate.low, estimate.high, fillcolor=colour, opacity=0.14, line_width=0)
        figure.add_hline(
            estimate.value,
            line={"color": colour, "dash": dash, "width": 2},
            annotation_text=f"{name} {estimate.value:+.1f}",
            annotation_position="top right",
        )
    return _frame(figure, f"mean of both ({wording.UNIT})", f"this CT minus QCT ({wording.UNIT})")
