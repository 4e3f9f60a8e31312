"""Agreement with QCT as figures: scatter with the line of identity, and Bland-Altman a vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from osteo_core.programme.comparison import Comparison
from osteo_core.records import Estimate
from osteo_core.statistics.regression import Line
from osteo_core.terms import Level
from pages.ui import wording
from pages.ui.colours import BLUE, GREY, VENDOR_SYMBOLS, vendor_colour
from pages.ui.figures import vendor_marker

Values = NDArray[np.float64]
_AXIS = "vBMD by QCT"
#: Above so many points a figure shows how many lie where instead.
MOST_POINTS = 20_000


#: A binned figure has so many cells on each side.
CELLS = 80


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Patients or levels measured both ways: (n,) each, values in mg/cm3.

    ``patient`` numbers the patients, ``patient_key`` is their keyed hash; ``level`` is 0 for the patient's mean.
    """

    series_key: NDArray[np.object_]
    patient_key: NDArray[np.object_]
    patient: NDArray[np.integer]
    vendor: NDArray[np.object_]
    level: NDArray[np.integer]
    measured: NDArray[np.float64]
    reference: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.measured)

    def vendors(self) -> list[str]:
        """The vendors among them, in the order of the alphabet."""
        return sorted(set(self.vendor))

    def of(self, vendor: str) -> Pairs:
        """Those of one vendor."""
        held = self.vendor == vendor
        return Pairs(**{field.name: getattr(self, field.name)[held] for field in fields(self)})


def _frame(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=440,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(title=x, automargin=True)
    figure.update_yaxes(title=y, automargin=True)
    return figure


def _points(vendor: str, pairs: Pairs, x: Values, y: Values, hover: str) -> go.Scatter:
    names = {0: ""} | {int(level): f", {level.name}" for level in Level}
    shown = zip(pairs.patient_key, pairs.level, strict=True)
    who = np.array([wording.short_key(patient) + names[level] for patient, level in shown], dtype=object)
    return go.Scatter(
        name=f"{vendor} (n {len(pairs)})",
        x=x,
        y=y,
        mode="markers",
        marker=vendor_marker(vendor, VENDOR_SYMBOLS),
        customdata=np.column_stack([who, pairs.series_key]),  # an array: a list is looked through item by item
        hovertemplate=f"{vendor}<br>patient %{{customdata[0]}}<br>{hover}<extra></extra>",
    )


def scatter_figure(pairs: Pairs, lines: Mapping[str, Line]) -> go.Figure:
    """Measured against QCT with the lines of identity, Passing-Bablok and Deming; vendors by colour and shape."""
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
    if len(pairs) > MOST_POINTS:
        figure.add_trace(_binned(pairs.reference, pairs.measured))
        return _frame(figure, f"{_AXIS} ({wording.UNIT})", f"vBMD from this CT ({wording.UNIT})")
    hover = "CT %{y:.0f}, QCT %{x:.0f} mg/cm³"
    for vendor in pairs.vendors():
        group = pairs.of(vendor)
        figure.add_trace(_points(vendor, group, group.reference, group.measured, hover))
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    return _frame(figure, f"{_AXIS} ({wording.UNIT})", f"vBMD from this CT ({wording.UNIT})")


def _binned(x: Values, y: Values) -> go.Heatmap:
    """Too many points to tell apart: how many lie where. The counts travel, not the points."""
    counts, across, upwards = np.histogram2d(x, y, bins=CELLS)
    return go.Heatmap(
        x=(across[1:] + across[:-1]) / 2,
        y=(upwards[1:] + upwards[:-1]) / 2,
        z=np.where(counts > 0, counts, np.nan).T,
        colorscale="Blues",
        colorbar={"title": "pairs"},
        hoverongaps=False,
        hovertemplate="%{x:.0f}, %{y:.0f}: %{z:,} pairs<extra></extra>",
    )


def bland_altman_figure(pairs: Pairs, comparison: Comparison) -> go.Figure:
    """Difference against mean, with bias, 95 % limits of agreement and their intervals as bands."""
    figure = go.Figure()
    agreement = comparison.bland_altman
    if len(pairs) > MOST_POINTS:
        figure.add_trace(_binned((pairs.measured + pairs.reference) / 2, pairs.measured - pairs.reference))
    hover = "CT minus QCT %{y:+.1f} at a mean of %{x:.0f} mg/cm³"
    vendors = pairs.vendors()
    for vendor in vendors if len(pairs) <= MOST_POINTS else ():
        group = pairs.of(vendor)
        mean = (group.measured + group.reference) / 2
        figure.add_trace(_points(vendor, group, mean, group.measured - group.reference, hover))
    colour = vendor_colour(comparison.group) if comparison.group in vendors else GREY
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
