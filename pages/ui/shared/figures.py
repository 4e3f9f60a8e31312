"""Figures of the cohort: numbers in, a Plotly figure out, with units on every axis and n beside every estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from osteo_core.records import Estimate
from osteo_core.terms import Category, Vendor
from pages.ui.shared import wording
from pages.ui.shared.colours import BLUE, CATEGORY_COLOURS, GREEN, GREY, ORANGE, VENDOR_SYMBOLS, vendor_colour
from pages.ui.shared.literal import literal_in_figure

_ROW_PX = 58
_HOVER = {"namelength": -1}
#: An axis of shares: room for a whole marker at both ends.
_SHARES = {"range": [-2, 102], "tick0": 0, "dtick": 20, "ticksuffix": " %", "showgrid": True}
#: Colour and shape of the shares beside each other.
_SERIES = ((BLUE, "circle"), (ORANGE, "diamond"), (GREEN, "square"))


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often a category occurs in one group; ``n`` have a category, ``missing`` do not."""

    group: str
    n: int
    missing: int
    osteoporosis: Estimate | None
    low_bone_mass: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Number of series of one category with their mean vBMD in the bin that begins here."""

    low_mg_cm3: float
    category: Category
    count: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of the categories, in mg/cm3."""

    osteoporosis_below: float
    normal_above: float


def layout(figure: go.Figure, *, height: int, x: str, y: str) -> go.Figure:
    """Height, margins, legend on top, and titles of both axes, the same for all figures."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        hoverlabel=_HOVER,
        dragmode=False,
    )
    figure.update_xaxes(title=x, automargin=True)
    figure.update_yaxes(title=y, automargin=True)
    return figure


def _whiskers(
    rates: Sequence[Rate], estimates: Sequence[Estimate | None], *, category: Category, offset: float
) -> go.Scatter:
    known = [(k + offset, rate, e) for k, (rate, e) in enumerate(zip(rates, estimates, strict=True)) if e is not None]
    return go.Scatter(
        name=category.value,
        x=[100 * e.value for *_, e in known],
        y=[place for place, *_ in known],
        error_x=_percent_error([e for *_, e in known]),
        mode="markers",
        marker={
            "size": 11,
            "color": CATEGORY_COLOURS[category],
            "symbol": "diamond" if category is Category.OSTEOPOROSIS else "circle",
        },
        customdata=[[wording.percent(e), rate.n, rate.missing, literal_in_figure(rate.group)] for _, rate, e in known],
        hovertemplate="%{customdata[3]}<br>"
        + category.value
        + ": %{customdata[0]}<br>n %{customdata[1]}, without a category %{customdata[2]}"
        "<extra></extra>",
    )


def _percent_error(shares: Sequence[Estimate]) -> dict[str, object]:
    """The intervals of shares, as error bars along x in per cent."""
    above, below = [100 * (e.high - e.value) for e in shares], [100 * (e.value - e.low) for e in shares]
    return {"type": "data", "array": above, "arrayminus": below, "thickness": 2, "width": 5}


def prevalence_figure(rates: Sequence[Rate]) -> go.Figure:
    """Share of osteoporosis and low bone mass per group, with Wilson 95 % intervals."""
    figure = go.Figure()
    figure.add_trace(_whiskers(rates, [r.osteoporosis for r in rates], category=Category.OSTEOPOROSIS, offset=-0.13))
    figure.add_trace(_whiskers(rates, [r.low_bone_mass for r in rates], category=Category.LOW_BONE_MASS, offset=0.13))
    words = [f"{literal_in_figure(rate.group)} (n {rate.n:,})" for rate in rates]
    figure.update_yaxes(
        tickvals=list(range(len(rates))), ticktext=words, range=[len(rates) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    figure.update_xaxes(**_SHARES)
    return layout(
        figure, height=120 + _ROW_PX * max(1, len(rates)), x="share of those with a category (95 % interval)", y=""
    )


def shares_figure(groups: Sequence[str], shares: Mapping[str, Sequence[Estimate | None]]) -> go.Figure:
    """Several shares per group, each with its interval; a missing share leaves its place empty."""
    figure, names = go.Figure(), [literal_in_figure(group) for group in groups]
    for number, (name, estimates) in enumerate(shares.items()):
        known = [(k, e) for k, e in enumerate(estimates) if e is not None]
        figure.add_trace(
            go.Scatter(
                name=name,
                x=[100 * e.value for _, e in known],
                y=[k + 0.22 * (number - (len(shares) - 1) / 2) for k, _ in known],
                error_x=_percent_error([e for _, e in known]),
                mode="markers",
                marker={"size": 10, "color": _SERIES[number][0], "symbol": _SERIES[number][1]},
                customdata=[[names[k], wording.percent(e), e.n] for k, e in known],
                hovertemplate="%{customdata[0]}<br>" + name + ": %{customdata[1]}, n %{customdata[2]:,}<extra></extra>",
            )
        )
    places = list(range(len(groups)))
    figure.update_yaxes(
        tickvals=places, ticktext=names, range=[len(groups) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    figure.update_xaxes(**_SHARES)
    return layout(figure, height=120 + _ROW_PX * max(1, len(groups)), x="share of patients (95 % interval)", y="")


def add_limits(figure: go.Figure, limits: Limits) -> None:
    """Draw the limits of the categories across an x axis of vBMD."""
    for value in (limits.osteoporosis_below, limits.normal_above):
        figure.add_vline(value, line={"color": GREY, "width": 1.5, "dash": "dash"})


def distribution_figure(bins: Sequence[Bin], *, width: float, limits: Limits) -> go.Figure:
    """Histogram of mean vBMD in bins of ``width`` mg/cm3, stacked by category."""
    figure = go.Figure()
    for category in (Category.OSTEOPOROSIS, Category.LOW_BONE_MASS, Category.NORMAL, Category.NOT_REPORTABLE):
        chosen = [(one.low_mg_cm3, one.count) for one in bins if one.category is category]
        if not chosen:
            continue
        figure.add_trace(
            go.Bar(
                name=category.value,
                x=[edge + width / 2 for edge, _ in chosen],
                y=[count for _, count in chosen],
                width=width * 0.92,
                marker_color=CATEGORY_COLOURS[category],
                customdata=[[edge, edge + width] for edge, _ in chosen],
                hovertemplate="%{customdata[0]:.0f} to %{customdata[1]:.0f} mg/cm³: %{y}<extra></extra>",
            )
        )
    add_limits(figure, limits)
    figure.update_layout(barmode="stack", bargap=0.05)
    heights = Counter[float]()
    for one in bins:
        heights[one.low_mg_cm3] += one.count
    if max(heights.values(), default=0) <= 8:  # series are counted: no halves on the axis
        figure.update_yaxes(dtick=1)
    return layout(figure, height=300, x=f"mean trabecular vBMD ({wording.UNIT})", y="series")


def category_of(vbmd_mg_cm3: float, limits: Limits) -> Category:
    """On which side of the limits a value lies (both limits belong to low bone mass)."""
    if vbmd_mg_cm3 < limits.osteoporosis_below:
        return Category.OSTEOPOROSIS
    return Category.LOW_BONE_MASS if vbmd_mg_cm3 <= limits.normal_above else Category.NORMAL


@dataclass(frozen=True, kw_only=True)
class LevelPoint:
    """One level's vBMD; ``used`` is False for a level that does not count for the category."""

    level: str
    vbmd_mg_cm3: Estimate
    used: bool


def levels_figure(points: Sequence[LevelPoint], limits: Limits) -> go.Figure:
    """vBMD of each level with its interval, hollow where the level does not count."""
    figure = go.Figure()
    for used, name in ((True, "counts for the category"), (False, "does not count")):
        chosen = [p for p in points if p.used is used]
        estimates = [p.vbmd_mg_cm3 for p in chosen]
        colours = [CATEGORY_COLOURS[category_of(e.value, limits)] for e in estimates]
        figure.add_trace(
            go.Scatter(
                name=name,
                x=[e.value for e in estimates],
                y=[p.level for p in chosen],
                error_x={
                    "type": "data",
                    "array": [e.high - e.value for e in estimates],
                    "arrayminus": [e.value - e.low for e in estimates],
                    "color": GREY,
                    "width": 5,
                },
                mode="markers",
                marker={"size": 12, "color": colours, "symbol": "circle" if used else "circle-open"},
                text=[wording.estimate(e, unit=wording.UNIT) for e in estimates],
                hovertemplate="%{y}: %{text}<extra></extra>",
                showlegend=bool(chosen) and not used,
            )
        )
    add_limits(figure, limits)
    figure.update_yaxes(categoryorder="array", categoryarray=[p.level for p in reversed(points)], type="category")
    figure.update_xaxes(rangemode="tozero")
    return layout(figure, height=300, x=f"trabecular vBMD ({wording.UNIT}), 95 % interval", y="")


def shown_vendor(word: str) -> str:
    """A vendor's word as legends show it."""
    return word if word in set(Vendor) else Vendor.OTHER.value


def vendor_marker(word: str) -> dict[str, object]:
    """Colour and shape of a vendor's points."""
    vendor = Vendor(shown_vendor(word))
    return {"color": vendor_colour(vendor), "symbol": VENDOR_SYMBOLS[vendor], "size": 8, "opacity": 0.8}
