"""Agreement with QCT as figures: scatter with the line of identity, and Bland-Altman by vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from osteo_core.programme.comparison import Comparison
from osteo_core.records import Estimate
from osteo_core.statistics.regression import Line
from osteo_core.tables.qct import Distribution
from osteo_core.terms import Level
from pages.ui.shared import wording
from pages.ui.shared.colours import BLUE, GREY, vendor_colour
from pages.ui.shared.figures import Limits, add_limits, vendor_marker
from pages.ui.shared.literal import literal_in_figure

Values = NDArray[np.float64]
_AXIS = "vBMD by QCT"
#: Above this number of points a figure shows counts in CELLS x CELLS cells instead; a box leads to its points.
MOST_POINTS = 20_000
CELLS = 60
_CELL_PX = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Patients or levels measured both ways: (n,) each, values in mg/cm3 of ``mineral``.

    ``patient`` numbers the patients, ``patient_key`` is their keyed hash; ``level`` is 0 for the patient's mean.
    """

    series_key: NDArray[np.object_]
    patient_key: NDArray[np.object_]
    patient: NDArray[np.integer]
    vendor: NDArray[np.object_]
    level: NDArray[np.integer]
    measured: NDArray[np.float64]
    reference: NDArray[np.float64]
    mineral: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.measured)

    def vendors(self) -> list[str]:
        """The vendors among them, in alphabetical order."""
        return sorted(set(self.vendor))

    def minerals(self) -> list[str]:
        """The minerals among them, the most frequent first. Two minerals are two scales: no figure holds both."""
        names, counts = np.unique(self.mineral.astype(str), return_counts=True)
        return [str(name) for _, name in sorted(zip(-counts, names, strict=True))]

    def in_mineral(self, mineral: str) -> Pairs:
        """Those in one mineral."""
        return self.where(self.mineral == mineral)

    def of(self, vendor: str) -> Pairs:
        """Those of one vendor."""
        return self.where(self.vendor == vendor)

    def where(self, held: NDArray[np.bool_]) -> Pairs:
        """Those for which ``held`` (n,) is true."""
        return Pairs(**{field.name: getattr(self, field.name)[held] for field in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Zoom:
    """The zoomed part of a figure: limits of both axes in mg/cm3, the ends included."""

    x: tuple[float, float]
    y: tuple[float, float]


#: Where pairs lie in a figure: (n,) each along x and along y.
Place = Callable[[Pairs], tuple[Values, Values]]


def on_scatter(pairs: Pairs) -> tuple[Values, Values]:
    """Positions of pairs in the scatter: QCT, this CT."""
    return pairs.reference, pairs.measured


def on_bland_altman(pairs: Pairs) -> tuple[Values, Values]:
    """Positions of pairs in the Bland-Altman plot: mean of both, this CT minus QCT."""
    return (pairs.measured + pairs.reference) / 2, pairs.measured - pairs.reference


def within(pairs: Pairs, zoom: Zoom, place: Place) -> Pairs:
    """The pairs in that part of a figure."""
    x, y = place(pairs)
    return pairs.where((x >= zoom.x[0]) & (x <= zoom.x[1]) & (y >= zoom.y[0]) & (y <= zoom.y[1]))


def _zoomed(figure: go.Figure, zoom: Zoom | None) -> None:
    if zoom is not None:
        figure.update_xaxes(range=list(zoom.x))
        figure.update_yaxes(range=list(zoom.y))


def _frame(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=480,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        # Short entries of one width form two columns in a narrow figure and save height. The empty title keeps the
        # first entries clear of the toolbar, which Streamlit always shows over a figure whose points can be clicked.
        legend={
            "orientation": "h",
            "y": 1.0,
            "yanchor": "bottom",
            "x": 0,
            "entrywidth": 78,
            "font": {"size": 11},
            "title": {"text": "<br> ", "side": "top"},
        },
    )
    figure.update_xaxes(title=x, automargin=True)
    figure.update_yaxes(title=y, automargin=True)
    return figure


def _points(vendor: str, pairs: Pairs, x: Values, y: Values, hover: str) -> go.Scatter:
    names = {0: ""} | {int(level): f", {level.name}" for level in Level}
    shown = zip(pairs.patient_key, pairs.level, strict=True)
    who = np.array([wording.short_key(patient) + names[level] for patient, level in shown], dtype=object)
    name = literal_in_figure(vendor)
    return go.Scatter(
        name=name,
        x=x,
        y=y,
        mode="markers",
        marker=vendor_marker(vendor),
        customdata=np.column_stack([who, pairs.series_key]),  # an array: a list is looked through item by item
        hovertemplate=f"{name} (n {len(pairs):,})<br>patient %{{customdata[0]}}<br>{hover}<extra></extra>",
    )


def scatter_figure(pairs: Pairs, lines: Mapping[str, Line], zoom: Zoom | None = None) -> go.Figure:
    """Measured against QCT with the lines of identity, Passing-Bablok and Deming; vendors by colour and shape.

    More than MOST_POINTS pairs are counted in cells. ``zoom``: the part that is shown.
    """
    figure = go.Figure()
    largest = max(pairs.measured.max(), pairs.reference.max()) if len(pairs) else 200.0
    ends = [0.0, float(largest) * 1.05]
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
    _add_pairs(figure, pairs, on_scatter, ("QCT", "this CT"))
    _zoomed(figure, zoom or Zoom(x=(ends[0], ends[1]), y=(ends[0], ends[1])))
    return _frame(figure, f"{_AXIS} ({wording.UNIT})", f"vBMD from this CT ({wording.UNIT})")


def _add_pairs(figure: go.Figure, pairs: Pairs, place: Place, axes: tuple[str, str]) -> None:
    """Points by vendor, or, if they are too many to tell apart (and to send to a browser), cells with counts."""
    if len(pairs) > MOST_POINTS:
        figure.add_trace(_cells(*place(pairs), axes))
        figure.update_layout(dragmode="select")
        return
    hover = f"{axes[0]} %{{x:.0f}}, {axes[1]} %{{y:.0f}} mg/cm³"
    for vendor in pairs.vendors():
        group = pairs.of(vendor)
        figure.add_trace(_points(vendor, group, *place(group), hover))


def _cells(x: Values, y: Values, axes: tuple[str, str]) -> go.Scatter:
    """Counts per cell, drawn as squares, since only selectable markers can lead to their points."""
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=CELLS)
    i, j = np.nonzero(counts)
    edges = np.stack([x_edges[i], x_edges[i + 1], y_edges[j], y_edges[j + 1], counts[i, j]], axis=1)
    return go.Scatter(
        name="pairs",
        x=(x_edges[i] + x_edges[i + 1]) / 2,
        y=(y_edges[j] + y_edges[j + 1]) / 2,
        mode="markers",
        marker={
            "symbol": "square",
            "size": _CELL_PX,
            "color": counts[i, j],
            "colorscale": "Cividis",
            "colorbar": {"title": "pairs", "thickness": 14},
        },
        customdata=edges,
        hovertemplate=f"{axes[0]} %{{customdata[0]:.0f}} to %{{customdata[1]:.0f}}<br>"
        f"{axes[1]} %{{customdata[2]:.0f}} to %{{customdata[3]:.0f}} mg/cm³<br>"
        "%{customdata[4]:,} pairs<extra></extra>",
        showlegend=False,
    )


def bland_altman_figure(
    pairs: Pairs, comparison: Comparison, zoom: Zoom | None = None, *, difference: str = "this CT minus QCT"
) -> go.Figure:
    """Difference against mean, with bias, 95 % limits of agreement and their intervals as bands.

    More than MOST_POINTS pairs are counted in cells. ``zoom``: the part shown; ``difference``: axis title in words.
    """
    figure = go.Figure()
    agreement = comparison.bland_altman
    _add_pairs(figure, pairs, on_bland_altman, ("mean", "difference"))
    colour = vendor_colour(comparison.group) if comparison.group in pairs.vendors() else GREY
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
            annotation_text=f"{name} {estimate.value:+z.1f}",
            annotation_position="top right",
        )
    _zoomed(figure, zoom)
    return _frame(figure, f"mean of both ({wording.UNIT})", f"{difference} ({wording.UNIT})")


def imported_figure(values: Distribution, limits: Limits) -> go.Figure:
    """The values of a table before import, in the bins of the table reader, with the category limits."""
    lows = [low for low, _ in values.bins]
    width = min((b - a for a, b in pairwise(lows)), default=20.0)
    figure = go.Figure(
        go.Bar(
            x=[low + width / 2 for low in lows],
            y=[count for _, count in values.bins],
            width=width * 0.92,
            marker_color=BLUE,
            hovertemplate="%{x:.0f} mg/cm³: %{y}<extra></extra>",
        )
    )
    add_limits(figure, limits)
    figure.update_layout(height=220, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False)
    figure.update_xaxes(title=f"QCT values of the table ({wording.UNIT})", automargin=True)
    figure.update_yaxes(title="values", automargin=True)
    return figure
