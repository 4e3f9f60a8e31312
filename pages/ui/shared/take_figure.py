"""A figure with downloads beside it: SVG, PNG by width and resolution, and its data as CSV."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from osteo_core.programme.cohort import CohortFilter
from osteo_core.tables.formulas import guarded
from pages.ui import services
from pages.ui.shared.literal import literal

#: The figure as it is drawn for a file: px wide.
WIDTH_PX = 900
_CM_PER_INCH = 2.54
#: A wider PNG takes gigabytes to draw: 60 cm at 1200 dots per inch took four, and failed.
_MOST_PX = 8000
_MOST_LETTERS = 60
#: Text and grid of a figure on white.
INK, PALE = "#1b2430", "#d9dee6"


def show_figure(figure: go.Figure, *, name: str, chosen: CohortFilter | None = None, key: str) -> None:
    """Draw the figure and, below it, the download button."""
    st.plotly_chart(figure, config={"displayModeBar": False}, key=key)
    show_taking(figure, name=name, chosen=chosen, key=key)


def show_taking(figure: go.Figure, *, name: str, chosen: CohortFilter | None, key: str) -> None:
    """The button that opens the choices; files are made on request."""
    stem = file_stem(name, chosen, datetime.now(UTC))
    with st.popover("Take this figure", icon=":material/download:", width="content", key=f"take-{key}"):
        left, right = st.columns(2)
        width_cm = left.number_input("Width, cm", 4.0, 60.0, 16.0, 1.0, key=f"take-width-{key}")
        dpi = right.number_input("PNG, dots per inch", 72, 1200, 300, 50, key=f"take-dpi-{key}")
        is_too_large = width_cm / _CM_PER_INCH * dpi > _MOST_PX
        has_browser = services.find_browser() is not None
        svg, png = partial(_drawn, figure, "svg"), partial(png_of, figure, width_cm=float(width_cm), dpi=int(dpi))
        files = {
            "SVG": (svg, f"{stem}.svg", "image/svg+xml"),
            "PNG": (png, f"{stem}.png", "image/png"),
            "Data (CSV)": (partial(data_csv, figure), f"{stem}.csv", "text/csv"),
        }
        with st.container(horizontal=True):
            for words, (make, file_name, mime) in files.items():
                st.download_button(
                    literal(words),
                    make,
                    file_name,
                    mime,
                    on_click="ignore",
                    disabled=mime != "text/csv" and (not has_browser or (is_too_large and mime == "image/png")),
                    key=f"take-{words}-{key}",
                )
        if is_too_large:
            st.caption(f"A PNG is at most {_MOST_PX:,} pixels wide: choose fewer dots per inch, or take the SVG.")
        if not has_browser:
            st.caption(services.BROWSER_NEEDED)


def file_stem(name: str, chosen: CohortFilter | None, at: datetime) -> str:
    """'prevalence_by_sex_vendor-GE_2026-11-29': content, cohort and date of the figure."""
    query = "" if chosen is None else chosen.to_query()
    of = re.sub(r"[^A-Za-z0-9.]+", "-", query).strip("-")[:_MOST_LETTERS] or "everybody"
    return f"{name}_{of}_{at.astimezone():%Y-%m-%d}"


def png_of(figure: go.Figure, *, width_cm: float, dpi: int) -> bytes:
    """The figure as PNG of this width at this resolution, which the file states. Raises PictureError as ``picture``."""
    from PIL import Image  # only where a picture is made

    scale = width_cm / _CM_PER_INCH * dpi / WIDTH_PX
    drawn = Image.open(io.BytesIO(_drawn(figure, "png", scale=scale)))
    out = io.BytesIO()
    drawn.save(out, format="PNG", dpi=(dpi, dpi))
    return out.getvalue()


def _drawn(figure: go.Figure, kind: services.PictureKind, *, scale: float = 1.0) -> bytes:
    """The figure on white, without hover texts, so that no patient key leaves with it."""
    height = int(figure.layout.height or 400)
    drawn = go.Figure(figure).update_traces(customdata=None, hovertemplate=None)
    drawn.update_layout(template="plotly_white", width=WIDTH_PX, height=height, font={"color": INK})
    drawn.update_xaxes(gridcolor=PALE)
    drawn.update_yaxes(gridcolor=PALE)
    return services.picture(drawn, kind, width=WIDTH_PX, height=height, scale=scale)


def data_csv(figure: go.Figure) -> bytes:
    """What the figure shows as rows: the series, both coordinates under their axis titles, and intervals if drawn.

    Patient keys are only in the hover texts, which are left out.
    """
    x_title, y_title = figure.layout.xaxis.title.text or "x", figure.layout.yaxis.title.text or "y"
    ticks = dict(zip(figure.layout.yaxis.tickvals or (), figure.layout.yaxis.ticktext or (), strict=False))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("series", x_title, f"{x_title}, low", f"{x_title}, high", y_title))
    for trace in figure.data:
        xs, ys = _values(trace.x), _values(trace.y)
        ups = _values(trace.error_x.array) if getattr(trace, "error_x", None) is not None else []
        downs = _values(trace.error_x.arrayminus) if ups else []
        for n, (x, y) in enumerate(zip(xs, ys, strict=False)):
            low = x - downs[n] if n < len(downs) else ""
            high = x + ups[n] if n < len(ups) else ""
            label = ticks.get(round(y), y) if ticks and isinstance(y, int | float) else y
            writer.writerow(map(_cell, (trace.name or "", x, low, high, label)))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: Any) -> Any:
    """The text before it was escaped as a label of the figure."""
    return guarded(html.unescape(value)) if isinstance(value, str) else value


def _values(given: Any) -> list[Any]:
    return [] if given is None else np.asarray(given).tolist()
